"""Earning in windows: what counts, what an open window becomes, and who closes it."""

import datetime
from datetime import UTC, timedelta

import asyncpg
import pytest

import schemas
from db import RuleBroken
from db.earning import Earning, windows
from db.earning.windows import Rules
from db.ledger import ranks

RULES = Rules(window_s=3_600, zone=UTC)
#: Noon yesterday, so that nothing in these tests is ahead of Postgres's clock.
START = (datetime.datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0)


def message(
    at_s: float, *, xp: int = 10, account: int = 1001, limit: int = 1_000, reason: str = "messages"
) -> Earning:
    """A message that an account wrote so many seconds after START."""
    return Earning(account, reason, xp, START + timedelta(seconds=at_s), 60.0, limit)


async def earn(pool: asyncpg.Pool, *earnings: Earning, platform="telegram", rules=RULES):
    async with pool.acquire() as conn, conn.transaction():
        results = await windows.earn(conn, platform, earnings, rules)
    return [None if one is None else one.xp for one in results]


async def link(pool: asyncpg.Pool, telegram_id: int, discord_id: int) -> None:
    await pool.execute("SELECT twinstream.link_accounts($1, $2)", telegram_id, discord_id)


async def close(pool: asyncpg.Pool, platform="telegram", account: int = 1001) -> bool:
    async with pool.acquire() as conn, conn.transaction():
        return await windows.close_of(conn, platform, account)


async def open_xp(pool: asyncpg.Pool) -> int:
    return await pool.fetchval("SELECT coalesce(sum(xp), 0)::bigint FROM earning_windows")


async def ledger_xp(pool: asyncpg.Pool) -> int:
    return await pool.fetchval(
        "SELECT coalesce(sum(delta_xp), 0)::bigint FROM transactions WHERE platform = source"
    )


async def test_what_is_earned_waits_in_a_window_and_becomes_one_event(pool):
    assert await earn(pool, message(0), message(60, xp=7)) == [10, 7]
    assert (await open_xp(pool), await ledger_xp(pool)) == (17, 0)

    assert await close(pool)

    assert (await open_xp(pool), await ledger_xp(pool)) == (0, 17)
    event = await pool.fetchrow("SELECT * FROM sync_events")
    assert (event["status"], event["left_to_relay"]) == ("pending", True)
    decoded = schemas.decode(event["payload"].encode())
    assert isinstance(decoded, schemas.XpChanged)
    assert schemas.encode(decoded) == event["payload"].encode()
    assert (decoded.reason, decoded.delta_xp, decoded.user_id) == ("messages", 17, 1001)
    assert decoded.occurred_at == START + timedelta(seconds=60)
    assert decoded.idempotency_key == schemas.xp_key(
        source="telegram", reason="messages", user_id=1001, entity_id=decoded.entity_id
    )
    assert not await close(pool)


async def test_each_window_is_an_event_of_its_own(pool):
    for number in range(3):
        assert await earn(pool, message(60 * number)) == [10]
        assert await close(pool)

    assert await pool.fetchval("SELECT count(DISTINCT idempotency_key) FROM transactions") == 3


async def test_a_message_that_comes_again_counts_once(pool):
    first = message(0)
    assert await earn(pool, first, first) == [10, 0]
    assert await earn(pool, first) == [0]
    assert await close(pool)
    assert await earn(pool, first) == [0]
    assert await earn(pool, message(-3_000)) == [0]


async def test_the_cooldown_is_the_persons_on_both_platforms(pool):
    await link(pool, 1001, 2001)
    assert await earn(pool, message(0)) == [10]
    assert await earn(pool, message(59, account=2001), platform="discord") == [0]
    assert await earn(pool, message(60, account=2001), platform="discord") == [10]
    assert await earn(pool, message(119)) == [0]
    assert await earn(pool, message(61, reason="voice")) == [10]


