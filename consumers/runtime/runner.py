"""How every role runs: it is opened, then one bounded `step` follows another until a stop.

A role that cannot go on because Postgres, Redis or its platform is away or refuses waits, longer
each time, and tries again, while the others go on. A refusal may be the fault of one entry or one
stream, and ending the process would stop both directions for it. Any other error ends the process,
and so does a Redis that does not know a command: a supervisor starts a new process, and correctness
depends on neither.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import structlog

from bus import BusError, ServerUnfit
from config import ConfigError
from db import Contention, StorageUnavailable

from . import metrics

log = structlog.get_logger("twinstream.consumers")

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0

T = TypeVar("T")


class NotYet(Exception):
    """A role cannot start for a reason that passes, such as a platform that does not answer."""


class RoleFailed(Exception):
    """A role ended by an error that nobody expected. It is in the log, with its traceback."""


class Role(Protocol):
    """One duty of the consumers process."""

    @property
    def pause_s(self) -> float:
        """How long to wait after an idle step; 0 for a role whose steps wait by themselves."""
        ...

    def describe(self) -> Mapping[str, object]:
        """Return the settings that the role runs with, for its start line."""
        ...

    async def step(self) -> int:
        """Do one bounded round. Returns how much was done; 0 means that nothing was waiting."""
        ...


class Patience:
    """The waits of somebody who cannot go on: longer each time, each cause told once."""

    def __init__(self, who: str, stop: asyncio.Event) -> None:
        self._who = who
        self._stop = stop
        self._delay_s = BACKOFF_FIRST_S
        self._why: str | None = None

    async def wait(self, error: Exception) -> None:
        """Wait for a while, or until a stop is asked for."""
        why = str(error)
        tell = log.debug if why == self._why else log.warning
        tell("role.waiting", role=self._who, retry_s=self._delay_s, why=why)
        self._why = why
        metrics.ROLE_WAITING.labels(self._who).set(1)
        await pause(self._stop, self._delay_s)
        self._delay_s = min(self._delay_s * 2, BACKOFF_MAX_S)

    def over(self) -> None:
        """Note that it works (again)."""
        if self._why is not None:
            log.info("role.resumed", role=self._who)
        self._why = None
        self._delay_s = BACKOFF_FIRST_S
        metrics.ROLE_WAITING.labels(self._who).set(0)


async def run(
    name: str, open_role: Callable[[], AbstractAsyncContextManager[Role]], stop: asyncio.Event
) -> None:
    """Open a role and run it until `stop` is set; the step under way is finished first.

    Raises:
        ConfigError: the role cannot work with these settings.
        RoleFailed: anything else that trying again does not cure.
    """
    patience = Patience(name, stop)
    try:
        while not stop.is_set():
            try:
                async with open_role() as role:
                    log.info("role.started", role=name, **role.describe())
                    await _run_steps(role, patience, stop)
            except ServerUnfit:
                raise
            except (NotYet, StorageUnavailable, Contention, BusError) as error:
                await patience.wait(error)
    except ConfigError:
        raise
    except Exception as error:
        log.exception("role.failed", role=name)
        raise RoleFailed(f"the role {name} failed: {error}") from error
    log.info("role.stopped", role=name)


async def _run_steps(role: Role, patience: Patience, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            done = await role.step()
        except ServerUnfit:
            raise
        except (StorageUnavailable, Contention, BusError) as error:
            await patience.wait(error)
            continue
        patience.over()
        if not done:
            await pause(stop, role.pause_s)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until a stop is asked for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Await `work`, or cancel it and return None once a stop is asked for.

    Only for work that may be cut off anywhere, such as waiting for new entries. It has ended, one
    way or the other, when this returns or raises.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()  # without effect on what is done
        stopping.cancel()
        await asyncio.wait({working, stopping})
    return None if working.cancelled() else working.result()
