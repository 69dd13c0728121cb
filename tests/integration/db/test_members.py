"""Names, profiles and the table: what members ask about."""

from datetime import date, timedelta

import asyncpg
import pytest

from db.ledger.ranks import RankRow, set_ranks
from db.members.accounts import DISPLAY_NAME_CHARS_MAX, find_member, name_elsewhere, remember_name
from db.members.privacy import set_hidden
from db.members.profiles import PLACES_MAX, figures, holds_achievement, profile
from tests.support.boards import page_of
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import Record, achievement, balance, record, settle, xp


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 30)])


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


async def test_a_profile_says_where_a_member_stands(pool, conn):
    envelopes = [xp(12), balance(7), achievement("first_win")]
    await record(pool, *envelopes)

    found = await profile(conn, "telegram", 1001)

    assert found is not None
    assert (found.xp, found.balance) == (12, 7)
    assert (found.rank, found.rank_name, found.rank_xp) == (1, "Newcomer", 10)
    assert (found.next_rank_name, found.next_rank_xp) == ("Regular", 30)
    assert [one.name for one in found.achievements] == ["first_win"]
    assert not found.linked


async def test_the_lowest_and_the_highest_rank_have_only_one_neighbour(pool, conn):
    await record(pool, xp(1), xp(99, user_id=2))

    low, high = await profile(conn, "telegram", 1001), await profile(conn, "telegram", 2)

    assert low is not None
    assert high is not None
    assert (low.rank, low.rank_name, low.next_rank_name) == (0, None, "Newcomer")
    assert (high.rank, high.rank_name, high.next_rank_name) == (2, "Regular", None)


async def test_a_member_without_an_event_has_no_profile(conn):
    assert await profile(conn, "telegram", 1001) is None

    await remember_name(conn, "telegram", 1001, "Ann")

    assert await profile(conn, "telegram", 1001) is None


async def test_a_debt_is_shown_as_zero(pool, conn):
    credit, debit = xp(20), xp(-20, "2")
    await record(pool, credit, debit)
    await record(pool, balance(5, "3"), balance(-5, "4"))
    await link(conn)
    await settle(pool, debit, balance(-5, "4"))

    found = await profile(conn, "discord", 2002)

    assert found is not None
    assert (found.xp, found.balance, found.rank) == (0, 0, 0)
    assert found.linked


async def link(conn: asyncpg.Connection) -> None:
    await redeem_code(conn, "discord", 2002, await issue_code(conn, "telegram", 1001))


async def test_a_name_is_remembered_before_the_first_event(pool, conn):
    await remember_name(conn, "telegram", 1001, "Ann")
    await record(pool, xp(12))

    [line] = (await page_of(conn)).lines

    assert line.display_name == "Ann"


async def test_the_newest_name_counts(pool, conn, books):
    await remember_name(conn, "telegram", 1001, "Ann")
    await remember_name(conn, "telegram", 1001, "Anna")
    await record(pool, xp(12))

    assert (await page_of(conn)).lines[0].display_name == "Anna"
    assert await books.count("members") == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "ab"),
        ("half \ud83d a pair", "half  a pair"),
        ("x" * 10_000, "x" * DISPLAY_NAME_CHARS_MAX),
        ("'; DROP TABLE members; --", "'; DROP TABLE members; --"),
        ("", ""),
    ],
)
async def test_any_name_can_be_remembered(conn, pool, given, kept):
    await remember_name(conn, "telegram", 1001, given)

    assert await pool.fetchval("SELECT display_name FROM accounts") == kept


async def test_the_leaderboard_is_sorted_by_xp_and_leaves_out_members_without_any(pool, conn):
    await record(pool, *(xp(user * 10, user_id=user) for user in (1, 3, 2)), balance(5, user_id=9))

    page = await page_of(conn)

    assert [(line.key.score, line.rank_name) for line in page.lines] == [
        (30, "Regular"),
        (20, "Newcomer"),
        (10, "Newcomer"),
    ]


