"""The audit finds each kind of harm: each is done by hand, and turns the audit red."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

import schemas
from bus import Client, Keys, Publisher, connect, ensure_group
from chaos.audit import Audit, audit
from chaos.commit_journal import (
    Committed,
    note_committed,
    note_earned,
    note_rolled_back,
    prepare,
)
from chaos.deployment import redis_at
from db import Producer, Recorded
from db.earning import Earning, Rules, windows
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links
from launch.servers import Server, start_redis
from tests.support.tampering import tamper

WINS = 6


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory):
    """A Redis of this module's own: the audit reads the streams by their real names."""
    with start_redis(tmp_path_factory.mktemp("chaos-redis"), persistent=False) as server:
        yield server


@pytest.fixture
async def redis(own_redis: Server) -> AsyncIterator[Client]:
    client = connect(own_redis.url, name="test")
    yield client
    await client.delete(*(Keys().stream(source) for source in schemas.SOURCES))
    await client.aclose()


@pytest.fixture
async def history(pool: asyncpg.Pool, redis: Client) -> list[Recorded]:
    """Events from both platforms, witnessed, published and settled as they should be."""
    for source in schemas.SOURCES:
        await ensure_group(redis, Keys().subscription(source))
    producer = Producer(pool, schemas, Publisher(redis, Keys()))
    recorded = []
    for number in range(WINS):
        source = schemas.SOURCES[number % 2]
        recorded.append(
            await producer.create_xp_change_event(
                user_id=1, delta_xp=5, source=source, reason="game_guess", entity_id=str(number)
            )
        )
    recorded.append(
        await producer.create_achievement_event(
            user_id=1, achievement="first_win", source="telegram"
        )
    )
    await producer.close()
    async with pool.acquire() as conn:
        await prepare(conn)
        for one in recorded:
            event = schemas.decode(one.payload)
            await note_committed(
                conn,
                [
                    Committed(
                        one.idempotency_key,
                        one.source,
                        event.user_id,
                        getattr(event, "delta_xp", 0),
                        0,
                        getattr(event, "achievement", None),
                    )
                ],
            )
            async with conn.transaction():
                opposite = schemas.opposite(one.source)
                await events.settle(conn, opposite, one.source, [Envelope(event, one.payload)])
    for source in schemas.SOURCES:
        stream, group = Keys().subscription(source)
        read: Any = await redis.xreadgroup(group, "test", {stream: ">"})
        [[_, entries]] = read
        await redis.xack(stream, group, *(entry_id for entry_id, _ in entries))
    return recorded


@pytest.fixture
async def look(pool: asyncpg.Pool, own_redis: Server, history: list[Recorded]):
    async def audited() -> Audit:
        conn = await pool.acquire()
        try:
            async with redis_at(own_redis) as client:
                return await audit(conn, client, {})
        finally:
            await pool.release(conn)

    return audited


async def test_a_history_without_a_fault_passes(look):
    found = await look()

    assert not any(found.offences.values())
    assert found.passed
    assert found.committed == found.witnessed == found.applied == WINS + 1


@pytest.mark.parametrize(
    ("harm", "offence"),
    [
        ("DELETE FROM transactions WHERE idempotency_key = $1 AND platform <> source", "lost"),
        ("DELETE FROM transactions WHERE idempotency_key = $1", "lost"),
        (
            "UPDATE transactions SET delta_xp = 6 WHERE idempotency_key = $1 AND platform = source",
            "lost",
        ),
        (
            """
            WITH unwitnessed AS (DELETE FROM chaos_committed WHERE idempotency_key = $1)
            DELETE FROM transactions WHERE idempotency_key = $1 AND platform = source
            """,
            "invented",
        ),
        (
            "INSERT INTO chaos_rolled_back VALUES ($1)",
            "invented",
        ),
    ],
)
async def test_harm_to_one_event_is_found(pool, history, look, harm, offence):
    key = history[0].idempotency_key
    await tamper(pool, harm, key)

    found = await look()

    assert [offender.what for offender in found.offences[offence]] == [key]
    assert not found.passed


async def test_an_event_entered_twice_is_found(pool, history, look):
    """The ledger's own constraint forbids a second entry, so the test drops the constraint."""
    key = history[0].idempotency_key
    await pool.execute("ALTER TABLE transactions DROP CONSTRAINT transaction_once")
    await pool.execute(
        """
        INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
            reason, entity_id, occurred_at)
        SELECT idempotency_key, platform, source, type, account_id, delta_xp, reason, entity_id,
            occurred_at
        FROM transactions WHERE idempotency_key = $1 AND platform <> source
        """,
        key,
    )

    found = await look()

    assert [offender.what for offender in found.doubled] == [key]
    assert not found.passed


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE sync_state SET xp = xp + 5 WHERE platform = 'discord'",
        "UPDATE sync_state SET balance = balance - 1 WHERE platform = 'telegram'",
        "UPDATE sync_state SET rank = rank + 1 WHERE platform = 'telegram'",
        "UPDATE sync_state SET discord_xp = discord_xp + 5 WHERE platform = 'telegram'",
        "UPDATE members SET xp = xp + 1",
        "DELETE FROM achievements WHERE platform = 'discord'",
    ],
)
async def test_books_that_do_not_add_up_are_found(pool, look, harm):
    await pool.execute(harm)

    found = await look()

    assert found.unbalanced
    assert not found.passed


