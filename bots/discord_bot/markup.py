"""Discord's Markdown."""

import re
from datetime import datetime
from typing import Final

from discord.utils import escape_markdown, format_dt

from bots.texts.languages import Texts
from bots.texts.outside_text import WORD_JOINER, inert, isolated, one_line

#: Emoji of a server and names of channels, as one copies them into a text.
_OWN_EMOJI: Final = re.compile(r"(<a?:\w+:\d+>|<#\d+>)")


class DiscordMarkup:
    """Writes the Markdown that Discord's clients render."""

    def bold(self, text: str) -> str:
        return f"**{text}**"

    def code(self, text: str) -> str:
        return f"`{text.replace('`', '')}`"

    def moment(self, when: datetime) -> str:
        return format_dt(when, "f")

    def until(self, when: datetime, now: datetime, texts: Texts) -> str:
        return format_dt(when, "R")

    def plain(self, text: str) -> str:
        # Discord acts on parts that begin with < or @, or hold a point, a colon or a slash.
        escaped = escape_markdown(one_line(text), ignore_links=False)
        return isolated(inert(escaped).replace("<", f"<{WORD_JOINER}"))

    def literal(self, text: str) -> str:
        pieces = _OWN_EMOJI.split(text)
        return "".join(
            piece if number % 2 else escape_markdown(piece) for number, piece in enumerate(pieces)
        )
