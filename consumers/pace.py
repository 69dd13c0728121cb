"""Keeping below a platform's limit, so that nobody is ever made to wait inside a call."""

import asyncio
from collections import deque
from collections.abc import Callable


class Pace:
    """Lets at most `calls` through in any `window_s` seconds, however they are spread.

    A fourth of them is kept for what is urgent: `free` says how many may be made at once.
    """

    def __init__(self, calls: int, window_s: float, *, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._window_s = window_s
        self._clock = clock
        self._reserve = calls // 4
        self._made: deque[float] = deque()

    def free(self, *, urgent: bool) -> int:
        """Say how many calls may be made now without waiting."""
        self._forget()
        kept = 0 if urgent else self._reserve
        return max(0, self._calls - len(self._made) - kept)

    async def take(self) -> None:
        """Wait until one more call may be made, and count it."""
        while not self.free(urgent=True):  # noqa: ASYNC110 - time passes, nobody tells
            await asyncio.sleep(self._made[0] + self._window_s - self._clock())
        self._made.append(self._clock())

    def _forget(self) -> None:
        begin = self._clock() - self._window_s
        while self._made and self._made[0] <= begin:
            self._made.popleft()
