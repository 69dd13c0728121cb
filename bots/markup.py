"""How the same answer looks on each platform: answers are written once, in terms of this."""

from datetime import datetime
from typing import Protocol


class Markup(Protocol):
    """A platform's way to write. The texts themselves hold no character that it would read."""

    def bold(self, text: str) -> str:
        """Return the text in bold; it must be free of markup."""
        ...

    def code(self, text: str) -> str:
        """Return the text so that it is easy to copy."""
        ...

    def moment(self, when: datetime) -> str:
        """Return a moment as precisely as people need it, in their own time if that is known."""
        ...

    def plain(self, text: str) -> str:
        """Return a text that somebody else wrote, such as a name, so that it is only text."""
        ...