@pytest.fixture
async def links_history(pool: asyncpg.Pool, history: list[Recorded]) -> None:
    """A link by a policy that was undone, and one that was ended."""
    async with pool.acquire() as conn:
        both: dict[str, Any] = {"telegram_account_id": 1, "discord_account_id": 1}
        async with conn.transaction():
            undone = await links.link(conn, **both, policy="telegram")
            await links.undo(conn, undone.id)
        async with conn.transaction():
            await links.link(conn, **both)
            await links.unlink(conn, platform="discord", account_id=1)


async def test_links_that_were_ended_or_undone_pass(look, links_history):
    found = await look()

    assert not any(found.offences.values())
    assert found.ended_links == 2


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE transactions SET delta_xp = 1 WHERE idempotency_key = 'link:2:unlink:discord:xp'",
        "DELETE FROM transactions WHERE reason = 'link_undo'",
        "DELETE FROM transactions WHERE reason = 'unlink' AND platform = 'discord'",
        "UPDATE links SET unlinked_at = NULL WHERE id = 2",
    ],
)
async def test_links_that_do_not_add_up_are_found(pool, look, links_history, harm):
    await tamper(pool, harm)

    found = await look()

    assert found.mislinked
    assert not found.passed


async def test_harm_that_only_the_operators_audit_sees_is_found_too(pool, history, look):
    key = history[0].idempotency_key
    await tamper(
        pool,
        "UPDATE transactions SET type = 'balance.changed'"
        " WHERE idempotency_key = $1 AND platform <> source",
        key,
    )

    found = await look()

    assert [offender.what for offender in found.unproven] == [f"event {key}"]
    assert not found.passed


async def test_an_entry_of_an_unknown_account_is_found(pool, history, look):
    key, source, *_ = history[0]
    await tamper(pool, "UPDATE transactions SET account_id = 9 WHERE idempotency_key = $1", key)

    found = await look()

    assert f"account 9 of {source}" in [offender.what for offender in found.unproven]
    assert found.unbalanced
    assert not found.passed


async def test_a_buried_event_is_reported_with_its_reason_and_is_not_lost(pool, history, look):
    key, source, member_id, *_ = history[0]
    await tamper(
        pool, "DELETE FROM transactions WHERE idempotency_key = $1 AND platform <> $2", key, source
    )
    async with pool.acquire() as conn:
        await conn.execute(
            "UPDATE sync_events SET status = 'failed', error_message = 'too odd', payload ="
            " '{}', processed_by = NULL, processed_at = NULL WHERE idempotency_key = $1",
            key,
        )
        await conn.execute(
            "UPDATE sync_state SET xp = xp - 5 WHERE platform <> $1 AND member_id = $2",
            source,
            member_id,
        )

    found = await look()

    assert found.buried == [(key, "too odd")]
    assert found.passed


async def test_a_rolled_back_event_without_a_trace_passes(pool, look):
    async with pool.acquire() as conn:
        await note_rolled_back(conn, ["tg_game_guess_1_never"])

    assert (await look()).passed


async def test_books_of_zeros_of_an_account_that_never_earned_pass(pool, look):
    """As unlinking leaves them."""
    member = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
    for platform in ("telegram", "discord"):
        await pool.execute(
            "INSERT INTO sync_state (member_id, platform) VALUES ($1, $2)", member, platform
        )

    assert (await look()).passed


async def test_an_event_on_the_stream_of_the_other_platform_is_found(redis, history, look):
    """The event is on the stream of the platform where it arrived."""
    source, payload = history[0].source, history[0].payload
    await redis.xadd(Keys().stream(schemas.opposite(source)), {"e": payload})

    found = await look()

    assert [offender.what for offender in found.echoed] == [history[0].idempotency_key]
    assert not found.passed


async def test_an_entry_that_was_not_read_or_acknowledged_is_found(redis, look):
    await redis.xadd(Keys().stream("telegram"), {"hello": "world"})

    found = await look()

    assert [offender.what for offender in found.unfinished] == [Keys().stream("telegram")]
    assert not found.passed


async def test_a_missing_group_is_found(redis, look):
    await redis.xgroup_destroy(*Keys().subscription("discord"))

    assert not (await look()).passed


@pytest.mark.parametrize(
    ("harm", "is_found"),
    [
        ("SELECT 1", False),
        ("DELETE FROM earning_windows", True),
        ("UPDATE earning_windows SET xp = 10", True),
    ],
    ids=["none", "lost", "doubled"],
)
async def test_earnings_that_are_lost_or_doubled_are_found(pool, history, look, harm, is_found):
    async with pool.acquire() as conn:
        message = Earning(1, "messages", 5, datetime.now(UTC), 1.0, 600)
        await windows.earn(conn, "telegram", [message], Rules(window_s=60, zone=UTC))
        await note_earned(conn, "telegram", 1, 5)
        await conn.execute(harm)

    assert bool((await look()).unbalanced) is is_found
