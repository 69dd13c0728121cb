"""Telegram's HTML."""

import html
from datetime import UTC, datetime

from bots.texts.durations import time_until
from bots.texts.languages import Texts
from bots.texts.outside_text import inert, isolated, one_line


class TelegramMarkup:
    """Writes the HTML that `parse_mode=HTML` accepts."""

    def bold(self, text: str) -> str:
        return f"<b>{text}</b>"

    def code(self, text: str) -> str:
        return f"<code>{html.escape(text, quote=False)}</code>"

    def moment(self, when: datetime) -> str:
        return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def until(self, when: datetime, now: datetime, texts: Texts) -> str:
        return time_until(when, now, texts)

    def plain(self, text: str) -> str:
        # Telegram finds links, mentions and commands in any text, with or without markup.
        return html.escape(isolated(inert(one_line(text))), quote=False)

    def literal(self, text: str) -> str:
        return html.escape(text, quote=False)
