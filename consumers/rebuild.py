"""Putting on a stream again what Redis lost. Everything in Redis can be made anew from Postgres."""

import asyncpg
import structlog
from redis.asyncio import Redis

from bus import Keys, Source, ensure_group, group_exists
from db import events

log = structlog.get_logger("twinstream.rebuild")


class Rebuild:
    """Recreates a stream with its group, and has the relay publish everything unfinished again."""

    def __init__(self, pool: asyncpg.Pool, redis: Redis, keys: Keys) -> None:
        self._pool = pool
        self._redis = redis
        self._keys = keys

    async def __call__(self, source: Source) -> None:
        """Rebuild the stream of `source` if it, or its group, is missing.

        The events are made pending before the group is made: after a crash in between the group
        is still missing, and the next look does both again. What was delivered before the loss is
        published a second time, and takes effect once.
        """
        subscription = self._keys.subscription(source)
        if await group_exists(self._redis, subscription):
            return
        async with self._pool.acquire() as conn:
            unfinished = await events.unpublish(conn, source)
        created = await ensure_group(self._redis, subscription)
        if created:
            log.warning("stream.built", stream=subscription.stream, unfinished_events=unfinished)
