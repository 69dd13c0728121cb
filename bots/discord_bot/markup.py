"""Discord's Markdown."""

from datetime import datetime

from discord.utils import escape_markdown, format_dt

from bots.texts.outside_text import WORD_JOINER, inert, isolated, one_line


class DiscordMarkup:
    """Writes the Markdown that Discord's clients render."""

    def bold(self, text: str) -> str:
        return f"**{text}**"

    def code(self, text: str) -> str:
        return f"`{text.replace('`', '')}`"

    def moment(self, when: datetime) -> str:
        return format_dt(when, "f")

    def plain(self, text: str) -> str:
        # Discord acts on parts that begin with < or @, or hold a point, a colon or a slash.
        escaped = escape_markdown(one_line(text), ignore_links=False)
        return isolated(inert(escaped).replace("<", f"<{WORD_JOINER}"))