async def test_the_limit_of_a_day_is_the_persons_on_both_platforms(pool):
    await link(pool, 1001, 2001)
    assert await earn(pool, message(0, limit=25)) == [10]
    assert await earn(pool, message(60, account=2001, limit=25), platform="discord") == [10]
    assert await earn(pool, message(120, limit=25)) == [5]
    assert await earn(pool, message(180, limit=25)) == [0]
    tomorrow = datetime.timezone(timedelta(hours=13))
    assert await earn(pool, message(240, limit=25), rules=RULES._replace(zone=tomorrow)) == [10]


async def test_a_moment_ahead_of_the_clock_of_postgres_is_taken_as_now(pool):
    assert await earn(pool, message(86_400)) == [10]
    last_at = await pool.fetchval("SELECT last_at FROM earning_windows")
    assert last_at < datetime.datetime.now(UTC) + timedelta(seconds=10)


async def test_an_old_window_is_closed_by_the_next_message(pool):
    assert await earn(pool, message(0), rules=RULES._replace(window_s=0)) == [10]

    assert (await open_xp(pool), await ledger_xp(pool)) == (0, 10)


async def test_a_promotion_waits_for_no_window(pool):
    await ranks.set_ranks(pool, [ranks.RankRow("Novice", 25)])
    await link(pool, 1001, 2001)
    assert await earn(pool, message(0)) == [10]
    assert await earn(pool, message(60, account=2001), platform="discord") == [10]
    assert await ledger_xp(pool) == 0
    assert await earn(pool, message(120)) == [10]

    assert (await open_xp(pool), await ledger_xp(pool)) == (0, 30)


async def test_the_consumers_close_windows_that_are_old_enough(pool):
    assert await earn(pool, message(0), message(0, account=1002)) == [10, 10]
    async with pool.acquire() as conn, conn.transaction():
        assert await windows.close_due(conn, "telegram", window_s=3_600, stores={}) == 0
        assert await windows.close_due(conn, "discord", window_s=0, stores={}) == 0
        assert await windows.close_due(conn, "telegram", window_s=0, stores={}) == 2

    assert (await open_xp(pool), await ledger_xp(pool)) == (0, 20)


async def test_people_whom_another_transaction_holds_are_left_out_and_tried_again(pool):
    assert await earn(pool, message(0), message(0, account=1002)) == [10, 10]
    async with pool.acquire() as other, other.transaction():
        await other.execute(
            """
            SELECT FROM members WHERE id = (
                SELECT member_id FROM accounts WHERE account_id = 1001
            ) FOR UPDATE
            """
        )
        assert await earn(pool, message(60), message(60, account=1002)) == [None, 10]
        async with pool.acquire() as conn, conn.transaction():
            assert await windows.close_due(conn, "telegram", window_s=0, stores={}) == 2
        assert await ledger_xp(pool) == 20
    assert await earn(pool, message(60), message(60, account=1002)) == [10, 0]


async def test_an_earning_of_another_form_is_refused_with_its_place(pool):
    async with pool.acquire() as conn:
        with pytest.raises(RuleBroken, match="earning 2") as refused:
            await windows.earn(conn, "telegram", [message(0), message(0, xp=0)], RULES)
    assert refused.value.rule == "earning_is_well_formed"
    assert await open_xp(pool) == 0


async def test_what_was_done_before_a_person_was_forgotten_counts_no_more(pool):
    secret = "a secret of the deployment"
    assert await earn(pool, message(0)) == [10]
    await pool.execute(
        "SELECT twinstream.forget_person('telegram', 1001, $1, $2)",
        secret,
        START + timedelta(seconds=120),
    )
    assert await pool.fetchval("SELECT count(*) FROM earning_windows") == 0

    async with pool.acquire() as conn:
        results = await windows.earn(
            conn, "telegram", [message(60), message(180)], RULES, forget_secret=secret
        )
    assert [one.xp for one in results if one is not None] == [0, 10]
