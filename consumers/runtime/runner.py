"""How every role runs: it is opened, then one bounded `step` follows another until a stop.

A role waits, longer each time, and retries while Postgres, Redis or its platform is away or
refuses, or while its own work has to wait; the other roles go on. A refusal may be the fault of one
entry or one stream, and an end of the process would stop both directions for it. Any other error
ends the process, and so does a Redis that does not know a command: a supervisor starts a new
process. Correctness depends on neither.
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
from db.error_causes.logged_causes import LoggedCauses

from . import metrics

log = structlog.get_logger("twinstream.consumers")

#: The first wait. A failover or a lock takes about this long; each further wait is twice as long.
BACKOFF_FIRST_S = 0.1
#: The longest wait, so that a role is back within seconds after an outage of any length.
BACKOFF_MAX_S = 5.0

T = TypeVar("T")


class NotYet(Exception):
    """A role cannot start for a temporary reason, such as a platform that does not answer.

    An attempt within `retry_s` seconds is of no use.
    """

    def __init__(self, why: str, *, retry_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_s = retry_s


class Deferred(Exception):
    """A step left work undone that has to wait for another consumer. Nothing failed: retry it."""


class RoleFailed(Exception):
    """A role ended by an unexpected error. The log has it, with its traceback."""


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
        """Do one bounded piece of work. Returns how much was done; 0 means that none was waiting.

        Raises:
            Deferred: the rest has to wait for another consumer.
            StorageUnavailable, Contention, BusError: retry the step later.
        """
        ...


class Backoff:
    """The waits of a role that cannot go on: longer each time, each cause logged once."""

    def __init__(self, role: str, stop: asyncio.Event) -> None:
        self._role = role
        self._stop = stop
        self._delay_s = BACKOFF_FIRST_S
        self._news = LoggedCauses()

    async def wait(self, error: Exception) -> None:
        """Wait until the next attempt is due, or until a stop is requested."""
        why = str(error)
        asked_s = error.retry_s if isinstance(error, NotYet) else 0.0
        delay_s = max(self._delay_s, asked_s)
        is_news = self._news.is_new(why, wait_s=delay_s)
        fields = {"role": self._role, "retry_s": delay_s, "why": why}
        if isinstance(error, Deferred):
            log_at = log.info if is_news else log.debug
            log_at("step.deferred", **fields)
        else:
            log_at = log.warning if is_news else log.debug
            log_at("role.delayed", **fields)
        metrics.ROLE_WAITING.labels(self._role).set(1)
        await pause(self._stop, delay_s)
        self._delay_s = min(self._delay_s * 2, BACKOFF_MAX_S)

    def reset(self) -> None:
        """Begin again with the first wait, because the role works (again)."""
        if self._news.end():
            log.info("role.resumed", role=self._role)
        self._delay_s = BACKOFF_FIRST_S
        metrics.ROLE_WAITING.labels(self._role).set(0)


async def run(
    name: str, open_role: Callable[[], AbstractAsyncContextManager[Role]], stop: asyncio.Event
) -> None:
    """Open a role and run it until `stop` is set; the step under way is finished first.

    Raises:
        ConfigError: the role cannot work with these settings.
        RoleFailed: any other error that a retry does not cure.
    """
    backoff = Backoff(name, stop)
    try:
        while not stop.is_set():
            try:
                async with open_role() as role:
                    log.info("role.started", role=name, **role.describe())
                    await _run_steps(role, backoff, stop)
            except ServerUnfit:
                raise
            except (NotYet, StorageUnavailable, Contention, BusError) as error:
                await backoff.wait(error)
    except ConfigError:
        raise
    except Exception as error:
        log.exception("role.failed", role=name)
        raise RoleFailed(f"the role {name} failed: {error}") from error
    log.info("role.stopped", role=name)


async def _run_steps(role: Role, backoff: Backoff, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            done = await role.step()
        except ServerUnfit:
            raise
        except (Deferred, StorageUnavailable, Contention, BusError) as error:
            await backoff.wait(error)
            continue
        backoff.reset()
        if not done:
            await pause(stop, role.pause_s)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until a stop is requested."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Await `work`, or cancel it and return None once a stop is requested.

    Only for work that may be cancelled anywhere, such as waiting for new entries. `work` has ended
    when this returns or raises.
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
