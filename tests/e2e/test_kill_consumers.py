"""kill -9, or the loss of Redis, in the middle of a burst: no event is lost or counts twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

import schemas
from bus import SOURCES, Keys, Publisher, connect, ensure_group
from db import Producer
from launch.servers import start_redis
from tests.support.processes import consumers, environment
from tests.support.settling import Desk, until

EVENTS = 2_000
MEMBERS = 40
PRODUCERS = 8
ROLES = ("to-discord", "to-telegram", "relay")

TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
[consumers]
batch_entries_max = 50
block_ms = 100
claim_idle_ms = 1000
relay_interval_ms = 50
relay_after_ms = 500
"""

EVENTS_NOT_ENTERED_TWICE = """
    SELECT count(*) FROM (
        SELECT idempotency_key FROM transactions GROUP BY idempotency_key
        HAVING count(*) <> 2 OR count(DISTINCT platform) <> 2
    ) AS wrong
"""
MEMBERS_THAT_DIFFER = """
    SELECT count(*) FROM sync_state AS t
    FULL JOIN sync_state AS d ON d.member_id = t.member_id AND d.platform = 'discord'
    WHERE t.platform = 'telegram' AND (t.xp, t.balance, t.rank)
        IS DISTINCT FROM (d.xp, d.balance, d.rank)
"""
BOOKS_THAT_DO_NOT_ADD_UP = """
    SELECT count(*) FROM sync_state AS s JOIN (
        SELECT a.member_id, t.platform, sum(t.delta_xp) AS xp, sum(t.delta_balance) AS balance
        FROM transactions AS t
        JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        GROUP BY a.member_id, t.platform
    ) AS l USING (member_id, platform)
    WHERE (s.xp, s.balance) IS DISTINCT FROM (l.xp, l.balance)
"""


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    """A Redis of this test's own: the process knows no prefix."""
    with start_redis(tmp_path / "redis", persistent=False) as server:
        client = connect(server.url, name="test")
        assert isinstance(client, Redis)
        for source in SOURCES:
            await ensure_group(client, Keys().subscription(source))
        yield client
        await client.aclose()


@pytest.fixture
def environ(redis: Redis, database_url: str, tmp_path: Path) -> dict[str, str]:
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    settings = redis.connection_pool.connection_kwargs
    return environment(
        REDIS_URL=f"redis://:{settings['password']}@127.0.0.1:{settings['port']}/0",
        DATABASE_URL=database_url,
        TWINSTREAM_CONFIG=str(toml),
    )


async def burst(producer: Producer, numbers: range) -> None:
    chance = random.Random(numbers.start)
    for number in numbers:
        common: dict[str, Any] = {
            "user_id": chance.randint(1, MEMBERS),
            "source": chance.choice(SOURCES),
            "reason": "game_guess",
            "entity_id": str(number),
        }
        if number % 3:
            await producer.create_xp_change_event(delta_xp=chance.randint(1, 9), **common)
        else:
            await producer.create_balance_change_event(delta_balance=chance.randint(1, 9), **common)


@pytest.fixture
def desk(pool: asyncpg.Pool, redis: Redis) -> Desk:
    return Desk(pool, redis, Keys())


@pytest.fixture
async def bursts(pool: asyncpg.Pool, redis: Redis) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Several bots at once, producing all they can in both directions."""
    producer = Producer(pool, schemas, Publisher(redis, Keys()))
    share = EVENTS // PRODUCERS
    tasks = [
        asyncio.create_task(burst(producer, range(n * share, (n + 1) * share)))
        for n in range(PRODUCERS)
    ]
    yield tasks
    await asyncio.gather(*tasks)
    await producer.close()


async def until_completed(desk: Desk, goal: int) -> None:
    async def far_enough() -> bool:
        return (await desk.statuses()).get("completed", 0) >= goal

    await until(far_enough, what=f"{goal} events are settled", deadline_s=90)


async def audit(desk: Desk) -> None:
    """Both sides equal, every event entered exactly twice, every sum right, nothing buried."""
    assert await desk.statuses() == {"completed": EVENTS}
    assert await desk.ledger_rows("telegram") == await desk.ledger_rows("discord") == EVENTS
    for wrong in (EVENTS_NOT_ENTERED_TWICE, MEMBERS_THAT_DIFFER, BOOKS_THAT_DO_NOT_ADD_UP):
        assert await desk.pool.fetchval(wrong) == 0
    assert not await desk.dead()


async def test_consumers_killed_in_a_burst_lose_nothing_and_count_nothing_twice(
    environ: dict[str, str], desk: Desk, bursts: list[asyncio.Task[None]]
):
    for settled_before_death in (EVENTS // 10, EVENTS // 3):
        async with consumers(*ROLES, environ=environ) as victim:
            await until_completed(desk, settled_before_death)
            victim.process.kill()
            assert await victim.ended() == -9
        assert (await desk.statuses())["completed"] < EVENTS

    async with consumers(*ROLES, environ=environ) as survivor:
        await asyncio.gather(*bursts)
        await until_completed(desk, EVENTS)

        async def all_acknowledged() -> bool:
            return await desk.unacknowledged("telegram") + await desk.unacknowledged("discord") == 0

        await until(all_acknowledged, what="every entry is acknowledged")
        code = await survivor.terminate()

    assert code == 0
    await audit(desk)


@pytest.mark.nightly
async def test_redis_emptied_in_a_burst_loses_nothing_and_counts_nothing_twice(
    environ: dict[str, str], desk: Desk, bursts: list[asyncio.Task[None]]
):
    async with consumers(*ROLES, environ=environ) as running:
        for settled_before_loss in (EVENTS // 10, EVENTS // 3):
            await until_completed(desk, settled_before_loss)
            await desk.lose_everything()
        await asyncio.gather(*bursts)
        await until_completed(desk, EVENTS)
        code = await running.terminate()

    assert code == 0
    assert any(line["event"] == "stream.built" for line in running.events)
    await audit(desk)
