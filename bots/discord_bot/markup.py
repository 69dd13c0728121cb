"""Discord's Markdown."""

from discord.utils import escape_markdown, escape_mentions


class DiscordMarkup:
    """Writes what Discord's clients read."""

    def bold(self, text: str) -> str:
        return f"**{text}**"

    def code(self, text: str) -> str:
        return f"`{text.replace('`', '')}`"

    def plain(self, text: str) -> str:
        return escape_mentions(escape_markdown(text, ignore_links=False))