async def test_the_table_prefers_the_name_of_the_platform_that_asks(pool, conn):
    await record(pool, xp(12))
    await remember_name(conn, "telegram", 1001, "Ann")
    await link(conn)
    [line] = (await page_of(conn, platform="discord")).lines
    assert line.display_name == "Ann"

    await remember_name(conn, "discord", 2002, "ann#1")

    assert (await page_of(conn, platform="discord")).lines[0].display_name == "ann#1"
    assert (await page_of(conn)).lines[0].display_name == "Ann"


async def test_the_member_behind_an_account(pool, conn):
    assert await find_member(conn, "telegram", 1001) is None

    [recorded] = await record(pool, xp(12))

    assert await find_member(conn, "telegram", 1001) == recorded.member_id
    assert await find_member(conn, "discord", 1001) is None


async def test_an_achievement_is_held_by_both_accounts_of_a_member(pool, conn):
    await record(pool, achievement("first_win"))
    assert await holds_achievement(conn, "telegram", 1001, "first_win")
    assert not await holds_achievement(conn, "discord", 2002, "first_win")

    await link(conn)

    assert await holds_achievement(conn, "discord", 2002, "first_win")
    assert not await holds_achievement(conn, "discord", 2002, "another")


async def test_linked_accounts_know_one_anothers_name(conn):
    await link(conn)
    assert await name_elsewhere(conn, "discord", 2002) is None
    await remember_name(conn, "telegram", 1001, "Ann")

    assert await name_elsewhere(conn, "discord", 2002) == "Ann"
    assert await name_elsewhere(conn, "telegram", 1001) is None
    assert await name_elsewhere(conn, "telegram", 4242) is None


TODAY = date(2026, 11, 30)


async def test_a_place_is_that_of_the_board(pool, conn):
    await record(pool, xp(5, user_id=1), xp(9, user_id=2), xp(9, user_id=3), xp(1, user_id=4))
    await record(pool, balance(7, user_id=5))
    await conn.execute("SELECT twinstream.leave_out('telegram', '{2}', 'gone')")
    await set_hidden(conn, "telegram", 4, hidden=True)

    found = [await figures(conn, "telegram", number, today=TODAY) for number in range(1, 7)]

    assert [one and one.place for one in found] == [2, None, 1, None, None, None]
    assert [one and one.is_hidden for one in found] == [False, False, False, True, False, None]
    assert [one and one.left_out for one in found][:2] == [None, "gone"]
    assert found[5] is None
    board = await page_of(conn)
    assert [board.first.further(number).number for number in range(len(board.lines))] == [1, 2]


async def test_places_are_counted_as_far_as_they_say_something(pool, conn, monkeypatch):
    monkeypatch.setattr("db.members.profiles.PLACES_MAX", 2)
    await record(pool, *(xp(10 - number, user_id=number) for number in range(1, 6)))

    found = [await figures(conn, "telegram", number, today=TODAY) for number in range(1, 6)]

    assert PLACES_MAX > 2
    assert [one and one.place for one in found] == [1, 2, 3, 3, 3]


async def test_linked_accounts_have_their_thanks_together_and_the_row_of_days_that_is_alive(conn):
    await link(conn)
    await conn.execute(
        """
        INSERT INTO twinstream.account_scores VALUES
            ('telegram', 1001, 5, 9, 9, $1), ('discord', 2002, 7, 4, 6, $2)
        """,
        TODAY - timedelta(days=2),
        TODAY - timedelta(days=1),
    )

    found = await figures(conn, "telegram", 1001, today=TODAY)

    assert found is not None
    assert (found.reputation, found.streak) == (12, 9)
    assert found.platforms == {"telegram", "discord"}
    next_day = await figures(conn, "discord", 2002, today=TODAY + timedelta(days=1))
    assert next_day is not None
    assert next_day.streak == 0
