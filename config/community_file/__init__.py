"""twinstream.toml as a text: its encoding, its lines, and Telegram's rule for the tags in it."""

from .reading import Document, read
from .telegram_tags import tag_problem

__all__ = ["Document", "read", "tag_problem"]
