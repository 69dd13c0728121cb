"""Gateway events that discord.py cannot read. Such an event costs only itself.

discord.py lets the error of a payload that it cannot parse end the client. So each parser is
wrapped: the event is logged, counted and skipped, and the session goes on.
"""

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import discord
import structlog

from bots.runtime.metrics import UPDATES_SKIPPED

log = structlog.get_logger("twinstream.discord_bot")

#: Events without which there is no session that could go on.
INDISPENSABLE: Final = frozenset({"READY", "RESUMED"})


def guard_parsers(client: discord.Client) -> None:
    """Keep gateway events that cannot be parsed from ending the client."""
    parsers = client._connection.parsers
    for event, parse in parsers.items():
        if event not in INDISPENSABLE:
            parsers[event] = partial(_parse, event, parse)


def _parse(event: str, parse: Callable[[Any], None], data: Any) -> None:
    try:
        parse(data)
    except Exception as error:  # noqa: BLE001 - any error of a parser is its event's
        log.warning("gateway_event.skipped", kind=event, why=cause_of(error))
        UPDATES_SKIPPED.labels("discord").inc()


def cause_of(error: Exception) -> str:
    """Name the error and its place, without quoting anything that members wrote."""
    [*_, frame] = traceback.extract_tb(error.__traceback__) or [None]
    place = f" at {Path(frame.filename).name}:{frame.lineno}" if frame is not None else ""
    return f"{type(error).__name__}{place}"
