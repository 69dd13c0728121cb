"""How every role runs: one bounded `step` after another until a stop is asked for.

A role that cannot go on for a reason that passes (Postgres or Redis is away) waits, longer each
time, and tries again. Any other error ends the process: whoever supervises it starts a new one,
and correctness depends on neither.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from typing import Protocol, TypeVar

import structlog

from bus import BusError, CommandRefused
from db import Contention, StorageUnavailable

log = structlog.get_logger("twinstream.consumers")

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0

T = TypeVar("T")


class NotYet(Exception):
    """A role cannot start for a reason that passes, such as a platform that does not answer."""


class Role(Protocol):
    """One duty of the consumers process."""

    name: str
    #: How long to wait after a step that found nothing to do; 0 for a step that waits by itself.
    pause_s: float

    def describe(self) -> Mapping[str, object]:
        """Return the settings that the role runs with, for its start line."""
        ...

    async def step(self) -> int:
        """Do one bounded round. Returns how much was done; 0 means that nothing was waiting."""
        ...


async def run(role: Role, stop: asyncio.Event) -> None:
    """Run a role until `stop` is set; the step under way is finished first."""
    log.info("role.started", role=role.name, **role.describe())
    delay_s = BACKOFF_FIRST_S
    while not stop.is_set():
        try:
            done = await role.step()
        except (StorageUnavailable, Contention, BusError) as error:
            if isinstance(error, CommandRefused):
                raise
            log.warning("role.waiting", role=role.name, retry_s=delay_s, why=str(error))
            await pause(stop, delay_s)
            delay_s = min(delay_s * 2, BACKOFF_MAX_S)
            continue
        delay_s = BACKOFF_FIRST_S
        if not done:
            await pause(stop, role.pause_s)
    log.info("role.stopped", role=role.name)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until a stop is asked for."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Await `work`, or cancel it and return None once a stop is asked for.

    Only for work that may be cut off anywhere, such as waiting for new entries.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working if not working.done() else None
