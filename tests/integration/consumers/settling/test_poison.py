"""An entry that kills its consumers is buried after a few deaths; other entries are settled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import schemas
from bus import SOURCES, Client, Keys, Publisher, connect, ensure_group
from consumers.operate import dead_letters
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.poison import ATTEMPTS_MAX, SUSPECT_DELIVERIES
from consumers.settling.role import Settling
from db import Producer, StorageUnavailable
from db.ledger.dead_letters import find_dead
from tests.support import lethal_consumers
from tests.support.lethal_consumers import LETHAL
from tests.support.patience import PATIENCE_S
from tests.support.processes import consumers, environment
from tests.support.settling import Desk, until, xp_payload

LETHAL_CONSUMERS = lethal_consumers.__name__
TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
[consumers]
block_ms = 50
claim_idle_ms = 1000
relay_interval_ms = 50
"""


class Dying:
    """A settling role that ends at a lethal event, as its process would, and is started again."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.deaths = 0

    async def live(self) -> None:
        role: Any = Settling("telegram", self._resources)
        settle = role._settle

        async def settle_or_die(deliveries):
            if any(delivery.entry.payload == MARKED for delivery in deliveries):
                raise SystemError("killed")
            await settle(deliveries)

        role._settle = settle_or_die
        try:
            while await role.step():
                pass
        except SystemError:
            self.deaths += 1


MARKED = xp_payload(7, entity_id=LETHAL)


@pytest.fixture
async def own_redis(own_redis_url: str) -> AsyncIterator[Client]:
    """A client that is closed whatever becomes of the test."""
    async with connect(own_redis_url, name="test") as client:
        yield client


async def attempts(pool: asyncpg.Pool) -> list[int]:
    return [n for (n,) in await pool.fetch("SELECT attempts FROM entry_attempts")]


async def test_an_event_that_kills_the_process_is_buried_and_the_rest_of_its_batch_arrives(
    own_redis_url: str, own_redis: Client, database_url: str, pool: asyncpg.Pool, tmp_path: Path
):
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    for source in SOURCES:
        await ensure_group(own_redis, Keys().subscription(source))
    desk = Desk(pool, own_redis, Keys())
    producer = Producer(pool, schemas, Publisher(own_redis, Keys()))
    for entity_id in ("before", LETHAL, "after"):
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=5, source="telegram", reason="game", entity_id=entity_id
        )
    await producer.close()
    environ = environment(
        REDIS_URL=own_redis_url,
        DATABASE_URL=database_url,
        TWINSTREAM_CONFIG=str(toml),
    )

    for _ in range(SUSPECT_DELIVERIES - 1 + ATTEMPTS_MAX):
        async with consumers("to-discord", environ=environ, module=LETHAL_CONSUMERS) as running:
            assert await running.ended() == -9
    async with consumers("to-discord", environ=environ, module=LETHAL_CONSUMERS) as running:
        await running.saw("entry.buried")

        async def all_settled() -> bool:
            return await desk.statuses() == {"completed": 2, "failed": 1}

        await until(all_settled, what="the others are settled")
        code = await running.terminate()

    assert code == 0
    assert await desk.xp("discord") == 10
    [(key, why)] = (await desk.failures()).items()
    assert key == "tg_game_1001_lethal"
    assert f"{ATTEMPTS_MAX} consumers ended while they settled it" in why
    [letter] = await desk.dead()
    assert letter[b"reason"].decode() == why
    assert await desk.unacknowledged("telegram") == 0
    assert await attempts(pool) == []


async def test_what_was_buried_for_killing_takes_effect_once_it_is_sent_again_after_a_fix(
    resources: Resources, desk: Desk, producer: Producer
):
    await desk.add("telegram", MARKED)
    dying = Dying(resources)
    async with asyncio.timeout(PATIENCE_S):
        while not await desk.failures():
            await dying.live()
    assert dying.deaths == SUSPECT_DELIVERIES - 1 + ATTEMPTS_MAX
    async with resources.pool.acquire() as conn:
        [buried] = await find_dead(conn, limit=10)

    await dead_letters.replay(resources.pool, resources.publisher, ids=[buried.id])
    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 7
    assert await desk.failures() == {}


async def test_an_outage_of_postgres_costs_one_attempt_however_long_it_is(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(5))
    await desk.deliver("telegram", "to-discord-1", SUSPECT_DELIVERIES)
    role = Settling("telegram", resources)
    await desk.pool.execute("ALTER TABLE transactions RENAME TO mislaid")

    for _ in range(2 * ATTEMPTS_MAX):
        with pytest.raises(StorageUnavailable):
            await role.step()
    assert await attempts(desk.pool) == [1]

    await desk.pool.execute("ALTER TABLE mislaid RENAME TO transactions")
    await role.step()
    assert await desk.xp("discord") == 5


async def test_suspects_that_settle_well_leave_no_trace(resources: Resources, desk: Desk):
    payloads = [xp_payload(1, entity_id=str(number)) for number in range(5)]
    await desk.add("telegram", *payloads, b"no event")
    await desk.deliver("telegram", "to-discord-1", SUSPECT_DELIVERIES)

    assert await Settling("telegram", resources).step() == 6

    assert await desk.xp("discord") == 5
    assert len(await desk.failures()) == 1
    assert await attempts(desk.pool) == []


async def test_an_entry_that_settled_is_not_buried_because_its_acknowledgement_is_lost(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(5))
    await desk.deliver("telegram", "to-discord-1", SUSPECT_DELIVERIES)

    for _ in range(ATTEMPTS_MAX + 2):
        role: Any = Settling("telegram", resources)

        async def lost(ids):
            raise ConnectionResetError

        role._reader.acknowledge = lost
        with pytest.raises(ConnectionResetError):
            await role.step()

    assert await Settling("telegram", resources).step() == 1
    assert await desk.failures() == {}
    assert await desk.xp("discord") == 5
