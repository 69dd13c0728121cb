"""The role that closes windows which are old enough: each becomes one event.

A member who goes on writing has their window closed by the next message, and one who asks or is
promoted at once. This role is for all others. Several of these roles may run: each passes over
people whom another transaction holds.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import PLATFORMS
from db.earning import windows

#: Seconds between two looks for old windows, at most. Windows last minutes or hours.
INTERVAL_S_MAX: Final = 5.0


class Earning:
    """The role that closes old windows of both platforms."""

    def __init__(self, resources: Resources) -> None:
        self._pool = resources.pool
        self._stores = resources.stores
        self._window_s = resources.community.earning.window_minutes * 60
        self.pause_s = min(INTERVAL_S_MAX, self._window_s / 4)

    def describe(self) -> Mapping[str, object]:
        """Name the length of a window."""
        return {"window_s": self._window_s, "interval_s": self.pause_s}

    async def step(self) -> int:
        """Close a bounded number of windows. Returns how many were due."""
        total = 0
        for platform in PLATFORMS:
            async with transaction(self._pool) as conn:
                due = await windows.close_due(
                    conn, platform, window_s=self._window_s, stores=self._stores
                )
            metrics.WINDOWS_CLOSED.labels(platform).inc(due)
            total += due
        return total


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Earning]:
    """Open the role `earning`."""
    yield Earning(resources)
