"""The primary of Redis is killed under load: producers and consumers find the new one themselves.

Producers, both settling roles and the relay run on real Postgres, on Sentinel and on a cluster.
The judge is the record: two rows in the ledger for every event, no more and no fewer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

import schemas
from bus import SOURCES, Keys, Publisher, connect
from config import Community, Settings
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.runner import run
from consumers.settling.role import Settling
from db import Producer
from tests.support.redis_topologies import Cluster, SentinelTrio, cluster, sentinel_trio
from tests.support.redis_topologies import until as until_nodes
from tests.support.settling import until

Nodes = SentinelTrio | Cluster

KEYS = Keys()
EVENTS_BEFORE = 60
#: Events that Redis took and its replica never saw.
EVENTS_IN_THE_TAIL = 40
RECOVERY_S_MAX = 20.0


@pytest.fixture(
    params=[
        pytest.param(sentinel_trio, id="sentinel"),
        pytest.param(cluster, id="cluster", marks=pytest.mark.nightly),
    ]
)
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nodes]:
    with request.param(tmp_path) as nodes:
        yield nodes


@pytest.fixture
async def resources(
    nodes: Nodes,
    database_url: str,
    community: Community,
    stop: asyncio.Event,
) -> AsyncIterator[Resources]:
    settings = Settings(redis_url=nodes.url, database_url=database_url)
    async with open_resources(settings, community, stop) as resources:
        yield resources


@pytest.fixture
async def bots(nodes: Nodes, pool: asyncpg.Pool) -> AsyncIterator["Bots"]:
    redis = connect(nodes.url, name="bots")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))
    yield Bots(producer, pool)
    await producer.close()
    await redis.aclose()


class Bots:
    """Two bots whose members earn one XP after the other, and the ledger's rows of it."""

    def __init__(self, producer: Producer, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.created = 0
        self._producer = producer

    async def create(self, events: int) -> None:
        for _ in range(events):
            self.created += 1
            await self._producer.create_xp_change_event(
                user_id=1_000 + self.created % 7,
                delta_xp=1,
                source=SOURCES[self.created % 2],
                reason="game_guess",
                entity_id=str(self.created),
            )

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Create events until the end of the block."""
        done = asyncio.Event()

        async def work() -> None:
            while not done.is_set():
                await self.create(1)
                await asyncio.sleep(0.005)

        working = asyncio.create_task(work())
        try:
            yield
        finally:
            done.set()
            await working

    async def statuses(self) -> dict[str, int]:
        rows = await self.pool.fetch("SELECT status, count(*) FROM sync_events GROUP BY status")
        return dict(rows)

    async def have_all_arrived(self) -> bool:
        return await self.statuses() == {"completed": self.created}

    async def have_all_been_published(self) -> bool:
        return set(await self.statuses()) <= {"published", "completed"}

    async def rows_per_event(self) -> dict[int, int]:
        """Return how many events have how many rows in the ledger."""
        rows = await self.pool.fetch(
            """
            SELECT entries, count(*) FROM (
                SELECT count(*) AS entries FROM transactions GROUP BY idempotency_key
            ) AS each GROUP BY entries
            """
        )
        return dict(rows)

    async def xp(self) -> dict[str, int]:
        rows = await self.pool.fetch("SELECT platform, sum(xp) FROM sync_state GROUP BY platform")
        return {platform: int(xp) for platform, xp in rows}


@contextlib.asynccontextmanager
async def consumers_running(resources: Resources) -> AsyncIterator[None]:
    """Both settling roles and the relay, each in its loop, as the process runs them."""
    roles = {
        "to-discord": lambda: Settling("telegram", resources),
        "to-telegram": lambda: Settling("discord", resources),
        "relay": lambda: Relay(resources),
    }

    @contextlib.asynccontextmanager
    async def opened(name):
        yield roles[name]()

    tasks = [
        asyncio.create_task(run(name, partial(opened, name), resources.stop)) for name in roles
    ]
    try:
        yield
    finally:
        resources.stop.set()
        await asyncio.gather(*tasks)


async def promoted(nodes: Nodes) -> None:
    await asyncio.to_thread(until_nodes, nodes.is_promoted, what="the replica is promoted")


async def all_arrived(bots: Bots) -> None:
    await until(bots.have_all_arrived, what="every event arrives", deadline_s=RECOVERY_S_MAX)
    assert await bots.rows_per_event() == {2: bots.created}
    assert await bots.xp() == {"telegram": bots.created, "discord": bots.created}


async def test_a_primary_killed_under_load_costs_and_doubles_nothing(
    nodes: Nodes, resources: Resources, bots: Bots
):
    async with consumers_running(resources):
        async with bots.at_work():
            await until(lambda: has_created(bots, EVENTS_BEFORE), what="the bots are at work")
            nodes.primary.kill()
            await promoted(nodes)
            here = bots.created
            await until(lambda: has_created(bots, here + EVENTS_BEFORE), what="they go on")
        await all_arrived(bots)

    # Without a relay: the producer itself has found the new primary.
    await bots.create(EVENTS_BEFORE)
    await until(bots.have_all_been_published, what="the producer publishes")


async def test_events_that_the_new_primary_never_saw_are_published_again(
    nodes: Nodes, resources: Resources, bots: Bots
):
    # Given events that the old primary took and no consumer has read yet
    await bots.create(EVENTS_BEFORE)
    await asyncio.to_thread(nodes.cut_replication)
    await bots.create(EVENTS_IN_THE_TAIL)
    await until(bots.have_all_been_published, what="all are marked as published")

    # When it is killed, and the replica takes over without them
    nodes.primary.kill()
    await promoted(nodes)
    assert nodes.replica.ask("XLEN", KEYS.stream("telegram")) == EVENTS_BEFORE // 2

    async with consumers_running(resources):
        async with bots.at_work():
            here = bots.created
            await until(lambda: has_created(bots, here + EVENTS_BEFORE), what="they go on")
        await all_arrived(bots)


async def has_created(bots: Bots, events: int) -> bool:
    return bots.created >= events
