"""An event that a savepoint rolled back never happened: not on the stream, and on no platform."""

from typing import Any

import asyncpg
import pytest

import schemas
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Producer, Recorded
from tests.support.settling import Desk, xp_payload


async def win(producer: Producer, entity_id: str, conn: asyncpg.Connection) -> Recorded:
    return await producer.create_xp_change_event(
        user_id=1001,
        delta_xp=1_000 if entity_id.startswith("lost") else 1,
        source="telegram",
        reason="game_guess",
        entity_id=entity_id,
        conn=conn,
    )


async def rolled_back(producer: Producer, conn: asyncpg.Connection) -> list[Recorded]:
    savepoint = conn.transaction()
    await savepoint.start()
    recorded = await win(producer, "lost", conn)
    await savepoint.rollback()
    return [recorded]


async def rolled_back_inside_released(
    producer: Producer, conn: asyncpg.Connection
) -> list[Recorded]:
    async with conn.transaction():
        return await rolled_back(producer, conn)


async def released_inside_rolled_back(
    producer: Producer, conn: asyncpg.Connection
) -> list[Recorded]:
    savepoint = conn.transaction()
    await savepoint.start()
    async with conn.transaction():
        recorded = await win(producer, "lost", conn)
    await savepoint.rollback()
    return [recorded]


async def written_in_sql(producer: Producer, conn: asyncpg.Connection) -> list[Recorded]:
    await conn.execute("SAVEPOINT mine")
    recorded = await win(producer, "lost", conn)
    await conn.execute("ROLLBACK TO mine")
    return [recorded]


async def many_at_once(producer: Producer, conn: asyncpg.Connection) -> list[Recorded]:
    batch = [schemas.decode(xp_payload(1_000, entity_id=f"lost.{number}")) for number in range(3)]
    savepoint = conn.transaction()
    await savepoint.start()
    recorded = await producer.create_events(batch, conn=conn)
    await savepoint.rollback()
    return recorded


WAYS = [
    rolled_back,
    rolled_back_inside_released,
    released_inside_rolled_back,
    written_in_sql,
    many_at_once,
]


async def lent(producer: Producer, pool: asyncpg.Pool, way: Any) -> None:
    """In a transaction of the producer's."""
    async with producer.transaction() as conn:
        await way(producer, conn)
        await win(producer, "kept", conn)


async def own(producer: Producer, pool: asyncpg.Pool, way: Any) -> None:
    """In a transaction of the bot's own, which publishes all that it recorded."""
    async with pool.acquire() as conn, conn.transaction():
        recorded = [*await way(producer, conn), await win(producer, "kept", conn)]
    await producer.publish(*recorded)


@pytest.mark.parametrize("transact", [lent, own])
@pytest.mark.parametrize("way", WAYS)
async def test_an_event_that_a_savepoint_rolled_back_reaches_no_platform(
    resources: Resources, desk: Desk, producer: Producer, transact: Any, way: Any
):
    await transact(producer, resources.pool, way)

    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert await desk.ledger_rows("telegram") == 1
    assert await desk.ledger_rows("discord") == 1
    assert await desk.xp("telegram") == await desk.xp("discord") == 1
    assert schemas.decode(await desk.newest("telegram")).entity_id == "kept"


async def test_publishing_after_the_whole_transaction_was_rolled_back_publishes_nothing(
    resources: Resources, desk: Desk, producer: Producer
):
    async with resources.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        recorded = await win(producer, "lost", conn)
        await transaction.rollback()

    await producer.publish(recorded)

    assert await desk.stream_length("telegram") == 0


async def test_publishing_before_the_commit_leaves_the_event_to_the_relay(
    resources: Resources, desk: Desk, producer: Producer
):
    """The transaction may still be rolled back."""
    async with resources.pool.acquire() as conn, conn.transaction():
        await producer.publish(await win(producer, "kept", conn))
        assert await desk.stream_length("telegram") == 0

    await Relay(resources).step()

    assert await desk.stream_length("telegram") == 1


async def test_an_event_recorded_again_after_a_rollback_is_published_once_as_recorded(
    resources: Resources, desk: Desk, producer: Producer
):
    """The first attempt carries an earlier time, so its payload is another one."""
    async with producer.transaction() as conn:
        [first] = await rolled_back(producer, conn)
        again = await win(producer, "lost", conn)

    assert first.created
    assert again.created
    assert first.payload != again.payload
    assert await desk.stream_length("telegram") == 1
    assert await desk.newest("telegram") == again.payload


async def test_an_event_recorded_in_two_savepoints_of_which_one_rolled_back_is_published_once(
    resources: Resources, desk: Desk, producer: Producer
):
    async with resources.pool.acquire() as conn, conn.transaction():
        async with conn.transaction():
            kept = await win(producer, "lost", conn)
        [repeated] = await rolled_back(producer, conn)
    await producer.publish(kept, repeated)

    assert not repeated.created
    assert await desk.stream_length("telegram") == 1
    assert await desk.newest("telegram") == kept.payload
