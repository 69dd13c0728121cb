"""Discord's Markdown."""

from datetime import datetime

from discord.utils import escape_markdown, escape_mentions, format_dt


class DiscordMarkup:
    """Writes the Markdown that Discord's clients render."""

    def bold(self, text: str) -> str:
        return f"**{text}**"

    def code(self, text: str) -> str:
        return f"`{text.replace('`', '')}`"

    def moment(self, when: datetime) -> str:
        return format_dt(when, "f")

    def plain(self, text: str) -> str:
        return escape_mentions(escape_markdown(text, ignore_links=False))
