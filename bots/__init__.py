"""The two bots and the features that they share.

Run them as `python -m bots.telegram_bot` and `python -m bots.discord_bot`.

- `features/` has one room per feature: its logic and its texts, the same for both platforms.
- `telegram_bot/` and `discord_bot/` translate between their platform and the rooms.
- `runtime/` starts, supervises and stops a bot's process.
- `texts/` writes words, amounts and names in a member's language and a platform's markup.
- `locales/` holds the translations.
"""

import config  # noqa: F401 - it imports structlog, as `config.structlog_library` says
