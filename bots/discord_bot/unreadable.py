"""What Discord sends and discord.py cannot read costs itself only.

discord.py lets the error of a payload that it cannot parse end the client. So each parser is
wrapped: the event is logged, counted and passed over, and the session goes on.
"""

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import discord
import structlog

from bots.metrics import UPDATES_SKIPPED

log = structlog.get_logger("twinstream.discord_bot")

#: What discord.py raises where a field is missing, of another type, or not JSON at all.
UNREADABLE: Final = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: Without these there is no session that could go on.
INDISPENSABLE: Final = frozenset({"READY", "RESUMED"})


def guard_parsers(client: discord.Client) -> None:
    """Let no gateway event that cannot be parsed end the client."""
    parsers = client._connection.parsers
    for event, parse in parsers.items():
        if event not in INDISPENSABLE:
            parsers[event] = partial(_parse, event, parse)


def _parse(event: str, parse: Callable[[Any], None], data: Any) -> None:
    try:
        parse(data)
    except UNREADABLE as error:
        log.warning("gateway.event_skipped", kind=event, why=cause_of(error))
        UPDATES_SKIPPED.labels("discord").inc()


def cause_of(error: Exception) -> str:
    """Say what is wrong and where, without quoting what members wrote."""
    [*_, frame] = traceback.extract_tb(error.__traceback__) or [None]
    place = f" at {Path(frame.filename).name}:{frame.lineno}" if frame is not None else ""
    return f"{type(error).__name__}{place}"
