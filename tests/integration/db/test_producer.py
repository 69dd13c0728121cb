"""The producer: committed first, published next, marked in batches, never in the way."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

import bus
import db
import schemas
from db.producer import EVENTS_MAX
from launch.servers import Server
from tests.support.log_lines import told, until_logged
from tests.support.recorded_events import Record, until
from tests.support.stream_entries import entries_in

GRANT: dict[str, Any] = {
    "user_id": 1001,
    "delta_xp": 15,
    "source": "telegram",
    "reason": "game_guess",
    "entity_id": "67890",
}
KEY = "tg_game_guess_1001_67890"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Stream:
    """A publisher that keeps what it is given, and can be away."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.away: Exception | None = None
        self.calls = 0

    async def publish(self, source: bus.Source, payloads: Sequence[bytes]) -> list[str]:
        if self.away is not None:
            raise self.away
        self.payloads += payloads
        self.calls += 1
        return ["1-0"] * len(payloads)


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def producer(pool: asyncpg.Pool, stream: Stream):
    producer = db.Producer(pool, schemas, stream)
    yield producer
    await producer.close()


async def test_an_event_is_committed_then_published_then_marked(producer, stream, books):
    recorded = await producer.create_xp_change_event(**GRANT)

    assert (recorded.idempotency_key, recorded.created) == (KEY, True)
    [payload] = stream.payloads
    event = schemas.decode(payload)
    assert isinstance(event, schemas.XpChanged)
    assert (event.idempotency_key, event.delta_xp, event.user_id) == (KEY, 15, 1001)
    assert await books.totals() == (15, 0)
    await until(lambda: has_status(books, "published"), what="the mark")


async def has_status(books: Record, status: str, key: str = KEY) -> bool:
    return await books.status(key) == status


async def test_a_repeat_is_neither_recorded_nor_published_again(producer, stream, books):
    await producer.create_xp_change_event(**GRANT)

    again = await producer.create_xp_change_event(**GRANT)

    assert not again.created
    assert len(stream.payloads) == 1
    assert await books.totals() == (15, 0)


async def test_balance_and_achievements_are_events_too(producer, stream, books):
    await producer.create_balance_change_event(
        user_id=1001, delta_balance=5, source="telegram", reason="game_guess", entity_id="1"
    )
    await producer.create_achievement_event(
        user_id=1001, achievement="first_win", source="telegram"
    )

    assert [schemas.decode(payload).type for payload in stream.payloads] == [
        "balance.changed",
        "achievement.unlocked",
    ]
    assert await books.totals() == (0, 5)
    assert await books.count("achievements") == 1


async def test_an_unfit_event_is_refused_before_anything_happens(producer, stream, books):
    with pytest.raises(schemas.MalformedEvent, match="delta_xp"):
        await producer.create_xp_change_event(**(GRANT | {"delta_xp": 0}))

    assert await books.count("members") == 0
    assert stream.payloads == []


async def test_a_refusal_is_raised_and_nothing_is_published(producer, stream):
    with pytest.raises(db.InsufficientFunds):
        await producer.create_xp_change_event(**(GRANT | {"delta_xp": -1}))
    await producer.create_xp_change_event(**GRANT)
    with pytest.raises(db.IdempotencyConflict):
        await producer.create_xp_change_event(**(GRANT | {"delta_xp": 16}))

    assert len(stream.payloads) == 1


@pytest.mark.parametrize("why", [bus.BusUnavailable("away"), bus.StreamMissing("sync:telegram")])
async def test_with_the_bus_away_the_event_stays_pending_and_only_the_log_says_so(
    producer, stream, books, why
):
    stream.away = why

    with capture_logs() as logs:
        recorded = await producer.create_xp_change_event(**GRANT)
    await producer.close()

    assert recorded.created
    [told] = [log for log in logs if log["event"] == "event.left_to_relay"]
    assert (told["key"], told["why"]) == (KEY, str(why))
    assert await books.status(KEY) == "pending"
    assert await books.totals() == (15, 0)


