"""What roles are made of: the connections and settings that one consumers process shares."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from bus import Keys, Publisher, Reader, Source, connect, connect_reader, consumer_name
from config import Community, Settings
from db import Rung, open_pool, set_ladder

from .rebuild import Rebuild


@dataclass(frozen=True, slots=True)
class Parts:
    """The shared parts. Roles use them and close nothing."""

    settings: Settings
    community: Community
    keys: Keys
    pool: asyncpg.Pool
    redis: Redis
    reading_redis: Redis
    publisher: Publisher
    rebuild: Rebuild
    stop: asyncio.Event
    #: What roles open for themselves is closed with the rest.
    closing: contextlib.AsyncExitStack

    def reader(self, source: Source) -> Reader:
        """Make this process's reader of what happened on `source`."""
        limits = self.community.consumers
        subscription = self.keys.subscription(source)
        return Reader(
            self.reading_redis,
            subscription,
            consumer=consumer_name(subscription.group, self.settings.twinstream_consumer_slot),
            batch_entries=limits.batch_entries_max,
            block_ms=limits.block_ms,
            claim_idle_ms=limits.claim_idle_ms,
        )


@contextlib.asynccontextmanager
async def open_parts(
    settings: Settings, community: Community, stop: asyncio.Event, *, keys: Keys | None = None
) -> AsyncIterator[Parts]:
    """Connect to Postgres and Redis, and see that the ladder of ranks and the streams are there.

    Raises:
        StorageUnavailable, SchemaOutdated: Postgres cannot be used (yet).
        BusError: Redis cannot be used (yet).
    """
    keys = keys or Keys()
    async with contextlib.AsyncExitStack() as stack:
        pool = await open_pool(settings.database_url or "", name="consumers")
        stack.push_async_callback(pool.close)
        redis = connect(settings.redis_url or "", name="twinstream/consumers")
        stack.push_async_callback(redis.aclose)
        reading_redis = connect_reader(settings.redis_url or "", name="twinstream/consumers-read")
        stack.push_async_callback(reading_redis.aclose)
        rebuild = Rebuild(pool, redis, keys)
        await set_ladder(pool, [Rung(rank.name, rank.xp) for rank in community.ranks])
        for source in ("telegram", "discord"):
            await rebuild(source)
        yield Parts(
            settings=settings,
            community=community,
            keys=keys,
            pool=pool,
            redis=redis,
            reading_redis=reading_redis,
            publisher=Publisher(redis, keys),
            rebuild=rebuild,
            stop=stop,
            closing=stack,
        )
