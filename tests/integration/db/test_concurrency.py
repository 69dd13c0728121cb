"""Many transactions at once: nothing is lost or doubled, and none wait for each other in a ring."""

import asyncio
import random
from functools import partial

import asyncpg
import pytest

from db import Platform
from db.ledger import events, outbox
from db.ledger.outbox import Unpublished
from db.ledger.ranks import RankRow, set_ranks
from tests.support.recorded_events import Record, key_of, persistently, record, settle, xp

OLDER_THAN_S = -1.0  # even what was recorded in this very instant


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def the_books_add_up(pool: asyncpg.Pool):
    await set_ranks(
        pool, [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    )
    yield
    assert await Record(pool).discrepancies() == []


async def test_two_hundred_grants_to_one_member_at_once_all_count(pool, books):
    envelopes = [xp(number, str(number)) for number in range(1, 201)]

    await asyncio.gather(*(record(pool, envelope) for envelope in envelopes))
    await asyncio.gather(*(settle(pool, envelope) for envelope in envelopes))

    assert await books.totals() == (20_100, 0)
    assert await books.books("discord") == (20_100, 0)
    assert await books.count("transactions") == 400


async def test_the_same_grant_two_hundred_times_at_once_counts_once(pool, books):
    results = await asyncio.gather(*(record(pool, xp(15)) for _ in range(200)))
    settled = await asyncio.gather(*(settle(pool, xp(15)) for _ in range(50)))

    assert sum(result.created for [result] in results) == 1
    assert sum(len(entered) for entered in settled) == 1
    assert await books.totals() == (15, 0)
    assert await books.books("discord") == (15, 0)


async def test_batches_on_overlapping_members_in_both_directions_never_wait_in_a_ring(pool, books):
    """No Contention is raised here: every transaction takes its locks in the same order."""
    dice = random.Random(7)
    users = range(1, 21)
    for source in ("telegram", "discord"):
        await record(
            pool, *(xp(1, "hello", user_id=user, source=source) for user in users), source=source
        )

    def batches(source: Platform):
        made = [
            [xp(1, f"{n}", user_id=user, source=source) for user in dice.sample(users, 12)]
            for n in range(20)
        ]
        return [(source, batch) for batch in made]

    work = batches("telegram") + batches("discord")
    await asyncio.gather(*(record(pool, *batch, source=source) for source, batch in work))
    # Twice over, as after a crash, while producers and rebuilds write to the same events.
    await asyncio.gather(
        *(settle(pool, *dice.sample(batch, 12), source=source) for source, batch in work * 2),
        *(mark(pool, [key_of(envelope) for envelope in batch]) for _, batch in work),
        *(lose_stream(pool, source) for source, _ in work),
    )

    assert await books.count("transactions WHERE entity_id <> 'hello'") == 2 * 2 * 20 * 12
    assert await books.count("sync_events WHERE status = 'completed'") == 2 * 20 * 12


async def lose_stream(pool: asyncpg.Pool, source: Platform) -> None:
    async with pool.acquire() as conn:
        await outbox.unpublish(conn, source)


async def mark(pool: asyncpg.Pool, keys: list[str]) -> None:
    async with pool.acquire() as conn:
        await outbox.mark_published(conn, keys, fresh=True)


async def test_the_first_sight_of_an_account_by_twenty_at_once_makes_one_member(pool, books):
    await asyncio.gather(*(record(pool, xp(1, str(number))) for number in range(20)))

    assert await books.count("members") == 1
    assert await books.count("accounts") == 1
    assert await books.totals() == (20, 0)


async def test_many_accounts_first_seen_by_many_batches_make_a_member_each(pool, books):
    async def batch(number: int) -> None:
        users = list(range(1, 101))
        random.Random(number).shuffle(users)
        await record(pool, *(xp(1, str(number), user_id=user) for user in users))

    await asyncio.gather(*(persistently(partial(batch, n)) for n in range(6)))

    assert await books.count("members") == 100
    assert await books.count("accounts") == 100
    assert await pool.fetchval("SELECT sum(xp) FROM members") == 600


async def test_a_batch_of_new_accounts_costs_few_round_trips(pool):
    envelopes = [xp(1, user_id=user) for user in range(1, 501)]
    statements: list[str] = []
    async with pool.acquire() as conn:
        with conn.query_logger(lambda sent: statements.append(sent.query)):
            await events.record(conn, "telegram", envelopes)

    assert len(statements) < 20


async def test_foreign_events_for_the_same_members_from_two_consumers_settle_once(pool, books):
    envelopes = [xp(1, f"f{n}", user_id=1 + n % 7) for n in range(60)]
    halves = [envelopes[:40], envelopes[20:], list(reversed(envelopes))]

    await asyncio.gather(*(persistently(partial(settle, pool, *half)) for half in halves))

    assert await books.count("transactions") == 120
    assert await books.count("sync_events WHERE status = 'completed'") == 60


async def test_two_relays_share_the_pending_events(pool):
    await record(pool, *(xp(1, str(number)) for number in range(10)))

    async with (
        pool.acquire() as one,
        pool.acquire() as other,
        one.transaction(),
        other.transaction(),
    ):
        first = await outbox.take_unpublished(one, "telegram", older_than_s=OLDER_THAN_S, limit=4)
        second = await outbox.take_unpublished(
            other, "telegram", older_than_s=OLDER_THAN_S, limit=10
        )
        third = await outbox.take_unpublished(
            other, "telegram", older_than_s=OLDER_THAN_S, limit=10
        )

    assert [event.idempotency_key for event in first] == [key_of(xp(1, str(n))) for n in range(4)]
    assert len(second) == 6
    assert third == second
    assert not {e.idempotency_key for e in first} & {e.idempotency_key for e in second}
    assert first[0] == Unpublished(key_of(xp(1, "0")), "telegram", xp(1, "0").payload)


async def test_an_event_that_is_young_is_left_to_its_producer(pool):
    await record(pool, xp(15))

    async with pool.acquire() as conn, conn.transaction():
        assert await outbox.take_unpublished(conn, "telegram", older_than_s=60.0, limit=10) == []


async def test_a_mark_never_takes_an_event_back(pool, books):
    await record(pool, xp(15), xp(1, "2"))
    await settle(pool, xp(15))
    async with pool.acquire() as conn:
        await events.fail(
            conn,
            idempotency_key=key_of(xp(1, "2")),
            source="telegram",
            type="xp.changed",
            payload=b"",
            error_message="because",
        )
        await outbox.mark_published(conn, [key_of(xp(15)), key_of(xp(1, "2"))])

    assert await books.status(key_of(xp(15))) == "completed"
    assert await books.status(key_of(xp(1, "2"))) == "failed"


async def test_a_mark_waits_for_no_lock(pool, books):
    await record(pool, xp(15))
    async with pool.acquire() as conn, conn.transaction():
        await events.settle(conn, "discord", "telegram", [xp(15)])

        await asyncio.wait_for(mark(pool, [key_of(xp(15))]), 5.0)

    assert await books.status(key_of(xp(15))) == "completed"


async def test_a_lost_stream_makes_its_unfinished_events_pending_and_no_others(pool, books):
    other = xp(15, user_id=2002, source="discord")
    await record(pool, xp(1, "1"), xp(2, "2"), xp(3, "3"))
    await record(pool, other, source="discord")
    await mark(pool, [key_of(xp(1, "1")), key_of(xp(2, "2")), key_of(other)])
    await settle(pool, xp(2, "2"))

    async with pool.acquire() as conn:
        assert await outbox.unpublish(conn, "telegram") == 1

    assert await books.status(key_of(xp(1, "1"))) == "pending"
    assert await books.status(key_of(xp(2, "2"))) == "completed"
    assert await books.status(key_of(xp(3, "3"))) == "pending"
    assert await books.status(key_of(other)) == "published"


async def test_a_lost_stream_of_many_events_is_taken_back_in_steps_that_delay_no_transaction(
    pool, books
):
    envelopes = [xp(1, str(number)) for number in range(7)]
    keys = [key_of(envelope) for envelope in envelopes]
    await record(pool, *envelopes)
    await mark(pool, keys[:5])
    async with pool.acquire() as holder, pool.acquire() as conn:
        holding = holder.transaction()
        await holding.start()
        held = "SELECT FROM sync_events WHERE idempotency_key = $1 FOR UPDATE"
        await holder.execute(held, keys[4])
        finding = asyncio.create_task(outbox.unpublish(conn, "telegram", step=2))

        async with asyncio.timeout(5):
            while await books.status(keys[3]) != "pending":  # noqa: ASYNC110 - another's doing
                await asyncio.sleep(0.01)
        assert not finding.done()
        await holding.rollback()

        assert await finding == 5
    assert {await books.status(key) for key in keys} == {"pending"}
    assert await books.count("sync_events WHERE stream_losses = 0") == 0


async def test_a_late_mark_does_not_hide_that_the_stream_was_lost(pool, books):
    """Published, then lost with the stream, and only then marked by the producer."""
    await record(pool, xp(15))
    async with pool.acquire() as conn:
        await outbox.unpublish(conn, "telegram")
    await mark(pool, [key_of(xp(15))])

    assert await books.status(key_of(xp(15))) == "pending"
    async with pool.acquire() as conn, conn.transaction():
        [left] = await outbox.take_unpublished(
            conn, "telegram", older_than_s=OLDER_THAN_S, limit=10
        )
        await outbox.mark_published(conn, [left.idempotency_key])
    assert await books.status(key_of(xp(15))) == "published"


async def test_a_loss_during_a_relays_round_waits_for_it_and_takes_it_back(pool, books):
    await record(pool, xp(15))
    async with pool.acquire() as conn, pool.acquire() as finder:
        relaying = conn.transaction()
        await relaying.start()
        [left] = await outbox.take_unpublished(
            conn, "telegram", older_than_s=OLDER_THAN_S, limit=10
        )
        finding = asyncio.create_task(outbox.unpublish(finder, "telegram"))
        await outbox.mark_published(conn, [left.idempotency_key])
        await relaying.commit()
        await finding

    assert await books.status(key_of(xp(15))) == "pending"
