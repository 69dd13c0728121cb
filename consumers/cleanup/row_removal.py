"""Removing old rows from Postgres, in rounds of short transactions with a pause after each."""

import asyncio
from collections.abc import Mapping

import asyncpg
import structlog

from config import CleanupSetting
from consumers.runtime import metrics
from consumers.runtime.runner import pause
from consumers.runtime.transactions import transaction
from db.upkeep import retention

log = structlog.get_logger("twinstream.cleanup")

#: A step works on a round for this many seconds; then the role trims streams again.
STINT_S = 1.0
_HOUR_S, _DAY_S = 3_600, 86_400


class Rounds:
    """Begins a round when one is due, and continues a round that is under way.

    Postgres records when the last one began, so restarts change nothing. Several processes may do
    this: each step locks the round's row, and a process that does not get the lock leaves the step
    to the other.
    """

    def __init__(self, pool: asyncpg.Pool, limits: CleanupSetting, stop: asyncio.Event) -> None:
        self._pool = pool
        self._limits = limits
        self._stop = stop
        self._clock = asyncio.get_running_loop().time

    def describe(self) -> Mapping[str, object]:
        """Name the interval, the retention and the size of a step."""
        return {
            "interval_s": self._limits.interval_hours * _HOUR_S,
            "batch": self._limits.step_rows,
            "retention_s": self._limits.retention_days * _DAY_S,
        }

    async def step(self) -> int:
        """Work on a round for a second at most.

        Returns how many rows were removed, at least 1 while the round goes on; 0 means that no
        round is under way.
        """
        interval_s = self._limits.interval_hours * _HOUR_S
        async with transaction(self._pool) as conn:
            await retention.begin_if_due(conn, interval_s=interval_s)
        removed = 0
        end = self._clock() + STINT_S
        while self._clock() < end and not self._stop.is_set():
            async with transaction(self._pool) as conn:
                done = await retention.step(
                    conn,
                    retention_s=self._limits.retention_days * _DAY_S,
                    limit=self._limits.step_rows,
                )
            if done is None:
                return removed
            removed += done.events + done.passes + done.findings
            metrics.REMOVED.labels("events").inc(done.events)
            metrics.REMOVED.labels("passes").inc(done.passes)
            metrics.REMOVED.labels("findings").inc(done.findings)
            if done.is_last:
                await self._log_result()
                return removed
            await pause(self._stop, self._limits.step_pause_ms / 1_000)
        return max(removed, 1)

    async def _log_result(self) -> None:
        async with transaction(self._pool) as conn:
            found = await retention.last_round(conn)
        if found is not None:
            log.info(
                "cleanup.finished",
                events=found.events,
                passes=found.passes,
                findings=found.findings,
                seconds=round(found.seconds, 1),
                retention_d=self._limits.retention_days,
            )
