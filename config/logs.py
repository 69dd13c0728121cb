"""Logs: one line of JSON per event for machines, coloured text at a terminal."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import structlog

from .masking import masking


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
        # structlog's rich traceback prints local variables, and with them addresses and passwords.
        structlog.dev.ConsoleRenderer(
            sort_keys=False, exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatting: list[structlog.typing.Processor] = (
        [_with_spans] if console else [structlog.processors.format_exc_info]
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
        sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))

    return write


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
