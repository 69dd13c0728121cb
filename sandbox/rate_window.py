"""Rate-limit arithmetic: how long a caller must wait. It neither sleeps nor knows HTTP."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Rate", "Window"]


class Rate(NamedTuple):
    """At most `limit` calls in `per_seconds`."""

    limit: int
    per_seconds: float

    def scaled(self, factor: float) -> "Rate":
        """The same limit over a window `factor` times as long (0.1 is ten times faster)."""
        return Rate(self.limit, self.per_seconds * factor)


class Window:
    """A fixed window that opens with its first call, as Discord's buckets do."""

    def __init__(self, limit: int, per_seconds: float, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.per_seconds = per_seconds
        self._clock = clock
        self._ends_at = clock()
        self._used = 0

    @property
    def remaining(self) -> int:
        """The number of calls that the open window still grants."""
        return self.limit if self.reset_after == 0.0 else max(0, self.limit - self._used)

    @property
    def reset_after(self) -> float:
        """Seconds until the open window ends; 0.0 when none is open."""
        return max(0.0, self._ends_at - self._clock())

    def wait(self) -> float:
        """Return what `take` would return, without counting a call."""
        return 0.0 if self.remaining else self.reset_after

    def take(self) -> float:
        """Grant a call and return 0.0, or refuse it and return the seconds to wait."""
        if self.reset_after == 0.0:
            self._ends_at = self._clock() + self.per_seconds
            self._used = 0
        if self._used >= self.limit:
            return self.reset_after
        self._used += 1
        return 0.0
