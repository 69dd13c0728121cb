"""The relay publishes what was committed but never reached its stream.

A producer that died between the commit and the bus, or found the bus away, leaves its events
pending. So does whoever finds out that Redis lost some, and this role looks for that as well.
Several relays may run: each takes rows that nobody else has locked.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

import asyncpg
import structlog

from bus import BusError, GroupMissing, PayloadTooLarge, StreamMissing
from db import PLATFORMS, Platform, events
from db.events import Unpublished

from . import metrics
from .parts import Parts
from .transactions import transaction

log = structlog.get_logger("twinstream.relay")

EVENTS_PER_STEP = 500


class Relay:
    """The role that looks for events left unpublished every `relay_interval_ms`.

    An event younger than `relay_after_ms` is left to its producer, which is publishing it now.
    """

    def __init__(self, parts: Parts) -> None:
        self.pause_s = parts.community.consumers.relay_interval_ms / 1_000
        self._after_s = parts.community.consumers.relay_after_ms / 1_000
        self._pool = parts.pool
        self._publisher = parts.publisher
        self._rebuild = parts.rebuild
        self._look_for_lost_s = parts.community.consumers.look_for_lost_ms / 1_000
        self._clock = asyncio.get_running_loop().time
        self._look_for_lost_at = self._clock() + self._look_for_lost_s

    def describe(self) -> Mapping[str, object]:
        """Name the interval and the limits."""
        return {
            "interval_s": self.pause_s,
            "after_s": self._after_s,
            "batch": EVENTS_PER_STEP,
            "look_for_lost_s": self._look_for_lost_s,
        }

    async def step(self) -> int:
        """Publish the oldest events left over. Returns how many are dealt with."""
        if self._clock() >= self._look_for_lost_at:
            await self._look_for_lost()
        dealt_with = 0
        obstacles: dict[Platform, BusError] = {}
        async with transaction(self._pool) as conn:
            left = await events.take_unpublished(
                conn, older_than_s=self._after_s, limit=EVENTS_PER_STEP
            )
            for source in PLATFORMS:
                mine = [event for event in left if event.source == source]
                try:
                    done = await self._publish(conn, source, mine)
                except BusError as error:
                    done = await _mark(conn, _known_published(mine, error))
                    obstacles[source] = error
                metrics.RELAYED.labels(source).inc(done)
                dealt_with += done
        if dealt_with:
            log.info("events.relayed", events=dealt_with)
        for source, obstacle in obstacles.items():
            if not isinstance(obstacle, StreamMissing):
                raise obstacle
            await self._rebuild(source)
        return dealt_with

    async def _look_for_lost(self) -> None:
        for source in PLATFORMS:
            try:
                await self._rebuild.look_for_lost(source)
            except (GroupMissing, StreamMissing):
                await self._rebuild(source)
        self._look_for_lost_at = self._clock() + self._look_for_lost_s

    async def _publish(
        self, conn: asyncpg.Connection, source: Platform, left: Sequence[Unpublished]
    ) -> int:
        try:
            await self._publisher.publish(source, [event.payload for event in left])
        except PayloadTooLarge as error:
            # Only a row that somebody wrote by hand is so large. It must not hold up the others.
            event = left[error.index]
            await events.fail(
                conn,
                idempotency_key=event.idempotency_key,
                source=source,
                type="unknown",
                payload=event.payload,
                error_message=str(error),
            )
            log.error("event.unpublishable", idempotency_key=event.idempotency_key, why=str(error))
            return 1
        return await _mark(conn, [event.idempotency_key for event in left])


async def _mark(conn: asyncpg.Connection, keys: Sequence[str]) -> int:
    if keys:
        await events.mark_published(conn, keys)
    return len(keys)


def _known_published(tried: Sequence[Unpublished], error: BusError) -> list[str]:
    return [
        event.idempotency_key
        for event, entry_id in zip(tried, error.published, strict=False)
        if entry_id is not None
    ]


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Relay]:
    """Open the role `relay`."""
    yield Relay(parts)
