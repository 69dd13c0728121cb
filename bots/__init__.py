"""The two bots and the game they share.

Run them as `python -m bots.telegram_bot` and `python -m bots.discord_bot`.
"""
