"""Lines of a log that structlog's `capture_logs` gathers."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from tests.support.recorded_events import until

Lines = Sequence[MutableMapping[str, Any]]


async def until_logged(lines: Lines, event: str, *, times: int = 1) -> None:
    """Return once the log has so many lines of the event, of any level."""

    async def is_logged() -> bool:
        return [line["event"] for line in lines].count(event) >= times

    await until(is_logged, what=f"{event}, {times} times")


def told(lines: Lines) -> list[str]:
    """Return the events that an operator sees: without lines of the level debug."""
    return [line["event"] for line in lines if line["log_level"] != "debug"]
