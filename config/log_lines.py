"""Lines at a terminal: local time, the event, ids, and then the words; each fits the terminal."""

import io
import sys
import textwrap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog

#: Columns of the time and the space after it, by which further lines are set in.
INDENT: Final = 9
#: Columns of a terminal that does not say how many it has.
WIDTH: Final = 80
#: The fields that hold sentences. They come last, so that the ids are seen first.
SENTENCES: Final = ("why", "reason", "error")
#: The levels whose lines go on below instead of ending at the edge: a person has to act.
_LOUD: Final = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"

ShowTraceback = Callable[[TextIO, Any], None]


def time_of_day(timestamp: str) -> str:
    """Write the time of a line in the machine's time zone, to the second."""
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp[:8].ljust(8)
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone().strftime("%H:%M:%S")


def short_line(line: Mapping[str, Any], *, width: int | None, coloured: bool = False) -> str:
    """Write one event in one line of `width` columns; of warnings and errors also the rest. Pure.

    Without a width, nothing is cut or continued.
    """
    fields = {
        name: value
        for name, value in line.items()
        if name not in ("event", "timestamp", "level", "logger", "exception", "stack")
    }
    fields = dict(sorted(fields.items(), key=lambda one: one[0] in SENTENCES))
    level, event = str(line.get("level", "info")), str(line.get("event", ""))
    loud = level.upper() + " " if level in _LOUD else ""
    said = f"{loud}{event} " + " ".join(f"{name}={_text(one)}" for name, one in fields.items())
    told = [said.strip()]
    if width is not None:
        room = max(width - INDENT, 20)
        told = textwrap.wrap(told[0], room, break_on_hyphens=False) or [""]
        if level not in _LOUD and len(told) > 1:
            told = [_cut(said.strip(), room)]
    first = told[0]
    if coloured:
        painted = f"{_LOUD.get(level, _BOLD)}{loud}{event}{_RESET}"
        first = first.replace(f"{loud}{event}", painted, 1)
    rest = "".join(f"\n{' ' * INDENT}{one}" for one in told[1:])
    return f"{time_of_day(str(line.get('timestamp', '')))} {first}{rest}"


class TerminalRenderer:
    """The last processor of structlog at a terminal."""

    def __init__(
        self, *, width: Callable[[], int | None], coloured: bool, show_traceback: ShowTraceback
    ) -> None:
        self._width = width
        self._coloured = coloured
        self._show_traceback = show_traceback

    def __call__(
        self, _: structlog.typing.WrappedLogger, __: str, line: structlog.typing.EventDict
    ) -> str:
        """Render one event, and the traceback below it."""
        raised = line.pop("exc_info", None)
        told = short_line(line, width=self._width(), coloured=self._coloured)
        for below in (line.get("stack"), line.get("exception")):
            told += f"\n{below}" if below else ""
        return told + _traceback(raised, self._show_traceback)


def _traceback(raised: Any, show: ShowTraceback) -> str:
    if not raised:
        return ""
    if isinstance(raised, BaseException):
        raised = (type(raised), raised, raised.__traceback__)
    elif not isinstance(raised, tuple):
        raised = sys.exc_info()
    if raised[0] is None:
        return ""
    text = io.StringIO()
    show(text, raised)
    return "\n" + text.getvalue().rstrip("\n")


def _text(value: Any) -> str:
    if isinstance(value, str):
        is_plain = value and not any(mark.isspace() or mark in "'\"=" for mark in value)
        return value if is_plain else repr(value)
    return str(value) if isinstance(value, int | float) else repr(value)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 3] + "..."
