"""The role that closes windows which are old enough: each becomes one event.

A member who goes on writing has their window closed by the next message, and one who asks or
reaches a rank or an announced level at once. This role is for all others. Several of these roles
may run: each passes over people whom another transaction holds.

A window that the record refuses costs no other member anything: the role logs its account and does
not try it again for a while.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog

from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import PLATFORMS, Platform
from db.earning import windows

log = structlog.get_logger("twinstream.earning")

#: Seconds between two looks for old windows, at most. Windows last minutes or hours.
INTERVAL_S_MAX: Final = 5.0
#: Seconds until a refused window is tried again: seldom enough to cost nothing, and soon enough for
#: an operator who has put its cause right.
REFUSED_AGAIN_S: Final = 600.0
#: Accounts with refused windows that are remembered, at most. A forgotten one is tried sooner.
REFUSED_MAX: Final = 1_000


class Earning:
    """The role that closes old windows of both platforms."""

    def __init__(self, resources: Resources) -> None:
        self._pool = resources.pool
        self._stores = resources.stores
        self._window_s = resources.community.earning.window_minutes * 60
        self.pause_s = min(INTERVAL_S_MAX, self._window_s / 4)
        #: When the windows of an account are tried again, on the clock of the event loop.
        self._again_at: dict[tuple[Platform, int], float] = {}

    def describe(self) -> Mapping[str, object]:
        """Name the length of a window."""
        return {"window_s": self._window_s, "interval_s": self.pause_s}

    async def step(self) -> int:
        """Close a bounded number of windows. Returns how many were closed."""
        now = asyncio.get_running_loop().time()
        self._again_at = {of: at for of, at in self._again_at.items() if now < at}
        total = 0
        for platform in PLATFORMS:
            async with transaction(self._pool) as conn:
                done = await windows.close_due(
                    conn,
                    platform,
                    window_s=self._window_s,
                    stores=self._stores,
                    passed_over=[account_id for of, account_id in self._again_at if of == platform],
                )
            self._set_aside(platform, done.refused)
            metrics.WINDOWS_CLOSED.labels(platform).inc(done.closed)
            total += done.closed
        return total

    def _set_aside(self, platform: Platform, refused: Mapping[int, str]) -> None:
        """Pass over the windows of these accounts for a while, and tell the log."""
        again_at = asyncio.get_running_loop().time() + REFUSED_AGAIN_S
        for account_id, why in refused.items():
            log.error("window.refused", platform=platform, account_id=account_id, why=why)
            self._again_at[platform, account_id] = again_at
        while len(self._again_at) > REFUSED_MAX:
            del self._again_at[next(iter(self._again_at))]


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Earning]:
    """Open the role `earning`."""
    yield Earning(resources)