async def test_marks_are_written_together(producer, pool, books):
    await asyncio.gather(
        *(
            producer.create_xp_change_event(**(GRANT | {"entity_id": str(number)}))
            for number in range(50)
        )
    )
    await producer.close()

    assert await books.count("sync_events WHERE status = 'published'") == 50
    batches = await pool.fetchval("SELECT count(DISTINCT published_at) FROM sync_events")
    assert batches <= 10


async def test_an_outage_while_events_are_marked_and_its_end_are_told_once(
    pool, producer, monkeypatch
):
    monkeypatch.setattr("db.producer.MARK_AFTER_S", 0.001)
    monkeypatch.setattr("db.producer.MARK_AFTER_S_MAX", 0.001)
    with capture_logs() as logs:
        await producer.create_xp_change_event(**GRANT)
        await pool.execute("ALTER TABLE sync_events RENAME TO elsewhere")
        await until_logged(logs, "event.mark_delayed", times=5)
        await pool.execute("ALTER TABLE elsewhere RENAME TO sync_events")
        await until_logged(logs, "marking.resumed")

    assert told(logs) == ["event.mark_delayed", "marking.resumed"]


async def test_closing_writes_every_mark_that_is_left(pool, stream, books, monkeypatch):
    monkeypatch.setattr("db.producer.MARK_BATCH_MAX", 3)
    monkeypatch.setattr("db.producer.MARK_AFTER_S", 60.0)
    producer = db.Producer(pool, schemas, stream)
    for number in range(10):
        await producer.create_xp_change_event(**(GRANT | {"entity_id": str(number)}))

    await producer.close()

    assert await books.count("sync_events WHERE status = 'published'") == 10


async def test_within_the_callers_transaction_nothing_is_published_until_it_asks(
    pool, producer, stream, books
):
    async with pool.acquire() as conn, conn.transaction():
        recorded = await producer.create_xp_change_event(**GRANT, conn=conn)
        with pytest.raises(db.InsufficientFunds):
            await producer.create_balance_change_event(
                user_id=1001,
                delta_balance=-5,
                source="telegram",
                reason="shop",
                entity_id="1",
                conn=conn,
            )
        other = await producer.create_xp_change_event(**(GRANT | {"entity_id": "after"}), conn=conn)
        assert stream.payloads == []

    await producer.publish(recorded, other)

    assert [schemas.decode(payload).entity_id for payload in stream.payloads] == ["67890", "after"]
    assert await books.totals() == (30, 0)


async def test_an_event_that_the_caller_rolls_back_never_happened(pool, producer, stream, books):
    async def change_their_mind() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await producer.create_xp_change_event(**GRANT, conn=conn)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_their_mind()

    assert await books.count("sync_events") == 0
    assert (await producer.create_xp_change_event(**GRANT)).created


async def test_events_of_one_transaction_are_committed_and_published_together(
    producer, stream, books
):
    async with producer.transaction() as conn:
        for number in ("1", "2"):
            await producer.create_xp_change_event(**(GRANT | {"entity_id": number}), conn=conn)
        assert stream.payloads == []

    assert [schemas.decode(payload).entity_id for payload in stream.payloads] == ["1", "2"]
    assert await books.totals() == (30, 0)


def grants(count: int, **more) -> list[schemas.Event]:
    """A daily reward for this many members."""
    shared: dict[str, Any] = {
        "delta_xp": 5,
        "source": "telegram",
        "reason": "daily",
        "entity_id": "2026-11-23",
    }
    return [
        schemas.xp_changed(user_id=number, occurred_at=NOON, **(shared | more))
        for number in range(1, count + 1)
    ]


async def test_many_events_are_recorded_in_one_call_and_published_in_a_few(
    producer, stream, books, monkeypatch
):
    monkeypatch.setattr("db.producer.PUBLISH_BATCH_MAX", 4)
    batch = grants(10)

    recorded = await producer.create_events([*batch, batch[0]])

    assert [one.created for one in recorded] == [True] * 10 + [False]
    assert [one.idempotency_key for one in recorded[:10]] == [one.idempotency_key for one in batch]
    assert [schemas.decode(payload).user_id for payload in stream.payloads] == list(range(1, 11))
    assert stream.calls == 3
    assert await books.count("members WHERE xp = 5") == 10
    assert not any(one.created for one in await producer.create_events(batch))
    await producer.close()
    assert await books.count("sync_events WHERE status = 'published'") == 10


