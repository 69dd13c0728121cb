"""Putting on a stream again what Redis lost. Everything in Redis can be made anew from Postgres."""

import asyncio

import asyncpg
import structlog
from redis.asyncio import Redis

from bus import Keys, Source, ensure_group, group_exists
from db import events

from .transactions import transaction

log = structlog.get_logger("twinstream.rebuild")

#: Producers and relays mark an event as published a moment after they put it on its stream. Marks
#: for what was lost must have been written before they are taken back, or they would stay.
MARKS_LAND_S = 0.5


class Rebuild:
    """Recreates a stream with its group, and has the relay publish everything unfinished again."""

    def __init__(self, pool: asyncpg.Pool, redis: Redis, keys: Keys) -> None:
        self._pool = pool
        self._redis = redis
        self._keys = keys
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, source: Source) -> None:
        """Rebuild the stream of `source` if it, or its group, is missing.

        The events are made pending before the group is made: after a crash in between the group
        is still missing, and the next look does both again. What was delivered before the loss is
        published a second time, and takes effect once.

        Raises:
            BusError, StorageUnavailable: not now; the next look does it.
        """
        subscription = self._keys.subscription(source)
        async with self._one_at_a_time:
            if await group_exists(self._redis, subscription):
                return
            # Nothing can be published meanwhile: producers do not create streams.
            await asyncio.sleep(MARKS_LAND_S)
            async with transaction(self._pool) as conn:
                unfinished = await events.unpublish(conn, source)
            if await ensure_group(self._redis, subscription):
                log.warning(
                    "stream.built", stream=subscription.stream, unfinished_events=unfinished
                )
