"""Earning in windows: what counts, what an open window becomes, and who closes it."""

import asyncio
import datetime
import json
import zoneinfo
from datetime import UTC, timedelta

import asyncpg
import pytest

import schemas
from db import Platform, RuleBroken
from db.earning import Earned, Earning, windows
from db.earning.windows import Rules
from db.ledger import ranks
from db.members import accounts, profiles
from db.upkeep.audit_queries import BY_LEDGER

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


async def close(
    pool: asyncpg.Pool, platform="telegram", account: int = 1001, rest_s: float = 0
) -> bool:
    async with pool.acquire() as conn, conn.transaction():
        return await windows.close_of(conn, platform, account, rest_s=rest_s)


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


async def test_asking_each_minute_closes_windows_once_an_hour(pool):
    """The ledger is kept for ever, so nobody fills it by asking; a profile counts open windows."""
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [1001])
    assert await earn(pool, message(0)) == [10]
    assert await close(pool, rest_s=3_600)
    assert await earn(pool, message(60, xp=7), message(60, reason="voice")) == [7, 10]
    assert [await close(pool, rest_s=3_600) for _ in range(3)] == [False] * 3

    async with pool.acquire() as conn:
        found = await profiles.profile(conn, "telegram", 1001)
    assert found is not None
    assert found.xp == 27
    await pool.execute("UPDATE earning_windows SET closed_at = closed_at - interval '1 hour'")
    assert await close(pool, rest_s=3_600)
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 3


async def test_a_clock_that_was_set_back_keeps_no_window_open(pool):
    assert await earn(pool, message(0)) == [10]
    assert await close(pool)
    await pool.execute("UPDATE earning_windows SET closed_at = closed_at + interval '1 year'")
    assert await earn(pool, message(60)) == [10]

    assert await close(pool, rest_s=3_600)


MOSCOW = zoneinfo.ZoneInfo("Europe/Moscow")


def at_midnight_in_moscow(day: str) -> list[Earning]:
    """Two messages, in the last minutes of the day before and in the first ones of the day."""
    begins = datetime.datetime.fromisoformat(day).replace(tzinfo=MOSCOW)
    return [message(0)._replace(happened_at=begins + timedelta(minutes=one)) for one in (-2, 1)]


@pytest.mark.parametrize("day", ["2026-11-02", "2026-10-01"], ids=["a Monday", "the first"])
async def test_a_window_ends_with_its_week_and_its_month(pool, day):
    before, after = at_midnight_in_moscow(day)
    assert await earn(pool, before, after, rules=RULES._replace(zone=MOSCOW)) == [10, 10]

    assert (await open_xp(pool), await ledger_xp(pool)) == (10, 10)
    assert await pool.fetchval("SELECT occurred_at FROM transactions") == before.happened_at
    assert await pool.fetchval("SELECT last_at FROM earning_windows") == after.happened_at


async def test_a_window_goes_on_over_any_other_midnight(pool):
    written = at_midnight_in_moscow("2026-11-03")
    assert await earn(pool, *written, rules=RULES._replace(zone=MOSCOW)) == [10, 10]

    assert await open_xp(pool) == 20


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


async def test_a_level_that_is_announced_waits_for_no_window(pool):
    await link(pool, 1001, 2001)
    await pool.execute("UPDATE members SET level_due_xp = 25")
    assert await earn(pool, message(0)) == [10]
    assert await earn(pool, message(60, account=2001), platform="discord") == [10]
    assert await ledger_xp(pool) == 0
    assert await earn(pool, message(120)) == [10]
    assert (await open_xp(pool), await ledger_xp(pool)) == (0, 30)

    assert await earn(pool, message(180)) == [10]
    assert (await open_xp(pool), await ledger_xp(pool)) == (10, 30)


@pytest.mark.parametrize("due", ["0", "NULL"])
async def test_without_announced_levels_a_window_stays_open(pool, due: str):
    """0 is a member whom the role `levels` has not looked at, NULL one from before levels."""
    await link(pool, 1001, 2001)
    await pool.execute(f"UPDATE members SET level_due_xp = {due}")

    assert await earn(pool, message(0), message(60)) == [10, 10]

    assert (await open_xp(pool), await ledger_xp(pool)) == (20, 0)


