"""Boards: who is listed, and who is left out."""

import asyncpg
import pytest

from db.members.accounts import remember_name
from db.members.boards import set_left_out
from db.members.privacy import set_hidden
from db.members.profiles import profile
from db.surfaces.observed import seen_again, show_again
from db.surfaces.presence import leave_out, list_again
from tests.support.boards import page_of, scores
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import record, settle, xp

TG, DC = 1001, 2002


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


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

    assert await scores(conn) == [10]
    found = await profile(conn, "telegram", TG)
    assert found is not None
    assert found.xp == 20


@pytest.mark.parametrize("comes_back", [seen_again, show_again])
async def test_a_member_who_comes_back_is_on_the_board_with_the_points(pool, conn, comes_back):
    await record(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "gone")
    await record(pool, xp(5, "2"))
    assert await scores(conn) == []

    await comes_back(conn, "telegram", TG)

    assert await scores(conn) == [25]


async def test_a_bot_is_off_the_board_whether_it_comes_or_goes(pool, conn):
    await record(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "bot")

    await leave_out(conn, "telegram", [TG], "gone")
    await list_again(conn, "telegram", [TG])

    assert await scores(conn) == []


async def test_a_linked_member_is_listed_while_one_account_is_there(pool, conn):
    await record(pool, xp(20))
    await settle(pool, xp(20))
    await link(conn)

    await leave_out(conn, "telegram", [TG], "gone")
    assert await scores(conn) == [20]
    await leave_out(conn, "discord", [DC], "gone")
    assert await scores(conn) == []
    await list_again(conn, "discord", [DC])
    assert await scores(conn) == [20]


async def test_a_link_lists_a_member_again_and_an_unlink_does_not(pool, conn):
    await record(pool, xp(20))
    await settle(pool, xp(20))
    await leave_out(conn, "telegram", [TG], "gone")
    await remember_name(conn, "discord", DC, "ann#1")

    await link(conn)
    assert await scores(conn) == [20]
    await unlink(conn)
    assert await scores(conn) == []


async def test_an_account_that_is_not_known_gets_no_row_by_leaving(pool, conn):
    await leave_out(conn, "telegram", [TG], "gone")
    await list_again(conn, "telegram", [TG])

    assert await pool.fetchval("SELECT count(*) FROM accounts") == 0


async def test_the_settings_leave_people_out_and_list_them_again(pool, conn):
    """The second account is not known yet: its first event finds it left out."""
    await record(pool, xp(20), xp(10, user_id=1002))

    async with conn.transaction():
        assert await set_left_out(conn, {"telegram": [TG, 1003], "discord": []}) == 2
    await record(pool, xp(30, user_id=1003))
    assert await scores(conn) == [10]
    page = await page_of(conn, account_id=TG)
    assert (page.own.is_left_out, page.own.is_hidden, page.own.place) == (True, False, None)

    async with conn.transaction():
        assert await set_left_out(conn, {"telegram": [TG, 1003], "discord": []}) == 0
        assert await set_left_out(conn, {"telegram": [1003], "discord": []}) == 1
    assert await scores(conn) == [20, 10]


async def test_a_person_is_left_out_by_either_account(pool, conn):
    await record(pool, xp(20))
    await settle(pool, xp(20))
    await link(conn)

    async with conn.transaction():
        await set_left_out(conn, {"telegram": [], "discord": [DC]})
    assert await scores(conn) == []
    await unlink(conn)

    assert await scores(conn) == [20]


async def test_who_is_hidden_is_told_so(pool, conn):
    await record(pool, xp(20))
    await set_hidden(conn, "telegram", TG, hidden=True)

    page = await page_of(conn, account_id=TG)

    assert page.lines == ()
    assert (page.own.is_hidden, page.own.is_left_out, page.own.place) == (True, False, None)
