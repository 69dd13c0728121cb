"""The terminal of an operator's command."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from . import visible


class Terminal(Console):
    """A console that takes no text for markup or emoji codes, and prints no control character.

    Style is given as `Text(..., style=...)`, never in a string: a string may hold outside text.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a string visible before it is laid out, so that a table has room for it."""
        return super().render_str(visible(text, lines=True), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Make visible what reached rich in another form than a string."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text, lines=True), segment.style)


def whole_table(*headers: str, **options: Any) -> Table:
    """Return a table that breaks a long word where the terminal is narrow, and cuts none.

    rich cuts it by default, and an operator cannot type a key or an account that is cut.
    """
    return Table(*(Column(header, overflow="fold") for header in headers), **options)
