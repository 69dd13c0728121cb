"""Telegram's HTML."""

import html
from datetime import UTC, datetime

#: A word joiner: it takes no room, and keeps a name such as @alice from mentioning that account.
_AFTER_AT = "\u2060"


class TelegramMarkup:
    """Writes the HTML that `parse_mode=HTML` accepts."""

    def bold(self, text: str) -> str:
        return f"<b>{text}</b>"

    def code(self, text: str) -> str:
        return f"<code>{html.escape(text, quote=False)}</code>"

    def moment(self, when: datetime) -> str:
        return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def plain(self, text: str) -> str:
        return html.escape(text, quote=False).replace("@", f"@{_AFTER_AT}")
