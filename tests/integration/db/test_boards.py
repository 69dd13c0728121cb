"""Boards: who is listed, who is left out, and what the record reads for it."""

import json
from typing import Any

import asyncpg
import pytest

from db import Platform
from db.members import profiles
from db.members.accounts import remember_name
from db.members.profiles import profile, top
from db.surfaces.observed import seen_again, show_again
from db.surfaces.presence import leave_out, list_again
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import record, settle, xp

TG, DC = 1001, 2002


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


async def board(conn: asyncpg.Connection) -> list[int]:
    return [line.xp for line in await top(conn, "telegram", limit=10)]


async def link(conn: asyncpg.Connection) -> None:
    await redeem_code(conn, "discord", DC, await issue_code(conn, "telegram", TG))


async def unlink(conn: asyncpg.Connection) -> None:
    code = await conn.fetchval("SELECT twinstream.issue_code('telegram', $1, 'unlink')", TG)
    assert (
        await conn.fetchval("SELECT twinstream.unlink('discord', $1, $2)", DC, code) == "unlinked"
    )


async def test_a_member_who_left_is_off_the_board_and_keeps_the_points(pool, conn):
    await record(pool, xp(20), xp(10, user_id=1002))

    await leave_out(conn, "telegram", [TG], "gone")

    assert await board(conn) == [10]
    found = await profile(conn, "telegram", TG)
    assert found is not None
    assert found.xp == 20


@pytest.mark.parametrize("comes_back", [seen_again, show_again])
async def test_a_member_who_comes_back_is_on_the_board_with_the_points(pool, conn, comes_back):
    await record(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "gone")
    await record(pool, xp(5, "2"))
    assert await board(conn) == []

    await comes_back(conn, "telegram", TG)

    assert await board(conn) == [25]


async def test_a_bot_is_off_the_board_whether_it_comes_or_goes(pool, conn):
    await record(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "bot")

    await leave_out(conn, "telegram", [TG], "gone")
    await list_again(conn, "telegram", [TG])

    assert await board(conn) == []


async def test_a_linked_member_is_listed_while_one_account_is_there(pool, conn):
    await record(pool, xp(20))
    await settle(pool, xp(20))
    await link(conn)

    await leave_out(conn, "telegram", [TG], "gone")
    assert await board(conn) == [20]
    await leave_out(conn, "discord", [DC], "gone")
    assert await board(conn) == []
    await list_again(conn, "discord", [DC])
    assert await board(conn) == [20]


async def test_a_link_lists_a_member_again_and_an_unlink_does_not(pool, conn):
    await record(pool, xp(20))
    await settle(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "gone")
    await remember_name(conn, "discord", DC, "ann#1")

    await link(conn)
    assert await board(conn) == [20]
    await unlink(conn)
    assert await board(conn) == []


async def test_an_account_that_is_not_known_gets_no_row_by_leaving(pool, conn):
    await leave_out(conn, "telegram", [TG], "gone")
    await list_again(conn, "telegram", [TG])

    assert await pool.fetchval("SELECT count(*) FROM accounts") == 0


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_a_board_reads_its_own_lines_only_however_many_members_left(pool, conn, platform):
    """The same plan serves a million members: the index is read from the top and cut off."""
    await members(pool, platform, count=3_000, gone=2_900)
    await conn.execute("VACUUM ANALYZE members, accounts")

    [(answer,)] = await conn.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {profiles.TOP}", platform, 10)

    nodes = list(flattened(json.loads(answer)[0]["Plan"]))
    [read] = [one for one in nodes if one.get("Relation Name") == "members"]
    assert read["Index Name"] == "members_on_board"
    assert read["Actual Rows"] <= 11
    assert read.get("Rows Removed by Filter", 0) == 0
    assert max(one["Actual Rows"] * one["Actual Loops"] for one in nodes) <= 100


async def members(pool: asyncpg.Pool, platform: Platform, *, count: int, gone: int) -> None:
    """Members with names, of whom those with the most XP have left."""
    await pool.execute(
        "INSERT INTO members (xp) SELECT n FROM generate_series($1::bigint, 1, -1) AS n", count
    )
    await pool.execute(
        """
        INSERT INTO accounts (platform, account_id, member_id, display_name)
        SELECT $1, id, id, 'Member ' || id FROM members
        """,
        platform,
    )
    leaving = await pool.fetch("SELECT id FROM members ORDER BY xp DESC LIMIT $1", gone)
    async with pool.acquire() as conn:
        await leave_out(conn, platform, [row["id"] for row in leaving], "gone")


def flattened(plan: dict[str, Any]) -> Any:
    yield plan
    for child in plan.get("Plans", ()):
        yield from flattened(child)
