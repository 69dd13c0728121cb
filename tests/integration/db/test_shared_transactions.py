"""Calls of one process that come at the same time share a transaction, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

import bus
import db
import schemas
from db import Contention, Recorded
from db.ledger.envelopes import Envelope
from db.shared_transactions import EVENTS_MAX, SharedTransactions


class Stream:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def publish(self, source: bus.Source, payloads: Sequence[bytes]) -> list[str]:
        self.keys += [schemas.decode(one).idempotency_key for one in payloads]
        return ["1-0"] * len(payloads)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def producer(pool: asyncpg.Pool, stream: Stream) -> AsyncIterator[db.Producer]:
    producer = db.Producer(pool, schemas, stream)
    yield producer
    await producer.close()


def earn(producer: db.Producer, user_id: int, amount: int = 5, entity_id: str = "1"):
    return producer.create_xp_change_event(
        user_id=user_id,
        delta_xp=amount,
        source="telegram",
        reason="game_guess",
        entity_id=entity_id,
    )


def envelope(user_id: int) -> Envelope:
    event = schemas.xp_changed(
        user_id=user_id,
        delta_xp=5,
        source="telegram",
        reason="game_guess",
        entity_id="1",
        occurred_at=datetime(2026, 11, 29, tzinfo=UTC),
    )
    return Envelope(event, schemas.encode(event))


async def xp(pool: asyncpg.Pool) -> dict[int, int]:
    rows = await pool.fetch("SELECT account_id, xp FROM accounts JOIN members ON id = member_id")
    return dict(rows)


async def test_calls_that_come_together_share_transactions(pool, producer, stream):
    recorded = await asyncio.gather(*(earn(producer, number) for number in range(1, 61)))

    assert [one.idempotency_key for one in recorded] == [
        f"tg_game_guess_{number}_1" for number in range(1, 61)
    ]
    assert all(one.created for one in recorded)
    assert sorted(stream.keys) == sorted(one.idempotency_key for one in recorded)
    assert await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM transactions") == 1
    assert await xp(pool) == dict.fromkeys(range(1, 61), 5)


async def test_a_refused_event_fails_its_own_caller_only(pool, producer, stream):
    calls = [earn(producer, number, -1 if number % 7 == 0 else 1) for number in range(1, 31)]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [number for number, it in enumerate(answers, 1) if isinstance(it, Exception)]
    assert refused == [7, 14, 21, 28]
    for number in refused:
        error = answers[number - 1]
        assert isinstance(error, db.InsufficientFunds)
        assert error.user_ids == (number,)
    assert len(stream.keys) == 26


async def test_of_two_events_with_one_key_the_second_is_refused(pool, producer):
    calls = [
        asyncio.ensure_future(earn(producer, user_id, amount))
        for user_id, amount in ((1, 5), (2, 5), (1, 6), (1, 5))
    ]
    await asyncio.wait(calls)

    refused = calls[2].exception()
    assert isinstance(refused, db.IdempotencyConflict)
    assert refused.idempotency_key == "tg_game_guess_1_1"
    assert [calls[number].result().created for number in (0, 1, 3)] == [True, True, False]
    assert await xp(pool) == {1: 5, 2: 5}


async def test_a_member_that_another_transaction_holds_holds_up_no_other(pool, producer, stream):
    await earn(producer, 1)
    async with pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM members FOR UPDATE")
        held = [
            asyncio.ensure_future(earn(producer, 1, entity_id=str(entity_id)))
            for entity_id in range(2, 5)
        ]

        async with asyncio.timeout(10):
            await asyncio.gather(*(earn(producer, number) for number in range(2, 20)))

        assert not any(one.done() for one in held)
        await transaction.rollback()
    recorded = await asyncio.gather(*held)

    assert all(one.created for one in recorded)
    assert (await xp(pool))[1] == 20
    assert stream.keys[-3:] == [f"tg_game_guess_1_{entity_id}" for entity_id in range(2, 5)]


async def test_a_held_member_takes_one_connection_however_many_events_wait(pool, producer):
    """The pool has eight; four members are held, and thirty events of each wait."""
    await asyncio.gather(*(earn(producer, number) for number in range(1, 5)))
    async with pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM members FOR UPDATE")
        held = [
            asyncio.ensure_future(earn(producer, number, entity_id=str(entity_id)))
            for entity_id in range(2, 32)
            for number in range(1, 5)
        ]

        await earn(producer, 99)

        await transaction.rollback()
    await asyncio.gather(*held)
    assert await xp(pool) == {1: 155, 2: 155, 3: 155, 4: 155, 99: 5}


async def test_a_cancelled_caller_harms_no_other(pool, producer, stream):
    first = asyncio.ensure_future(earn(producer, 1))
    await asyncio.sleep(0)  # its transaction is on its way
    waiting = [asyncio.ensure_future(earn(producer, number)) for number in range(2, 6)]
    await asyncio.sleep(0)
    first.cancel()
    waiting[0].cancel()

    recorded = await asyncio.gather(*waiting[1:])

    assert all(one.created for one in recorded)
    await producer.close()
    # The first may have been recorded; then it is published as well. The second was not begun.
    kept = await pool.fetch("SELECT idempotency_key FROM sync_events")
    assert {key for (key,) in kept} == set(stream.keys)
    assert "tg_game_guess_2_1" not in stream.keys
    assert (await earn(producer, 2)).created


async def test_all_callers_learn_that_postgres_is_away(producer, pool):
    await pool.close()

    answers = await asyncio.gather(
        *(earn(producer, number) for number in range(1, 4)), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [db.StorageUnavailable] * 3


async def test_closing_waits_for_what_was_begun(pool, producer, stream):
    calls = [asyncio.ensure_future(earn(producer, number)) for number in range(1, 4)]
    await asyncio.sleep(0)

    await producer.close()

    assert all(call.done() for call in calls)
    assert len(stream.keys) == 3


async def test_events_of_a_call_are_kept_together(pool, producer):
    """A call with several events is recorded alone: all of it, or nothing."""
    batch = [
        schemas.xp_changed(
            user_id=number,
            delta_xp=-1 if number == 3 else 1,
            source="telegram",
            reason="daily",
            entity_id="1",
            occurred_at=datetime(2026, 11, 29, tzinfo=UTC),
        )
        for number in (1, 2, 3)
    ]

    answers = await asyncio.gather(
        producer.create_events(batch), earn(producer, 4), return_exceptions=True
    )

    assert isinstance(answers[0], db.InsufficientFunds)
    assert await xp(pool) == {4: 5}


async def test_more_held_members_than_connections_hold_up_no_other(database_url, pool, producer):
    """The pool has eight connections, and a transaction of another bot holds twelve members."""
    held_members = range(1, 13)
    await asyncio.gather(*(earn(producer, number) for number in held_members))
    holder = await asyncpg.connect(database_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM twinstream.members FOR UPDATE")
        held = [
            asyncio.ensure_future(earn(producer, number, entity_id="2")) for number in held_members
        ]
        async with asyncio.timeout(3):
            await earn(producer, 99)
            # From here on the held members wait, each for its own lock.
            await earn(producer, 99, entity_id="2")
        assert not any(one.done() for one in held)
        await transaction.rollback()
    finally:
        await holder.close()
    await asyncio.gather(*held)
    assert await xp(pool) == dict.fromkeys([*held_members, 99], 10)


class Breakdown(Exception):
    """An error that no part of twinstream expects."""


async def test_an_unexpected_error_reaches_each_caller_and_later_calls_go_on():
    """Callers whose events wait get the error too: not a cancellation, and not silence."""
    batches: list[int] = []

    async def record(envelopes: Sequence[Envelope], *, waits_for_locks: bool) -> list[Recorded]:
        batches.append(len(envelopes))
        await asyncio.sleep(0)
        if len(envelopes) > 1:
            raise Contention("two transactions waited for each other")
        raise Breakdown

    async def publish(receipts: Sequence[Recorded]) -> None:
        raise AssertionError(receipts)

    shared = SharedTransactions(record, publish, held_max=1)
    for _ in range(2):
        calls = [
            asyncio.ensure_future(shared.record(envelope(number + 1)))
            for number in range(EVENTS_MAX + 3)
        ]
        async with asyncio.timeout(3):
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(it) for it in answers] == [Breakdown] * len(calls)
    await shared.close()
