"""Call pacing: waits until a platform takes another call, so that none waits inside the library."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Final

#: Seconds. Shorter waits would be lost in the clock's rounding.
WAIT_S_MIN: Final = 0.001


class RateLimit:
    """Lets at most `calls` through in any `window_s` seconds.

    A fourth of them is reserved for urgent calls; `free` says how many may be made at once. If the
    platform is stricter than that, `observe` makes this limit follow the platform.
    """

    def __init__(self, calls: int, window_s: float, *, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._window_s = window_s
        self._clock = clock
        self._reserve = calls // 4
        self._made: deque[float] = deque()
        #: The platform's last answer: how many calls it grants at once, how many of them are left,
        #: and until when that holds.
        self._burst = calls
        self._granted = calls
        self._granted_until = -math.inf

    def free(self, *, urgent: bool) -> int:
        """Say how many calls may be made now without waiting."""
        self._forget()
        kept = 0 if urgent else self._reserve
        left = self._calls - len(self._made)
        granted = self._granted if self._clock() < self._granted_until else self._burst
        return max(0, min(left, granted) - kept)

    async def take(self) -> None:
        """Wait until one more call may be made, and count it."""
        while not self.free(urgent=True):  # noqa: ASYNC110 - time passes without an event
            await asyncio.sleep(self._next_s())
        self._made.append(self._clock())
        self._granted -= 1

    def observe(self, limit: int, remaining: int, reset_after_s: float) -> None:
        """Follow a platform's answer: of `limit` calls, `remaining` are left for `reset_after_s`.

        The last of them is not made: discord.py waits inside the call that uses up a limit.
        """
        self._burst = max(1, limit - 1)
        self._granted = remaining - 1
        self._granted_until = self._clock() + reset_after_s

    def _next_s(self) -> float:
        """Say in how many seconds a call may be free at the earliest."""
        now = self._clock()
        waits = []
        if len(self._made) >= self._calls:
            waits.append(self._made[0] + self._window_s - now)
        if self._granted <= 0 and now < self._granted_until:
            waits.append(self._granted_until - now)
        return max([WAIT_S_MIN, *waits])

    def _forget(self) -> None:
        # The same sum as in `_next_s`: rounded differently, a call could be over and still counted.
        now = self._clock()
        while self._made and self._made[0] + self._window_s <= now:
            self._made.popleft()