async def test_of_many_events_all_are_refused_or_none(producer, stream, books):
    overdraft = schemas.xp_changed(
        user_id=99,
        delta_xp=-1,
        source="telegram",
        reason="shop",
        entity_id="1",
        occurred_at=NOON,
    )

    with pytest.raises(db.InsufficientFunds, match=r"less XP .*: user_id 99$") as refused:
        await producer.create_events([*grants(10), overdraft])

    assert refused.value.user_ids == (99,)
    with pytest.raises(db.InsufficientFunds) as refused:
        await producer.create_events([overdraft])
    assert refused.value.user_ids == (99,)

    assert await books.count("sync_events") == 0
    assert stream.payloads == []
    assert await producer.create_events([]) == []


@pytest.mark.parametrize(
    "wrong", [{"reason": "Daily Reward!"}, {"user_id": 2**63}, {"reason": "x" * 20_000}]
)
async def test_an_event_that_no_builder_made_is_held_to_the_same_rules(
    producer, stream, books, wrong
):
    """A recorded event that no consumer can read would stay on its way for ever."""
    [good] = grants(1)
    bad = msgspec.structs.replace(good, **wrong)

    with pytest.raises(schemas.SchemaError):
        await producer.create_events([good, bad])

    assert await books.count("sync_events") == 0


async def test_more_events_than_one_call_may_record_are_refused_with_the_limit(producer, books):
    with pytest.raises(ValueError, match="1001 events in one call, the limit is 1000"):
        await producer.create_events(grants(EVENTS_MAX + 1))
    with pytest.raises(ValueError, match="of both platforms"):
        await producer.create_events([*grants(1), *grants(1, source="discord")])

    assert await books.count("sync_events") == 0


async def test_many_events_join_the_callers_transaction(producer, stream, books):
    async with producer.transaction() as conn:
        await producer.create_events(grants(3), conn=conn)
        assert stream.payloads == []

    assert len(stream.payloads) == 3
    assert await books.count("members WHERE xp = 5") == 3


async def test_events_of_one_transaction_are_refused_together(producer, stream, books):
    async def grant_and_overspend() -> None:
        async with producer.transaction() as conn:
            await producer.create_xp_change_event(**GRANT, conn=conn)
            await producer.create_balance_change_event(
                user_id=1001,
                delta_balance=-5,
                source="telegram",
                reason="shop",
                entity_id="1",
                conn=conn,
            )

    with pytest.raises(db.InsufficientFunds):
        await grant_and_overspend()

    assert stream.payloads == []
    assert await books.count("sync_events") == 0


async def test_a_transaction_that_an_ignored_error_has_ended_is_told_and_publishes_nothing(
    producer, stream, books
):
    """Postgres answers its COMMIT with a rollback, and no driver says so."""

    async def record_and_ignore_an_error() -> None:
        async with producer.transaction() as conn:
            await producer.create_xp_change_event(**GRANT, conn=conn)
            with pytest.raises(asyncpg.UndefinedTableError):
                await conn.execute("INSERT INTO no_such_table VALUES (1)")

    with pytest.raises(db.RuleBroken, match="nothing was recorded"):
        await record_and_ignore_an_error()

    assert stream.payloads == []
    assert await books.count("sync_events") == 0


async def test_a_transaction_that_the_caller_ends_in_sql_publishes_what_is_in_the_record(
    producer, stream
):
    async with producer.transaction() as conn:
        await producer.create_xp_change_event(**GRANT, conn=conn)
        await conn.execute("ROLLBACK")

    assert stream.payloads == []


async def test_a_connection_handed_to_another_task_publishes_what_that_task_kept(producer, stream):
    async def record_in_savepoints(conn: asyncpg.Connection) -> None:
        savepoint = conn.transaction()
        await savepoint.start()
        await producer.create_xp_change_event(**(GRANT | {"entity_id": "lost"}), conn=conn)
        await savepoint.rollback()
        await producer.create_xp_change_event(**GRANT, conn=conn)

    async with producer.transaction() as conn:
        await asyncio.create_task(record_in_savepoints(conn))

    assert [schemas.decode(payload).entity_id for payload in stream.payloads] == ["67890"]