async def test_the_consumers_close_windows_that_are_old_enough(pool):
    assert await earn(pool, message(0), message(0, account=1002)) == [10, 10]
    async with pool.acquire() as conn, conn.transaction():
        early = await windows.close_due(conn, "telegram", window_s=3_600, stores={})
        elsewhere = await windows.close_due(conn, "discord", window_s=0, stores={})
        due = await windows.close_due(conn, "telegram", window_s=0, stores={})

    assert (early.closed, elsewhere.closed, due.closed) == (0, 0, 2)
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
            done = await windows.close_due(conn, "telegram", window_s=0, stores={})
        assert done == (1, {})
        assert await ledger_xp(pool) == 20
        async with asyncio.timeout(5):
            assert not await close(pool)
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


@pytest.mark.parametrize("waits_for_locks", [False, True])
async def test_nothing_but_what_is_older_than_a_forgetting_is_answered_in_full(
    pool, waits_for_locks
):
    secret = "a secret of the deployment"
    assert await earn(pool, message(0)) == [10]
    await pool.execute("SELECT twinstream.forget_person('telegram', 1001, $1)", secret)

    async with pool.acquire() as conn:
        results = await windows.earn(
            conn,
            "telegram",
            [message(0), message(60)],
            RULES,
            waits_for_locks=waits_for_locks,
            forget_secret=secret,
        )
    assert results == [Earned(0, None, 0)] * 2
    assert await pool.fetchval("SELECT count(*) FROM earning_windows") == 0


async def test_links_and_their_ends_close_windows_first(pool):
    """So that a policy compares, and an unlink gives away, all that the accounts have."""
    assert await earn(pool, message(0)) == [10]
    assert await earn(pool, message(0, account=2001, xp=7), platform="discord") == [7]
    await pool.execute("SELECT twinstream.link_accounts(1001, 2001, 'max')")
    assert await open_xp(pool) == 0
    assert await pool.fetchval("SELECT xp FROM members") == 10

    assert await earn(pool, message(60, account=2001), platform="discord") == [10]
    await pool.execute("SELECT twinstream.unlink_account('telegram', 1001)")
    assert await open_xp(pool) == 0
    rows = await pool.fetch(
        "SELECT a.account_id, m.xp FROM accounts a JOIN members m ON m.id = a.member_id"
    )
    assert dict(map(tuple, rows)) == {1001: 20, 2001: 0}

    assert await earn(pool, message(120)) == [10]
    await pool.execute("SELECT twinstream.undo_link_by_id(id) FROM links")
    assert await open_xp(pool) == 0


async def test_a_new_account_goes_on_where_the_old_one_was(pool):
    assert await earn(pool, message(0, limit=15)) == [10]
    await pool.execute("SELECT twinstream.replace_account('telegram', 1001, 1002)")
    assert await open_xp(pool) == 0

    assert await earn(pool, message(59, account=1002, limit=15)) == [0]
    assert await earn(pool, message(60, account=1002, limit=15)) == [5]
    assert await earn(pool, message(120, account=1002, limit=15)) == [0]


async def test_a_table_of_a_bots_own_is_owed_what_another_process_closes(pool):
    await link(pool, 1001, 2001)
    assert await earn(pool, message(0, account=2001), platform="discord") == [10]
    async with pool.acquire() as conn, conn.transaction():
        assert await windows.close_of(conn, "telegram", 1001, stores=["discord"])
    owed = await pool.fetch("SELECT platform, xp, balance FROM store_debts")
    assert [tuple(row) for row in owed] == [("discord", 10, 0)]


async def test_an_open_window_is_no_drift_and_part_of_an_export(pool):
    assert await earn(pool, message(0)) == [10]
    async with pool.acquire() as conn:
        for query in BY_LEDGER.values():
            assert await conn.fetch(f"SELECT * FROM ({query}) AS q WHERE differs") == []
        exported = json.loads(
            await conn.fetchval("SELECT twinstream.export_of('telegram', 1001, 10)")
        )
    [window] = exported["earning"]
    assert (window["reason"], window["xp_not_yet_entered"], window["xp_of_the_day"]) == (
        *("messages", 10),
        10,
    )


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_both_bots_at_once_count_one_message_of_a_person(pool, platform):
    await link(pool, 1001, 2001)

    async def write(on: Platform) -> int | None:
        account = 1001 if on == "telegram" else 2001
        async with pool.acquire() as conn, conn.transaction():
            [one] = await windows.earn(
                conn, on, [message(0, account=account)], RULES, waits_for_locks=True
            )
        return None if one is None else one.xp

    other: Platform = "discord" if platform == "telegram" else "telegram"
    counted = await asyncio.gather(*(write(one) for one in [platform, other] * 4))

    assert sorted(one or 0 for one in counted) == [0] * 7 + [10]
