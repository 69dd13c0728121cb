"""The port through which texts are formatted; each platform implements it in its `markup.py`."""

from datetime import datetime
from typing import Protocol

from .languages import Texts


class Markup(Protocol):
    """One platform's formatting. The texts themselves hold no character that it would interpret."""

    def bold(self, text: str) -> str:
        """Return the text in bold; it must be free of markup."""
        ...

    def code(self, text: str) -> str:
        """Return the text so that it is easy to copy."""
        ...

    def moment(self, when: datetime) -> str:
        """Return a moment to the minute, in the reader's own time zone if the platform knows it."""
        ...

    def until(self, when: datetime, now: datetime, texts: Texts) -> str:
        """Say how long it is until a moment; a platform that counts down by itself does so."""
        ...

    def plain(self, text: str) -> str:
        """Show a text from outside, such as a name: in one line, without anything that acts.

        It has no markup, link, mention, command or timestamp, and no character that cannot be seen.
        The result is empty if nothing in the text can be seen; `shown_name` offers another name.
        """
        ...

    def literal(self, text: str) -> str:
        """Show a text of the operator as it is written: links work, and nothing is markup."""
        ...