async def test_being_cancelled_with_a_savepoint_publishes_only_what_is_in_the_record(
    pool, stream, books
):
    producer = db.Producer(pool, schemas, stream)

    async def win_and_take_back(entity_id: str) -> None:
        async with producer.transaction() as conn:
            savepoint = conn.transaction()
            await savepoint.start()
            lost = GRANT | {"entity_id": f"lost.{entity_id}"}
            await producer.create_xp_change_event(**lost, conn=conn)
            await savepoint.rollback()
            await producer.create_xp_change_event(**(GRANT | {"entity_id": entity_id}), conn=conn)

    for turns in range(120):
        task = asyncio.create_task(win_and_take_back(str(turns)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await win_and_take_back("last")
    await producer.close()

    published = {schemas.decode(payload).idempotency_key for payload in stream.payloads}
    committed = {key for (key,) in await pool.fetch("SELECT idempotency_key FROM sync_events")}
    assert published <= committed
    assert "tg_game_guess_1001_last" in published
    assert not any("lost" in key for key in committed)
    await until(lambda: all_idle(pool), what="every connection back in the pool")


@pytest.mark.parametrize("count", [1, 2])
async def test_an_event_of_the_callers_transaction_is_left_to_the_relay_if_postgres_does_not_answer(
    database_url, pool, stream, books, monkeypatch, count
):
    """Every connection of the pool is in other hands; the caller may hold the last one itself."""
    monkeypatch.setattr("db.producer.ASK_S_MAX", 0.05)
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as small:
        producer = db.Producer(small, schemas, stream)
        async with small.acquire() as conn:
            async with conn.transaction():
                recorded = [
                    await producer.create_xp_change_event(
                        **(GRANT | {"entity_id": str(number)}), conn=conn
                    )
                    for number in range(count)
                ]
            with capture_logs() as logs:
                await producer.publish(*recorded)
        await producer.close()

    [told] = [log for log in logs if log["event"] == "event.left_to_relay"]
    assert told["events"] == count
    assert "0.05 s" in told["why"]
    assert stream.payloads == []
    assert await books.count("sync_events WHERE status = 'pending'") == count


async def test_without_a_transaction_of_the_callers_it_is_committed_at_once(
    pool, producer, stream, books
):
    async with pool.acquire() as conn:
        await producer.create_xp_change_event(**GRANT, conn=conn)

        assert await books.totals() == (15, 0)


async def test_being_cancelled_leaks_no_connection_and_no_half_of_an_event(pool, stream, books):
    producer = db.Producer(pool, schemas, stream)
    for turns in range(40):
        task = asyncio.create_task(producer.create_xp_change_event(**GRANT))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await producer.close()

    await producer.create_xp_change_event(**GRANT)
    await producer.close()
    assert await books.totals() == (15, 0)
    assert await books.discrepancies() == []
    await until(lambda: all_idle(pool), what="every connection back in the pool")


async def all_idle(pool: asyncpg.Pool) -> bool:
    return pool.get_idle_size() == pool.get_size()


async def test_it_runs_on_the_real_bus_as_a_foreign_bot_composes_it(
    pool, books, redis_server: Server, prefix
):
    keys = bus.Keys(prefix)
    redis = bus.connect(redis_server.url, name="test")
    try:
        await bus.ensure_group(redis, keys.subscription("telegram"))
        producer = db.Producer(pool, schemas, bus.Publisher(redis, keys))
        await producer.create_xp_change_event(**GRANT)
        await producer.close()

        [(_, fields)] = await entries_in(redis, keys.stream("telegram"))
        assert schemas.decode(fields[b"e"]).idempotency_key == KEY
        assert await books.status(KEY) == "published"
    finally:
        await redis.aclose()


async def test_a_stream_that_redis_lost_leaves_the_event_pending(
    pool, books, redis_server: Server, prefix
):
    redis = bus.connect(redis_server.url, name="test")
    try:
        producer = db.Producer(pool, schemas, bus.Publisher(redis, bus.Keys(prefix)))
        await producer.create_xp_change_event(**GRANT)
        await producer.close()
    finally:
        await redis.aclose()

    assert await books.status(KEY) == "pending"
