"""Keeping a bot running through outages, until the process is asked to stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from db.error_causes.logged_causes import LoggedCauses

from .backoff import backoff_s
from .errors import Stopped, Unready
from .health import Health

log = structlog.get_logger("twinstream.bots")

T = TypeVar("T")

#: Seconds before the second attempt: a short hiccup of Postgres or a platform is over by then.
DELAY_FIRST_S = 1.0
#: Seconds between attempts at most: after a long outage members wait no longer than this.
DELAY_MAX_S = 30.0
#: An attempt that ran longer than this, in seconds, ended an outage: delays start again from the
#: first.
STEADY_S = 60.0


class Supervisor:
    """Retries attempts that failed for a transient reason, and ends when `stop` is set."""

    def __init__(
        self,
        stop: asyncio.Event,
        *,
        delay_first_s: float = DELAY_FIRST_S,
        delay_max_s: float = DELAY_MAX_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.stop = stop
        self.health = Health()
        self._delay_first_s = delay_first_s
        self._delay_max_s = delay_max_s
        self._chance = chance

    async def keep(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        what: str,
        transient: tuple[type[Exception], ...],
    ) -> T:
        """Run `attempt` until it returns, and again after each error in `transient`.

        The log tells of each cause once.

        Raises:
            Stopped: `stop` was set before an attempt succeeded.
        """
        failures = 0
        news = LoggedCauses()
        clock = asyncio.get_running_loop().time
        while not self.stop.is_set():
            began = clock()
            try:
                return await attempt()
            except transient as error:
                failures = 1 if clock() - began > STEADY_S else failures + 1
                delay_s = self._delay_s(failures)
                if isinstance(error, Unready):
                    delay_s = max(delay_s, error.wait_s)
                why = f"{type(error).__name__}: {error}"
                log_at = log.warning if news.is_new(why, wait_s=delay_s) else log.debug
                log_at(
                    "attempt.failed",
                    what=what,
                    why=why,
                    failures=failures,
                    again_in_s=round(delay_s, 1),
                )
            await self.pause(delay_s)
        raise Stopped(what)

    async def keep_up(self, work: Callable[[], Awaitable[None]], *, what: str) -> None:
        """Run a duty until it returns or `stop` is set, and again after each error.

        An error here is one that the duty did not expect. The log tells of each cause once.
        """
        failures = 0
        news = LoggedCauses()
        clock = asyncio.get_running_loop().time
        while not self.stop.is_set():
            began = clock()
            try:
                await work()
            except Exception as error:
                failures = 1 if clock() - began > STEADY_S else failures + 1
                delay_s = self._delay_s(failures)
                why = f"{type(error).__name__}: {error}"
                known = {"duty": what, "why": why, "failures": failures, "again_in_s": delay_s}
                if news.is_new(why, wait_s=delay_s):
                    log.exception("duty.failed", **known)
                else:
                    log.debug("duty.failed", **known)
            else:
                return
            await self.pause(delay_s)

    async def pause(self, delay_s: float) -> None:
        """Wait `delay_s` seconds, or until `stop` is set."""
        try:
            await asyncio.wait_for(self.stop.wait(), delay_s)
        except TimeoutError:
            return

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, but cancel it as soon as `stop` is set.

        Raises:
            Stopped: `stop` was set first; `work` was cancelled.
        """
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait({working})
        raise Stopped

    def _delay_s(self, failures: int) -> float:
        return backoff_s(
            failures, first_s=self._delay_first_s, max_s=self._delay_max_s, chance=self._chance()
        )
