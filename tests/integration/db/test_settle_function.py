"""`twinstream.settle`: one call locks, compares, enters and completes."""

import json

import asyncpg
import pytest

import schemas
from db import IdempotencyConflict
from db.errors import Locked
from db.ledger import events
from db.ledger.envelopes import Envelope
from tests.support.recorded_events import NOON, Record, key_of, record, settle, xp


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


async def settle_alone(
    pool: asyncpg.Pool, *envelopes: Envelope, lock_wait_ms: int | None = None
) -> frozenset[str] | None:
    async with pool.acquire() as conn:
        return await events.settle_recorded(
            *(conn, "discord", "telegram", envelopes), lock_wait_ms=lock_wait_ms
        )


async def test_one_statement_settles_and_commits(pool, books):
    await record(pool, xp(15), xp(7, "2"))

    both = frozenset({key_of(xp(15)), key_of(xp(7, "2"))})
    assert await settle_alone(pool, xp(15), xp(7, "2"), xp(15)) == both

    assert await books.books("discord") == (22, 0)
    assert await books.status(key_of(xp(15))) == "completed"
    assert await settle_alone(pool, xp(15)) == frozenset()
    assert await books.discrepancies() == []


async def test_nothing_is_a_batch(pool):
    assert await settle_alone(pool) == frozenset()
    assert await settle(pool) == frozenset()


async def test_an_event_that_is_not_recorded_leaves_all_of_its_batch(pool, books):
    await record(pool, xp(15))

    assert await settle_alone(pool, xp(15), xp(7, "2")) is None

    assert await books.books("discord") is None
    assert await books.status(key_of(xp(15))) == "pending"


@pytest.mark.parametrize("settled_before", [False, True])
async def test_a_key_with_other_content_refuses_the_whole_call(pool, books, settled_before):
    await record(pool, xp(15), xp(7, "2"))
    if settled_before:
        await settle(pool, xp(15))
    before = await books.books("discord")

    with pytest.raises(IdempotencyConflict, match="delta_xp 15 is now 16") as refused:
        await settle_alone(pool, xp(7, "2"), xp(16))

    assert refused.value.idempotency_key == key_of(xp(15))
    assert await books.books("discord") == before
    assert await books.status(key_of(xp(7, "2"))) == "pending"


async def test_the_payload_of_a_buried_event_proves_nothing(pool, books):
    """Another event may have claimed its key before."""
    await record(pool, xp(15))
    await pool.execute(
        "UPDATE sync_events SET status = 'failed', error_message = 'bad', payload = $1",
        xp(16).payload.decode(),
    )

    with pytest.raises(IdempotencyConflict):
        await settle_alone(pool, xp(16))

    assert await settle_alone(pool, xp(15)) == frozenset({key_of(xp(15))})


async def test_the_same_event_in_other_bytes_is_the_same_event(pool, books):
    await record(pool, xp(15))
    spaced = xp(15).payload.replace(b'":', b'": ').replace(b'"user_id": 1001', b'"user_id": "1001"')

    again = Envelope(schemas.decode(spaced), spaced)
    assert await settle_alone(pool, again) == frozenset({key_of(xp(15))})


async def test_an_event_that_only_our_codec_reads_is_compared_as_it_was_read(pool, books):
    """As another program writes a time, with strftime's %z; SQL does not read it."""
    await record(pool, xp(15))
    time = json.loads(xp(15).payload)["occurred_at"]
    written = xp(15).payload.replace(time.encode(), f"{time[:19]}+0000".encode())

    again = Envelope(schemas.decode(written), written)
    assert again.event == xp(15).event
    assert await settle_alone(pool, again) == frozenset({key_of(xp(15))})


async def test_a_completed_event_with_any_name_comes_again(pool, books):
    event = schemas.xp_changed(
        user_id=1001,
        delta_xp=5,
        source="telegram",
        reason="dig",
        entity_id="1",
        occurred_at=NOON,
        display_name="a\x00b",
    )
    named = Envelope(event, schemas.encode(event))
    await settle(pool, named)

    assert await settle_alone(pool, named) == frozenset()


async def test_it_waits_no_longer_for_a_lock_than_it_is_told(pool, books):
    await record(pool, xp(15))
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM accounts FOR UPDATE")

        with pytest.raises(Locked):
            await settle_alone(pool, xp(15), lock_wait_ms=50)

    async with pool.acquire() as conn:
        await events.settle_recorded(conn, "discord", "telegram", [xp(15)], lock_wait_ms=50)
        assert await conn.fetchval("SHOW lock_timeout") == "0"
    assert await books.books("discord") == (15, 0)
