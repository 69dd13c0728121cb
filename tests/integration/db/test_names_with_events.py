"""Names that come with events: what boards call a member of whom no bot of ours has heard."""

import json

import asyncpg
import pytest

import schemas
from db import Producer
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.members.accounts import DISPLAY_NAME_CHARS_MAX, remember_name
from tests.support.recorded_events import NOON, Record, envelope_of


def named(name: str | None, entity_id: str = "1", user_id: int = 1001) -> Envelope:
    return envelope_of(
        schemas.xp_changed(
            user_id=user_id,
            delta_xp=5,
            source="telegram",
            reason="dig",
            entity_id=entity_id,
            occurred_at=NOON,
            display_name=name,
        )
    )


async def settle(pool: asyncpg.Pool, *envelopes: Envelope) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await events.settle(conn, "discord", "telegram", envelopes)


async def name(pool: asyncpg.Pool, account_id: int = 1001) -> str | None:
    return await pool.fetchval(
        "SELECT display_name FROM accounts WHERE platform = 'telegram' AND account_id = $1",
        account_id,
    )


async def test_a_name_on_the_wire_is_known_once_the_event_is_settled(pool):
    await settle(pool, named("Ann"), named("Bob", "2", user_id=1002), named(None, "3", user_id=3))

    assert [await name(pool, account) for account in (1001, 1002, 3)] == ["Ann", "Bob", None]


async def test_the_name_of_the_last_event_counts_and_one_without_changes_nothing(pool):
    await settle(pool, named("Ann"), named("Anna", "2"), named(None, "3"), named("", "4"))

    assert await name(pool) == "Anna"


async def test_an_event_that_comes_again_brings_no_old_name_back(pool):
    await settle(pool, named("Ann"))
    async with pool.acquire() as conn:
        await remember_name(conn, "telegram", 1001, "Anna")

    await settle(pool, named("Ann"))

    assert await name(pool) == "Anna"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "ab"),
        ("half \ud83d a pair", "half  a pair"),
        ("x" * 10_000, "x" * DISPLAY_NAME_CHARS_MAX),
        ('Аня "A" 🚀', 'Аня "A" 🚀'),
    ],
)
async def test_any_name_can_be_sent(pool, given, kept):
    await settle(pool, named(given))

    assert await name(pool) == kept


@pytest.mark.parametrize("written", [7, None, ["Ann"], {"first": "Ann"}])
async def test_a_name_that_is_no_text_costs_nothing_but_itself(pool, written):
    fields = json.loads(named(None).payload) | {"display_name": written}
    payload = json.dumps(fields).encode()

    await settle(pool, Envelope(schemas.decode(payload), payload))

    assert await Record(pool).totals() == (5, 0)
    assert await name(pool) is None


class Away:
    """A bus that takes nothing: the events wait for the relay."""

    async def publish(self, source: object, payloads: object) -> list[str]:
        raise ConnectionError("away")


async def test_the_producer_takes_a_name_and_the_consumer_remembers_it(pool):
    producer = Producer(pool, schemas, Away())
    created = [
        await producer.create_xp_change_event(
            user_id=1001,
            delta_xp=5,
            source="telegram",
            reason="dig",
            entity_id="1",
            display_name="Ann",
        ),
        await producer.create_balance_change_event(
            user_id=1002,
            delta_balance=5,
            source="telegram",
            reason="dig",
            entity_id="1",
            display_name="Bob",
        ),
        await producer.create_achievement_event(
            user_id=1003, achievement="first_win", source="telegram", display_name="Cid"
        ),
    ]
    await producer.close()

    await settle(pool, *(Envelope(schemas.decode(one.payload), one.payload) for one in created))

    assert [await name(pool, account) for account in (1001, 1002, 1003)] == ["Ann", "Bob", "Cid"]


async def test_a_sql_caller_says_the_name_in_its_own_transaction(pool):
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT twinstream.remember_name('telegram', 1001, 'Ann')")
        await conn.execute("SELECT twinstream.record_xp('telegram', 1001, 5, 'dig', '1')")

    assert await name(pool) == "Ann"
