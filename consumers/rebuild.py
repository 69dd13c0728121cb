"""Putting on a stream again what Redis lost. Everything in Redis can be made anew from Postgres."""

import asyncio

import asyncpg
import structlog

from bus import Client, Keys, Source, ensure_group, group_exists, measure_lag
from db import events
from db.errors import mapped_errors

from . import metrics
from .transactions import transaction

log = structlog.get_logger("twinstream.rebuild")

#: A mark is written after the event is on its stream, and we look at the stream before we look at
#: the marks; this covers the time in between, many times over.
LOST_MARGIN_S = 5.0
#: So many lost events are taken back in one transaction.
LOST_STEP = 20_000


class Rebuild:
    """Finds out what Redis lost, and has the relay publish it again."""

    def __init__(self, pool: asyncpg.Pool, redis: Client, keys: Keys) -> None:
        self._pool = pool
        self._redis = redis
        self._keys = keys
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, source: Source) -> None:
        """Make the stream of `source` anew if it, or its group, is missing.

        The events are made pending before the group is made: after a crash in between the group
        is still missing, and the next look does both again. Nothing is published meanwhile, because
        producers create no streams. What was delivered before the loss is published a second time,
        and takes effect once.

        Raises:
            BusError, StorageUnavailable, Contention: not now; the next look does it.
        """
        subscription = self._keys.subscription(source)
        async with self._one_at_a_time:
            if await group_exists(self._redis, subscription):
                return
            unfinished = await self._unpublish(source)
            if await ensure_group(self._redis, subscription):
                tell = log.warning if unfinished else log.info  # nothing is lost at the first start
                tell("stream.built", stream=subscription.stream, unfinished_events=unfinished)

    async def publish_unfinished_again(self, source: Source) -> int:
        """Have everything of `source` that has not arrived yet published again, lost or not.

        Returns how many events that are. What is on the stream after all takes effect once.

        Raises:
            BusError, StorageUnavailable, Contention: not now.
        """
        unfinished = await self._unpublish(source)
        await ensure_group(self._redis, self._keys.subscription(source))
        return unfinished

    async def look_for_lost(self, source: Source) -> int:
        """Make pending again what Redis lost in silence. Returns how many events that were.

        A failover or a power cut may cost a stream its newest entries and leave the rest in place.
        Everything that was added to a stream before its oldest unfinished entry is settled, and
        without such an entry everything is. So an event that was marked as published before, and
        is not completed, is on no stream any more.

        Raises:
            GroupMissing, StreamMissing: the whole stream is lost: rebuild it.
            BusError, StorageUnavailable, Contention: not now; the next look does it.
        """
        lost = await self._take_back_lost(source)
        total = lost
        while lost == LOST_STEP:
            lost = await self._take_back_lost(source)
            total += lost
        if total:
            metrics.LOST.labels(source).inc(total)
            log.warning("events.lost_by_redis", source=source, events=total)
        return total

    async def _take_back_lost(self, source: Source) -> int:
        """Do one bounded step of `look_for_lost`."""
        backlog_s = await self._backlog_s(source)
        if backlog_s is None:
            return await self._take_back_all(source)
        # Both are ages, so the clocks of Redis and of Postgres need not agree.
        async with transaction(self._pool) as conn:
            return await events.unpublish_old(
                conn, source, published_s_ago=backlog_s + LOST_MARGIN_S, limit=LOST_STEP
            )

    async def _take_back_all(self, source: Source) -> int:
        """Take back what is published, if there still is no backlog by then."""
        try:
            async with transaction(self._pool) as conn:
                lost = await events.unpublish_old(
                    conn, source, published_s_ago=0.0, limit=LOST_STEP
                )
                # Asked again after the events were chosen and locked: one that is on its way at
                # this moment shows up here, because it cannot be settled until we let go.
                if not lost or await self._backlog_s(source) is not None:
                    raise _NothingLost
        except _NothingLost:
            return 0
        return lost

    async def _unpublish(self, source: Source) -> int:
        with mapped_errors():
            async with self._pool.acquire() as conn:
                return await events.unpublish(conn, source)

    async def _backlog_s(self, source: Source) -> float | None:
        """Return for how long the oldest unfinished entry has been there, None without any."""
        lag = await measure_lag(self._redis, self._keys.subscription(source))
        return lag.oldest_ms / 1_000 if lag.behind else None


class _NothingLost(Exception):
    """Rolls back: no event was touched."""
