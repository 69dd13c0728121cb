"""A deployment for one example: the real roles on a real Postgres, and a Redis in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

import schemas
from bus import (
    SOURCES,
    BusError,
    BusUnavailable,
    Keys,
    Publisher,
    Source,
    ensure_group,
    measure_lag,
)
from config import Community, Rank, Settings
from config.community import ConsumerSetting, DiscordSetting, TelegramSetting
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Deferred
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling.role import Settling
from db import Contention, Producer, StorageUnavailable
from tests.support.hypothesis_model import Wanted
from tests.support.tampering import tamper

COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10),),
    # In Redis's memory an entry counts as left behind after a millisecond.
    consumers=ConsumerSetting(batch_entries_max=4, block_ms=1, claim_idle_ms=1, relay_after_ms=0),
)
EMPTY = """
    DELETE FROM surfaces; DELETE FROM achievements; DELETE FROM sync_state; DELETE FROM sync_events;
    DELETE FROM transactions; DELETE FROM link_codes; DELETE FROM link_offers;
    DELETE FROM link_attempts; DELETE FROM links; DELETE FROM accounts; DELETE FROM members;
"""
ROUNDS_MAX = 60
TEMPORARY = (Deferred, StorageUnavailable, Contention, BusError)


class Crash(Exception):
    """The process died here."""


class CrashingPool:
    """A pool whose process dies just before a commit, or just after it."""

    def __init__(self, pool: asyncpg.Pool, *, after_commit: bool) -> None:
        self._pool = pool
        self._after_commit = after_commit
        self.get_max_size = pool.get_max_size

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn:
            yield _CrashingConnection(conn, after_commit=self._after_commit)


class _CrashingConnection:
    def __init__(self, conn: asyncpg.Connection, *, after_commit: bool) -> None:
        self._conn = conn
        self._after_commit = after_commit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        if "twinstream.settle(" not in statement or self._conn.is_in_transaction():
            return await self._conn.fetchrow(statement, *arguments)
        # It commits by itself, so this commit is one to die at.
        async with self.transaction():
            return await self._conn.fetchrow(statement, *arguments)

    @contextlib.asynccontextmanager
    async def transaction(self, **how: Any) -> AsyncIterator[None]:
        is_inner = self._conn.is_in_transaction()
        async with self._conn.transaction(**how):
            yield
            if not is_inner and not self._after_commit:
                raise Crash
        if not is_inner:
            raise Crash


class LosingAnswers(Publisher):
    """A publisher whose answers are lost: the entry is added, and the caller sees an error."""

    async def publish(self, source: Source, payloads: Any) -> list[str]:
        await super().publish(source, payloads)
        raise BusUnavailable("the answer was lost")


class Deployment:
    """Bots, two consumers processes and their servers. Each process may die and come back."""

    def __init__(self, pool: asyncpg.Pool, prefix: str) -> None:
        self.pool = pool
        self.keys = Keys(prefix)
        self.redis: Redis = FakeAsyncRedis(server=FakeServer(), protocol=2)
        self.publisher = Publisher(self.redis, self.keys)
        self.rebuild = Rebuild(pool, self.redis, self.keys)
        self.producers: dict[Source, Producer] = {}
        self.roles: dict[tuple[int, Source], Settling] = {}

    async def open(self) -> None:
        await tamper(self.pool, EMPTY)
        for source in SOURCES:
            await ensure_group(self.redis, self.keys.subscription(source))
            self.producers[source] = Producer(self.pool, schemas, self.publisher)

    async def close(self) -> None:
        for source in SOURCES:
            await self.bot_dies(source)
        await self.redis.aclose()

    def resources(
        self, slot: int = 1, *, pool: Any = None, publisher: Publisher | None = None
    ) -> Resources:
        return Resources(
            settings=Settings(twinstream_consumer_slot=slot),
            community=COMMUNITY,
            keys=self.keys,
            pool=pool or self.pool,
            redis=self.redis,
            reading_redis=self.redis,
            publisher=publisher or self.publisher,
            rebuild=self.rebuild,
            mend=self.rebuild,
            stop=asyncio.Event(),
        )

    async def bot_dies(self, source: Source) -> None:
        """Lose the marks `published` that a bot has not written yet."""
        marking = self.producers[source]._marking
        if marking is not None and not marking.done():
            marking.cancel()
            await asyncio.wait([marking])
        self.producers[source] = Producer(self.pool, schemas, self.publisher)

    async def create(self, producer: Producer, wanted: Wanted, **more: Any) -> Any:
        return await getattr(producer, wanted.method)(**wanted.arguments(), **more)

    async def settle(self, slot: int, source: Source, crash: str | None) -> None:
        """Let a consumer take one step; after a crash a new process takes its name."""
        role = self.roles.setdefault((slot, source), Settling(source, self.resources(slot)))
        if crash is None:
            with contextlib.suppress(*TEMPORARY):
                await role.step()
            return
        role._pool = CrashingPool(self.pool, after_commit=crash == "after commit")
        with contextlib.suppress(Crash, *TEMPORARY):
            await role.step()
        del self.roles[slot, source]

    async def relay(self, crash: str | None) -> None:
        """Let a relay take one step; the relay may die after publishing, or lose the answers."""
        pool = CrashingPool(self.pool, after_commit=False) if crash == "before commit" else None
        losing = LosingAnswers(self.redis, self.keys) if crash == "answers lost" else None
        with contextlib.suppress(Crash, *TEMPORARY):
            await Relay(self.resources(pool=pool, publisher=losing)).step()

    async def lose_suffix(self, source: Source, count: int) -> None:
        """The cost of a failover: the newest entries, and the latest acknowledgements."""
        stream, group = self.keys.subscription(source)
        newest: Any = await self.redis.xrevrange(stream, count=count)
        if newest:
            await self.redis.xdel(stream, *[entry_id for entry_id, _ in newest])
        oldest: Any = await self.redis.xrange(stream, count=1)
        if oldest and await self.redis.xinfo_groups(stream):
            await self.redis.xgroup_setid(stream, group, oldest[0][0])

    async def lengths(self) -> list[int]:
        return [int(await self.redis.xlen(self.keys.stream(source))) for source in SOURCES]

    async def unfinished(self) -> str:
        """The work still under way; empty when there is none."""
        counts = dict(
            await self.pool.fetch(
                "SELECT status, count(*) FROM sync_events"
                " WHERE status IN ('pending', 'published') GROUP BY status"
            )
        )
        for source in SOURCES:
            with contextlib.suppress(BusError):
                if behind := (await measure_lag(self.redis, self.keys.subscription(source))).behind:
                    counts[source] = behind
        return ", ".join(f"{what}: {count}" for what, count in counts.items())

    async def come_to_rest(self) -> None:
        """Run one relay and one consumers process until nothing is left to do."""
        relay = Relay(self.resources(3))
        roles = [Settling(source, self.resources(3)) for source in SOURCES]
        for _ in range(ROUNDS_MAX):
            for source in SOURCES:
                await self.rebuild(source)
                await self.rebuild.look_for_lost(source)
            await relay.step()
            for role in [*roles, *self.roles.values()]:
                with contextlib.suppress(
                    Deferred, Contention
                ):  # a debit waits for an earlier credit
                    await role.step()
            if not await self.unfinished():
                return
        raise AssertionError(f"after {ROUNDS_MAX} rounds there is still {await self.unfinished()}")
