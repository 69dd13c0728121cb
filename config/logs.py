"""Logs: one line of JSON per event for machines, a short line of text at a terminal.

Text from outside in a line is made visible, because people read both forms at a terminal.
"""

import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from .log_lines import WIDTH, TerminalRenderer
from .masking import masking
from .outside_text import visible
from .settings import Settings


def set_up_logs(*, level: str = "info", style: str = "auto", secrets: Iterable[str] = ()) -> None:
    """Send structured logs to stderr. A process calls this once, before anything else.

    `style` is `json`, `console`, or `auto`: console at a terminal, JSON otherwise. Lines of the
    libraries' own loggers have the same form, from WARNING on. `secrets` are hidden in all lines,
    and in the traceback with which a process ends: a library's error may quote a token.
    """
    mask = masking(secrets)
    sys.excepthook = _masked_excepthook(mask)
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        TerminalRenderer(
            width=_terminal_width, coloured=_is_coloured(), show_traceback=_visible_traceback
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatting: list[structlog.typing.Processor] = (
        [_with_spans, _all_visible]
        if console
        else [structlog.processors.format_exc_info, _all_visible]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        _MaskingFormatter(
            mask,
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *formatting,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("twinstream").setLevel(level.upper())


def set_up_logs_of(settings: Settings) -> None:
    """Set up the logs of a process as its settings say, with their secrets hidden."""
    set_up_logs(
        level=settings.twinstream_log_level,
        style=settings.twinstream_log_format,
        secrets=settings.secrets(),
    )


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Hides secrets in the finished line, so that it covers every field and every traceback."""

    def __init__(self, mask: Callable[[str], str], **settings: Any) -> None:
        super().__init__(**settings)
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _masked_excepthook(
    mask: Callable[[str], str],
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def write(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(mask(visible(text, lines=True)))

    return write


#: The values that the renderer still needs as objects, and those that have several lines.
_OBJECTS = ("exc_info",)
_WITH_LINES = ("exception", "stack")


def _terminal_width() -> int | None:
    """Return the columns of the terminal at stderr; None if stderr is none."""
    try:
        return (os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH) - 1
    except (OSError, ValueError):
        return None


def _is_coloured() -> bool:
    return sys.stderr.isatty()


def _visible_traceback(target: TextIO, raised: structlog.typing.ExcInfo) -> None:
    """Write a traceback without local variables: they hold addresses and passwords."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, raised)
    target.write(visible(text.getvalue(), lines=True))


def _all_visible(
    _: structlog.typing.WrappedLogger, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Make every value of a line visible, in lists and mappings as well."""
    return {
        key: value if key in _OBJECTS else _made_visible(value, lines=key in _WITH_LINES)
        for key, value in line.items()
    }


def _made_visible(value: Any, *, lines: bool = False) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {visible(str(key)): _made_visible(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_made_visible(one) for one in value]
    return visible(value if isinstance(value, str) else repr(value), lines=lines)


_DAY_S = 86_400.0
_UNITS = ((3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def span(seconds: float) -> str:
    """Write a duration as people say it: 30 days, 24 h, 15 min, 1.5 s, 250 ms."""
    if seconds >= 2 * _DAY_S and seconds % _DAY_S == 0:
        return f"{seconds / _DAY_S:g} days"
    for length, unit in _UNITS:
        if seconds >= length and (seconds % length == 0 or length == 1):
            return f"{seconds / length:g} {unit}"
    return f"{seconds * 1_000:g} ms"


def _with_spans(
    _: structlog.typing.WrappedLogger, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """In lines of `role.started`, write interval_s=900 as interval='15 min'."""
    if line.get("event") != "role.started":
        return line
    spoken: structlog.typing.EventDict = {}
    for key, value in line.items():
        name, _, unit = key.rpartition("_")
        if isinstance(value, int | float) and unit in ("s", "ms") and name:
            spoken[name] = span(value / 1_000 if unit == "ms" else value)
        else:
            spoken[key] = value
    return spoken
