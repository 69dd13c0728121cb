"""Keeping one thing running although its surroundings fail, until the process is asked to stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from .errors import Stopped
from .pulse import Pulse

log = structlog.get_logger("twinstream.bots")

T = TypeVar("T")

DELAY_FIRST_S = 1.0
DELAY_MAX_S = 30.0
#: After so long without a failure the next one is a new story: its delay starts from the first.
STEADY_S = 60.0


def backoff_s(attempt: int, *, first_s: float, max_s: float, chance: float) -> float:
    """Return how long to wait after failure number `attempt` (from 1): doubling, up to `max_s`.

    `chance` (0 to 1) takes up to a half off, so that many that failed together come back apart.
    """
    whole = min(max_s, first_s * 2.0 ** min(attempt - 1, 32))
    return whole * (1 - chance / 2)


class Supervisor:
    """Tries again what failed for a passing reason, and gives way when `stop` is set."""

    def __init__(
        self,
        stop: asyncio.Event,
        *,
        delay_first_s: float = DELAY_FIRST_S,
        delay_max_s: float = DELAY_MAX_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.stop = stop
        self.pulse = Pulse()
        self._delay_first_s = delay_first_s
        self._delay_max_s = delay_max_s
        self._chance = chance

    async def keep(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        what: str,
        passing: tuple[type[Exception], ...],
    ) -> T:
        """Run `attempt` until it returns, again and again after the errors in `passing`.

        Raises:
            Stopped: `stop` was set before an attempt succeeded.
        """
        failures = 0
        clock = asyncio.get_running_loop().time
        while not self.stop.is_set():
            began = clock()
            try:
                return await attempt()
            except passing as error:
                failures = 1 if clock() - began > STEADY_S else failures + 1
                delay_s = backoff_s(
                    failures,
                    first_s=self._delay_first_s,
                    max_s=self._delay_max_s,
                    chance=self._chance(),
                )
                log.warning(
                    "attempt.failed",
                    what=what,
                    why=f"{type(error).__name__}: {error}",
                    failures=failures,
                    again_in_s=round(delay_s, 1),
                )
            await self.pause(delay_s)
        raise Stopped(what)

    async def pause(self, delay_s: float) -> None:
        """Wait so long, or until `stop` is set."""
        try:
            await asyncio.wait_for(self.stop.wait(), delay_s)
        except TimeoutError:
            return

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, but give it up as soon as `stop` is set.

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
