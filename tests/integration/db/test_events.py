"""Recording and settling: each event twice in the ledger, its effect once, whatever happens."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from bus import SOURCES, Source
from db import IdempotencyConflict, InsufficientFunds, RuleBroken
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.ledger.ranks import RankRow, set_ranks
from tests.support.recorded_events import (
    Record,
    achievement,
    balance,
    envelope_of,
    key_of,
    record,
    settle,
    xp,
)


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def the_books_add_up(pool: asyncpg.Pool):
    """Law 7 holds when a test ends, after every history."""
    await set_ranks(
        pool, [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    )
    yield
    assert await Record(pool).discrepancies() == []


async def test_an_event_is_entered_at_its_origin_and_then_on_the_other_side(pool, books):
    envelope = xp(15)

    [recorded] = await record(pool, envelope)

    assert recorded.created
    assert await books.ledger(key_of(envelope)) == ["telegram"]
    assert await books.totals() == (15, 0)
    assert await books.books("telegram") == (15, 0)
    assert await books.books("discord") is None
    assert await books.status(key_of(envelope)) == "pending"

    assert await settle(pool, envelope) == {key_of(envelope)}

    assert await books.ledger(key_of(envelope)) == ["discord", "telegram"]
    assert await books.books("discord") == (15, 0)
    assert await books.totals() == (15, 0)
    event = await books.event(key_of(envelope))
    assert (event["status"], event["processed_by"]) == ("completed", "discord")
    assert event["processed_at"] is not None
    assert event["published_at"] is not None
    assert event["payload"] is None  # both ledgers have what it said


async def test_recording_again_returns_the_event_that_exists(pool, books):
    envelope = xp(15)
    [first] = await record(pool, envelope)

    [second] = await record(pool, envelope)

    assert (first.created, second.created) == (True, False)
    assert second.member_id == first.member_id
    assert await books.totals() == (15, 0)
    assert await books.count("sync_events") == 1


async def test_settling_again_changes_nothing(pool, books):
    envelope = xp(15)
    await record(pool, envelope)
    await settle(pool, envelope)
    before = await books.event(key_of(envelope))

    assert await settle(pool, envelope) == frozenset()

    assert await books.books("discord") == (15, 0)
    assert await books.event(key_of(envelope)) == before


async def test_duplicates_inside_one_batch_take_effect_once(pool, books):
    envelope = xp(15)

    results = await record(pool, envelope, envelope, xp(7, "2"))
    await settle(pool, envelope, envelope, xp(7, "2"), envelope)

    assert [result.created for result in results] == [True, False, True]
    assert await books.books("telegram") == (22, 0)
    assert await books.books("discord") == (22, 0)


async def test_every_kind_of_event_reaches_the_other_side(pool, books):
    envelopes = [xp(40), balance(12), achievement("first_win")]

    await record(pool, *envelopes)
    await settle(pool, *envelopes)

    assert await books.totals() == (40, 12)
    assert await books.books("discord") == (40, 12)
    unlocked = await pool.fetch("SELECT platform, achievement FROM achievements ORDER BY 1")
    assert [tuple(row) for row in unlocked] == [("discord", "first_win"), ("telegram", "first_win")]


async def test_a_batch_is_recorded_whole_or_not_at_all(pool, books):
    with pytest.raises(InsufficientFunds):
        await record(pool, xp(15), balance(-1))

    assert await books.count("transactions") == 0
    assert await books.count("members") == 0


@pytest.mark.parametrize(
    ("envelope", "rule"),
    [(xp(-1), "member_xp_not_negative"), (balance(-1), "member_balance_not_negative")],
)
async def test_a_total_below_zero_is_refused(pool, books, envelope, rule):
    with pytest.raises(InsufficientFunds) as refusal:
        await record(pool, envelope)

    assert refusal.value.rule == rule
    assert await books.count("sync_events") == 0


async def test_spending_everything_is_allowed_and_one_more_is_not(pool, books):
    await record(pool, balance(10), balance(-10, "2"))

    with pytest.raises(InsufficientFunds):
        await record(pool, balance(-1, "3"))

    assert await books.totals() == (0, 0)


async def test_the_same_key_with_another_content_is_refused_when_recorded(pool):
    await record(pool, xp(15))

    with pytest.raises(IdempotencyConflict, match="delta_xp 15 is now 20") as refusal:
        await record(pool, xp(20))

    assert refusal.value.idempotency_key == key_of(xp(15))


async def test_the_same_key_with_another_content_is_refused_when_settled(pool, books):
    await record(pool, xp(15))

    with pytest.raises(IdempotencyConflict, match="delta_xp 15 is now 20"):
        await settle(pool, xp(20))

    assert await books.status(key_of(xp(15))) == "pending"


async def test_the_same_key_with_another_content_is_refused_inside_one_batch(pool, books):
    with pytest.raises(IdempotencyConflict):
        await record(pool, xp(15), xp(20))
    with pytest.raises(IdempotencyConflict):
        await settle(pool, xp(15), xp(20))

    assert await books.count("transactions") == 0


async def test_a_later_look_at_the_clock_makes_no_other_event(pool):
    first = xp(15)
    event: Any = first.event
    later = envelope_of(
        msgspec.structs.replace(event, occurred_at=event.occurred_at.replace(hour=13))
    )
    await record(pool, first)

    [again] = await record(pool, later)

    assert not again.created


async def test_a_second_cause_of_an_achievement_is_no_conflict(pool, books):
    await record(pool, achievement("first_win"))

    [again] = await record(pool, achievement("first_win", reason="game_guess", entity_id="7"))

    assert not again.created


async def test_a_key_cannot_be_used_by_both_platforms(pool, books):
    """Else each side would have one half of two events, and neither half would ever meet."""
    mine, theirs = xp(15, key="daily:1"), xp(15, key="daily:1", source="discord", user_id=2002)
    await record(pool, mine)

    with pytest.raises(IdempotencyConflict, match="source"):
        await record(pool, theirs, source="discord")
    with pytest.raises(IdempotencyConflict, match="source"):
        await settle(pool, theirs, source="discord")

    await settle(pool, mine)
    assert await books.ledger("daily:1") == ["discord", "telegram"]


async def test_a_key_used_by_both_platforms_at_once_is_one_platforms(pool, books):
    async def attempt(number: int) -> bool:
        source = SOURCES[number % 2]
        envelope = xp(15, key=f"daily:{number // 2}", source=source, user_id=1001 + number)
        try:
            await record(pool, envelope, source=source)
        except IdempotencyConflict:
            return False
        return True

    results = await asyncio.gather(*(attempt(number) for number in range(40)))

    assert sum(results) == 20
    sources = await pool.fetch(
        "SELECT idempotency_key, count(*) FROM transactions GROUP BY 1 HAVING count(*) > 1"
    )
    assert sources == []


async def test_an_event_on_the_wire_only_is_recorded_at_its_origin_too(pool, books):
    envelope = xp(15, key="foreign:1")

    assert await settle(pool, envelope) == {"foreign:1"}

    assert await books.ledger("foreign:1") == ["discord", "telegram"]
    assert await books.totals() == (15, 0)
    event = await books.event("foreign:1")
    assert (event["status"], event["payload"]) == ("completed", None)


async def test_a_foreign_overdraft_is_refused_and_leaves_nothing(pool, books):
    with pytest.raises(InsufficientFunds):
        await settle(pool, xp(5), balance(-1))

    assert await books.count("transactions") == 0
    assert await books.count("sync_events") == 0


async def test_credit_and_debit_on_the_wire_may_come_in_one_batch(pool, books):
    await settle(pool, balance(-5, "2"), balance(5, "1"))

    assert await books.books("discord") == (0, 0)


async def test_own_and_foreign_events_mix_in_one_batch(pool, books):
    own = [xp(number, str(number)) for number in range(1, 6)]
    foreign = [xp(number, f"f{number}", user_id=1001 + number) for number in range(1, 6)]
    await record(pool, *own)

    entered = await settle(
        pool, *(envelope for pair in zip(foreign, own, strict=True) for envelope in pair)
    )

    assert entered == {key_of(envelope) for envelope in own + foreign}
    assert await books.count("transactions") == 20
    assert await books.books("discord") == (15, 0)


async def test_a_platforms_own_view_may_dip_below_zero(pool, books):
    """The debit overtakes the credit: only the settled total is constrained."""
    credit, debit = balance(10, "1"), balance(-10, "2")
    await record(pool, credit, debit)

    await settle(pool, debit)
    assert await books.books("discord") == (0, -10)

    await settle(pool, credit)
    assert await books.books("discord") == (0, 0)


async def test_a_refused_event_leaves_the_callers_transaction_usable(pool, books):
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("CREATE TEMPORARY TABLE theirs (n int) ON COMMIT DROP")
        for refused in (balance(-5), xp(-5)):
            with pytest.raises(InsufficientFunds):
                async with conn.transaction():
                    await events.record(conn, "telegram", [refused])
        await conn.execute("INSERT INTO theirs VALUES (1)")
        await events.record(conn, "telegram", [xp(15)])
        assert await conn.fetchval("SELECT count(*) FROM theirs") == 1

    assert await books.totals() == (15, 0)


async def test_a_rolled_back_transaction_records_nothing(pool, books):
    async def changing_their_mind() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await events.record(conn, "telegram", [xp(15)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await changing_their_mind()

    assert await books.count("members") == 0
    [recorded] = await record(pool, xp(15))
    assert recorded.created


async def test_an_event_without_an_effect_is_refused(pool):
    class Nothing:
        source: Source = "telegram"
        idempotency_key, type, user_id = "k", "xp.changed", 1001
        reason, entity_id, occurred_at = "game", "1", xp(1).event.occurred_at

    with pytest.raises(RuleBroken) as refusal:
        await record(pool, Envelope(Nothing(), b"{}"))

    assert refusal.value.rule == "event_follows_the_wire_format"


async def test_a_total_that_no_longer_fits_is_refused_and_the_rest_goes_on(pool, books):
    await record(pool, xp(1))
    await pool.execute("ALTER TABLE members DISABLE TRIGGER ALL")
    await pool.execute("UPDATE members SET xp = 9223372036854775807")

    with pytest.raises(RuleBroken) as refusal:
        await record(pool, xp(1, "2"))

    assert refusal.value.rule == "value_out_of_range"
    await pool.execute("UPDATE members SET xp = 1")
    await record(pool, xp(1, "2"))


@pytest.mark.parametrize("field", ["reason", "entity_id", "idempotency_key"])
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
async def test_text_that_postgres_cannot_hold_is_a_broken_rule(pool, field, text):
    """The builders refuse such text. Behind them it must not look like Postgres being away."""
    good: Any = xp(15).event
    hostile = msgspec.structs.replace(good, **{field: text})

    with pytest.raises(RuleBroken):
        await record(pool, Envelope(hostile, b"{}"))


async def test_an_account_id_beyond_bigint_is_a_broken_rule(pool):
    good: Any = xp(15).event
    far = msgspec.structs.replace(good, user_id=2**63)

    with pytest.raises(RuleBroken):
        await record(pool, Envelope(far, b"{}"))


class TestFailing:
    async def test_a_buried_event_says_why(self, pool, books):
        await record(pool, xp(15))
        async with pool.acquire() as conn:
            await events.fail(conn, **burial(xp(15), "because"))

        event = await books.event(key_of(xp(15)))
        assert (event["status"], event["error_message"]) == ("failed", "because")

    async def test_a_completed_event_stays_completed(self, pool, books):
        await record(pool, xp(15))
        await settle(pool, xp(15))
        async with pool.acquire() as conn:
            await events.fail(conn, **burial(xp(15), "too late"))

        event = await books.event(key_of(xp(15)))
        assert (event["status"], event["error_message"]) == ("completed", None)

    async def test_a_replayed_failure_completes(self, pool, books):
        await record(pool, xp(15))
        async with pool.acquire() as conn:
            await events.fail(conn, **burial(xp(15), "because"))

        await settle(pool, xp(15))

        event = await books.event(key_of(xp(15)))
        assert (event["status"], event["error_message"]) == ("completed", None)

    async def test_a_failed_event_of_which_only_the_ledger_knew_completes(self, pool, books):
        """Its row was cleaned up, then it failed when delivered again, then it was replayed."""
        await record(pool, xp(15))
        await pool.execute("DELETE FROM sync_events")
        async with pool.acquire() as conn:
            await events.fail(conn, **burial(xp(15), "because"))

        await settle(pool, xp(15))

        assert await books.status(key_of(xp(15))) == "completed"

    async def test_a_key_that_was_buried_before_it_was_recorded_carries_the_true_event(
        self, pool, books
    ):
        """A sender put nonsense on the stream under the key; the relay must not publish that."""
        async with pool.acquire() as conn:
            await events.fail(
                conn,
                idempotency_key=key_of(xp(15)),
                source="discord",
                type="unknown",
                payload=b"nonsense",
                error_message="because",
            )

        await record(pool, xp(15))

        event = await books.event(key_of(xp(15)))
        assert (event["payload"], event["source"], event["type"], event["status"]) == (
            xp(15).payload.decode(),
            "telegram",
            "xp.changed",
            "pending",
        )
        assert event["published_at"] is None
        assert event["error_message"] is None

    async def test_anything_can_be_buried(self, pool, books):
        async with pool.acquire() as conn:
            await events.fail(
                conn,
                idempotency_key="entry:sync:telegram:1-0",
                source="telegram",
                type="unknown",
                payload=b"\x00\xff\xfe" + "é".encode() + b"\xed\xa0\x80",
                error_message="NUL \x00 and half a pair \ud800",
            )

        event = await books.event("entry:sync:telegram:1-0")
        assert event["payload"] == "\\x00\\xff\\xfeé\\xed\\xa0\\x80"
        assert event["error_message"] == "NUL \\x00 and half a pair \\ud800"

    async def test_only_the_beginning_of_a_huge_payload_is_kept(self, pool, books):
        async with pool.acquire() as conn:
            await events.fail(
                conn,
                idempotency_key="entry:sync:telegram:1-0",
                source="telegram",
                type="unknown",
                payload=b"x" * 10_000_000,
                error_message="too long",
            )

        kept = (await books.event("entry:sync:telegram:1-0"))["payload"]
        assert len(kept) < 100_000
        assert "10000000 bytes" in kept


def burial(envelope: Envelope, why: str) -> dict[str, Any]:
    return {
        "idempotency_key": envelope.event.idempotency_key,
        "source": envelope.event.source,
        "type": envelope.event.type,
        "payload": envelope.payload,
        "error_message": why,
    }
