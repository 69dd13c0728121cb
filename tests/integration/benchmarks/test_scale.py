"""The scale benchmark applies every event, with any number of consumers."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import schemas
from benchmarks import scale
from benchmarks.existing_community import Size
from benchmarks.steady_load import SteadyLoad
from benchmarks.testbed import KEYS, SOURCE, BenchTestbed
from bus import Publisher, connect, ensure_group
from db import Producer
from launch.servers import Server, start_redis
from launch.waiting import until


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


@pytest.mark.nightly
async def test_each_number_of_consumers_and_each_size_is_measured(testbed: BenchTestbed):
    sizes = (Size(20, 1_000), Size(20, 2_000))

    report = await scale.run(
        testbed, backlog=600, processes=(1, 2), count=300, sizes=sizes, rounds=1
    )

    assert [row[0] for row in report.rows] == [
        "1 consumer",
        "2 consumers",
        "20 members, 1,000 ledger rows",
        "20 members, 2,000 ledger rows",
    ]


@pytest.mark.nightly
async def test_a_steady_load_creates_whole_batches_until_it_is_stopped(testbed: BenchTestbed):
    stop = asyncio.Event()
    async with testbed.start(0) as start:
        redis = connect(start.redis_url, name="test")
        await ensure_group(redis, KEYS.subscription(SOURCE))
        async with asyncpg.create_pool(start.database_url, min_size=1, max_size=2) as pool:
            producer = Producer(pool, schemas, Publisher(redis, KEYS))
            load = SteadyLoad(pool, producer, batch=20)
            await load.create(time.time())
            playing = asyncio.create_task(load.play(1_000, stop=stop))
            await until("three batches are created", lambda: has_created(load, 60))
            stop.set()
            await playing
            await producer.close()
            recorded = await pool.fetchval(
                "SELECT count(*) FROM sync_events WHERE status <> 'completed'"
            )
        entries = await redis.xlen(KEYS.stream(SOURCE))
        await redis.aclose()

    assert recorded == entries == len(load.due)
    assert recorded % 20 == 0


async def has_created(load: SteadyLoad, events: int) -> bool:
    return len(load.due) >= events
