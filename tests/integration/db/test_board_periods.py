"""Weeks and months: what counts as earned in them, and what follows accounts that change hands."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

import schemas
from db import Platform
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links
from db.links.account_moves import move
from db.members import boards
from db.reconcile import corrections
from tests.support.boards import page_of, scores
from tests.support.recorded_events import record

TG, DC, OTHER_DC = 1001, 2002, 2003
OLD = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


def win(
    delta_xp: int,
    entity_id: str = "1",
    *,
    user_id: int = TG,
    source: Platform = "telegram",
    at: datetime | None = None,
    reason: str = "game_guess",
    key: str | None = None,
) -> Envelope:
    """An event of this moment, if no other one is given."""
    event = schemas.xp_changed(
        user_id=user_id,
        delta_xp=delta_xp,
        source=source,
        reason=reason,
        entity_id=entity_id,
        occurred_at=at or datetime.now(UTC),
        idempotency_key=key,
    )
    return Envelope(event, schemas.encode(event))


async def sums(conn: asyncpg.Connection, platform: Platform, account_id: int) -> tuple[Any, ...]:
    """XP, and the XP of the week and of the month, of an account's member."""
    return tuple(
        await conn.fetchrow(
            """
            SELECT m.xp, m.week_xp, m.month_xp FROM accounts AS a JOIN members AS m
                ON m.id = a.member_id
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            platform,
            account_id,
        )
    )


async def test_a_week_has_what_was_earned_in_it_on_both_platforms(pool, conn):
    await record(pool, win(20), win(5, "2"))
    await record(pool, win(7, user_id=DC, source="discord"))
    await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    await record(pool, win(1, "3"))

    assert await scores(conn, "week") == [33]
    assert await scores(conn, "month") == [33]


async def test_an_event_of_an_older_period_counts_for_the_total_alone(pool, conn):
    await record(pool, win(20, at=OLD), win(4, "2"))

    assert await sums(conn, "telegram", TG) == (24, 4, 4)


async def test_an_event_ahead_of_the_clock_counts_now(pool, conn):
    await record(pool, win(20, at=datetime.now(UTC) + timedelta(days=40)))

    assert await scores(conn, "week") == [20]


async def test_what_is_taken_away_is_taken_from_the_week(pool, conn):
    await record(pool, win(20, at=OLD), win(9, "2"), win(8, "3", user_id=1002))
    await record(pool, win(-3, "4"))

    assert await scores(conn, "week") == [8, 6]


@pytest.mark.parametrize("period", ["week", "month"])
async def test_a_sum_of_an_older_period_is_on_no_board_and_begins_anew(pool, conn, period):
    await record(pool, win(20), win(8, "2", user_id=1002))
    length = {"week": "7 days", "month": "1 month"}[period]
    await conn.execute(
        f"UPDATE members SET {period} = {period} - interval '{length}' WHERE xp = 20"
    )
    assert await scores(conn, period) == [8]

    await record(pool, win(3, "3"))

    assert await scores(conn, period) == [8, 3]
    assert await scores(conn) == [23, 8]


async def test_a_transaction_that_began_before_midnight_takes_nothing_from_the_new_week(pool, conn):
    """Its own week is the one before that of the member's row."""
    await record(pool, win(20))
    await conn.execute("UPDATE members SET week = week + 7, month = month + interval '1 month'")

    await record(pool, win(3, "2"))

    [row] = await conn.fetch(
        "SELECT m.week - p.week, week_xp, month_xp FROM members AS m, periods AS p"
    )
    assert tuple(row) == (7, 23, 23)


async def test_a_week_far_ahead_is_a_clock_that_was_wrong(pool, conn):
    await record(pool, win(20))
    await conn.execute("UPDATE members SET week = week + 70")

    await record(pool, win(3, "2"))

    assert await scores(conn, "week") == [3]


async def test_repairs_and_imports_are_no_earnings(pool, conn):
    await record(pool, win(5))
    before = await conn.fetchval("SELECT earned_at FROM members")
    ours = [
        win(100, "7.1", reason="reconcile"),
        win(50, "2", key="import:telegram:1001:xp", reason="history"),
    ]
    async with conn.transaction():
        await events.record_ours(conn, "telegram", ours)
        member = await conn.fetchval("SELECT id FROM members")
        await corrections.add_to_totals(conn, member, xp=10, balance=0)

    assert await sums(conn, "telegram", TG) == (165, 5, 5)
    assert await conn.fetchval("SELECT earned_at FROM members") == before


async def test_of_equals_the_one_who_was_there_first_is_first(pool, conn):
    """Spending coins, a repair and an unchanged link move nobody."""
    await record(pool, win(20, user_id=1002))
    await record(pool, win(20, user_id=TG))
    await record(pool, win(15, "3", user_id=1003))
    await record(pool, win(5, "4", user_id=1003))
    coins = schemas.balance_changed(
        user_id=1002,
        delta_balance=5,
        source="telegram",
        reason="shop",
        entity_id="1",
        occurred_at=datetime.now(UTC),
    )
    await record(pool, Envelope(coins, schemas.encode(coins)))
    await links.link(conn, telegram_account_id=1002, discord_account_id=DC)

    for board in ("xp", "week", "month"):
        assert await accounts(conn, board) == [1002, TG, 1003]


async def accounts(conn: asyncpg.Connection, board: boards.Board) -> list[int]:
    """The Telegram accounts of the members on a board, in order."""
    listed = [line.key.member_id for line in (await page_of(conn, board)).lines]
    rows = await conn.fetch("SELECT member_id, account_id FROM accounts WHERE platform='telegram'")
    of_member = dict(rows)
    return [of_member[member] for member in listed]


Act = Callable[[asyncpg.Connection], Awaitable[object]]


async def link(conn: asyncpg.Connection, policy: Any = "sum") -> links.Link:
    return await links.link(conn, telegram_account_id=TG, discord_account_id=DC, policy=policy)


@pytest.fixture
async def earned(pool, conn):
    """10 XP on Telegram and 3 on Discord, this week."""
    await record(pool, win(10))
    await record(pool, win(3, user_id=DC, source="discord"))


async def both(conn: asyncpg.Connection) -> list[int]:
    """The XP of the week of either account's member."""
    return [
        (await sums(conn, "telegram", TG))[1],
        (await sums(conn, "discord", DC))[1],
    ]


@pytest.mark.parametrize("policy", ["sum", "max", "telegram", "discord"])
async def test_whatever_a_link_takes_the_week_has_what_both_earned(conn, earned, policy):
    await link(conn, policy)

    assert await both(conn) == [13, 13]


async def test_an_undone_link_gives_each_its_own_back(pool, conn, earned):
    made = await link(conn)
    await record(pool, win(2, "5", user_id=DC, source="discord"))
    await record(pool, win(1, "6"))

    await links.undo(conn, made.id)

    assert await both(conn) == [11, 5]


async def test_an_unlink_leaves_the_week_with_telegram_as_it_leaves_the_xp(pool, conn, earned):
    await link(conn)
    await links.unlink(conn, platform="telegram", account_id=TG)

    assert await both(conn) == [13, 0]
    assert await sums(conn, "telegram", TG) == (13, 13, 13)
    again = await links.link(conn, telegram_account_id=TG, discord_account_id=OTHER_DC)
    await links.undo(conn, again.id)
    assert (await sums(conn, "discord", OTHER_DC))[1] == 0
    assert await both(conn) == [13, 0]


@pytest.mark.parametrize(
    ("platform", "old", "new"), [("telegram", TG, 1009), ("discord", DC, 2009)]
)
async def test_a_moved_account_takes_the_week_along(pool, conn, earned, platform, old, new):
    made = await link(conn)
    await record(pool, win(4, "9", user_id=new, source=platform))
    await move(conn, platform=platform, from_account_id=old, to_account_id=new)

    assert (await sums(conn, platform, new))[1] == 17
    assert (await sums(conn, platform, old))[:2] == (0, 0)
    newest = await conn.fetchval("SELECT max(id) FROM links")
    assert newest > made.id
    await links.undo(conn, newest)  # a link begins anew with a move, and its end splits the week
    assert (await sums(conn, platform, new))[1] == {"telegram": 14, "discord": 7}[platform]


async def test_a_link_of_an_account_with_an_older_week_keeps_the_newer_sum(conn, earned):
    await conn.execute("UPDATE members SET week = week - 7 WHERE xp = 10")
    await link(conn)

    assert await both(conn) == [3, 3]
    assert await scores(conn, "week") == [3]


@pytest.mark.parametrize(
    ("zone", "now", "week", "month"),
    [
        ("UTC", "2026-11-29 23:59:59.9+00", "2026-11-23", "2026-11-01"),
        ("UTC", "2026-11-30 00:00:00+00", "2026-11-30", "2026-11-01"),
        ("UTC", "2026-12-01 00:00:00+00", "2026-11-30", "2026-12-01"),
        ("Europe/Moscow", "2026-11-29 20:59:59+00", "2026-11-23", "2026-11-01"),
        ("Europe/Moscow", "2026-11-29 21:00:00+00", "2026-11-30", "2026-11-01"),
        ("America/New_York", "2026-03-09 03:59:59+00", "2026-03-02", "2026-03-01"),
        ("America/New_York", "2026-03-09 04:00:00+00", "2026-03-09", "2026-03-01"),
        ("Pacific/Kiritimati", "2026-12-31 10:00:00+00", "2026-12-28", "2027-01-01"),
    ],
)
async def test_weeks_begin_on_monday_in_the_communitys_zone(conn, zone, now, week, month):
    """America/New_York sets its clocks forward on the night before such a Monday."""
    assert await boards.set_zone(conn, zone)
    await conn.execute("CREATE SCHEMA clock")
    await conn.execute(
        "CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS"
        f" $$ SELECT '{now}'::timestamptz $$"
    )
    await conn.execute("SET search_path = clock, pg_catalog, twinstream")
    starts = await conn.fetchrow("SELECT * FROM period_starts()")
    began = await conn.fetchrow(
        "SELECT $1::timestamptz <= now(), $1 > now() - interval '8 days',"
        " ($1::timestamptz AT TIME ZONE $2)::time::text",
        starts["week_at"],
        zone,
    )

    assert (str(starts["week"]), str(starts["month"])) == (week, month)
    assert starts["next_week"] - starts["week"] == timedelta(days=7)
    assert tuple(began) == (True, True, "00:00:00")


async def test_without_a_zone_events_are_recorded_and_weeks_begin_in_utc(pool, conn):
    await conn.execute("DELETE FROM calendar")

    await record(pool, win(5))

    assert await scores(conn, "week") == [5]
    assert await boards.set_zone(conn, "Europe/Moscow")
    assert await conn.fetchval("SELECT zone FROM calendar") == "Europe/Moscow"


async def test_a_zone_that_postgres_does_not_know_changes_nothing(pool, conn):
    assert await boards.set_zone(conn, "Europe/Moscow")

    assert not await boards.set_zone(conn, "Mars/Olympus")

    assert await conn.fetchval("SELECT zone FROM calendar") == "Europe/Moscow"
    await record(pool, win(5))
    assert await scores(conn, "week") == [5]
