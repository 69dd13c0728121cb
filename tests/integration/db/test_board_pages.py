"""Pages of boards: their order, the ways from one to the next, places, and what each costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from db.members import boards
from db.members.boards import (
    BOARDS,
    LINES,
    After,
    Before,
    Board,
    First,
    Mine,
    Numbered,
    Page,
    mark_places,
)
from tests.support.boards import page_of

#: Calls after which Postgres keeps one plan for a prepared statement (plan_cache_mode = auto).
CALLS_UNTIL_A_PLAN_IS_KEPT = 7
#: Columns in which a board keeps its amounts, and the moments at which they were reached.
COLUMNS: dict[Board, tuple[str, str]] = {
    "xp": ("xp", "earned_at"),
    "balance": ("balance", "balance_at"),
    "week": ("week_xp", "earned_at"),
    "month": ("month_xp", "earned_at"),
}
#: Rows and entries of indexes for a page, with the small limits of the test below.
ROWS_OF_A_PAGE_MAX = 1_200
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


async def members(conn: asyncpg.Connection, count: int, *, alike: int = 1) -> None:
    """Members with accounts of their own numbers, from the last to the first on every board.

    `alike` of them have the same amounts each, and came to them one after the other.
    """
    await conn.execute(
        """
        INSERT INTO members
            (xp, balance, earned_at, balance_at, week, week_xp, month, month_xp)
        SELECT 1 + n / $2, 1 + n / $2, $3::timestamptz - make_interval(secs => n),
            $3::timestamptz - make_interval(secs => n), p.week, 1 + n / $2, p.month, 1 + n / $2
        FROM periods AS p, generate_series(0, $1 - 1) AS n
        """,
        count,
        alike,
        START,
    )
    await conn.execute(
        """
        INSERT INTO accounts (platform, account_id, member_id, display_name)
        SELECT 'telegram', id, id, 'Member ' || id FROM members
        """
    )
    await conn.execute(
        """
        INSERT INTO account_scores
            (platform, account_id, reputation, streak, longest_streak, streak_day)
        SELECT 'telegram', id, xp, xp, xp, p.today - (id % 2)::int FROM members, periods AS p
        """
    )
    # All of them came to their scores in the statement above.
    await conn.execute(
        """
        UPDATE member_scores AS s SET reputation_at = m.earned_at, streak_at = m.earned_at
        FROM members AS m WHERE m.id = s.member_id
        """
    )
    await conn.execute("ANALYZE members, accounts, member_scores")


def ids(page: Page) -> list[int]:
    return [line.key.member_id for line in page.lines]


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("alike", [1, 7, 100])
async def test_every_page_there_and_back(conn, board, alike):
    """By score, then by who came to it first; the walk meets each member once, both ways."""
    await members(conn, 35, alike=alike)
    expected = list(range(35, 0, -1))

    pages = [await page_of(conn, board)]
    while pages[-1].has_next:
        pages.append(await page_of(conn, board, After(pages[-1].lines[-1].key)))
    back = [pages[-1]]
    while back[-1].has_previous:
        back.append(await page_of(conn, board, Before(back[-1].lines[0].key)))

    assert [one for page in pages for one in ids(page)] == expected
    assert [page.first.number for page in pages] == [1, 11, 21, 31]
    assert [len(page.lines) for page in pages] == [10, 10, 10, 5]
    assert back == pages[::-1]


@pytest.mark.parametrize("board", BOARDS)
async def test_the_askers_place_is_told_on_every_page(conn, board):
    await members(conn, 35, alike=5)

    elsewhere = await page_of(conn, board, account_id=8)  # at place 28
    mine = await page_of(conn, board, Mine(), account_id=8)

    assert elsewhere.own.place == (28, True)
    assert elsewhere.own.score == 1 + 7 // 5
    assert not any(line.is_own for line in elsewhere.lines)
    assert mine.first.number == 21
    assert [line.is_own for line in mine.lines].index(True) == 7
    assert mine.own == elsewhere.own


async def test_an_asker_without_points_has_no_place(conn):
    await members(conn, 3)
    page = await page_of(conn, "xp", Mine(), account_id=77)

    assert (page.own.place, page.own.score) == (None, 0)
    assert (page.own.is_hidden, page.own.is_left_out) == (False, False)
    assert ids(page) == [3, 2, 1]


@pytest.mark.parametrize(("number", "first"), [(1, 1), (2, 11), (4, 31), (5, 26), (10**6, 26)])
async def test_a_page_by_its_number_and_the_last_one_beyond(conn, number, first):
    await members(conn, 35)

    page = await page_of(conn, "week", Numbered(number))

    assert page.first.number == first
    assert not page.has_next or first < 26


async def test_a_page_goes_on_behind_its_last_row_whatever_changed_meanwhile(conn):
    await members(conn, 30)
    first = await page_of(conn)
    last = first.lines[-1].key
    await conn.execute("UPDATE members SET xp = 1000 WHERE id IN (1, $1)", last.member_id)

    page = await page_of(conn, "xp", After(last))

    assert ids(page) == list(range(20, 10, -1))
    assert page.first.number == 12  # one member more stands before them


async def test_a_page_whose_rows_have_all_gone_is_the_first_one(conn):
    await members(conn, 15)
    second = await page_of(conn, "xp", After((await page_of(conn)).lines[-1].key))
    await conn.execute("UPDATE members SET xp = 0 WHERE id <= 5")

    page = await page_of(conn, "xp", After(second.lines[0].key))

    assert page.first.number == 1
    assert len(page.lines) == LINES


@pytest.mark.parametrize("board", BOARDS)
async def test_deep_places_are_counted_from_the_nearest_mark(conn, monkeypatch, board):
    monkeypatch.setattr(boards, "COUNTED_MAX", 20)
    monkeypatch.setattr(boards, "MARK_STEP", 7)
    await members(conn, 100, alike=9)
    exact = [await boards.place_of(conn, board, key) for key in await keys(conn, board)]
    async with conn.transaction():
        assert await mark_places(conn, board) == 100 // 7

    found = [await boards.place_of(conn, board, key) for key in await keys(conn, board)]
    page = await page_of(conn, board, Numbered(8))

    # Without a mark every place is counted: slow, and right.
    assert [place.number for place in exact] == list(range(1, 101))
    assert all(place.is_exact for place in exact)
    assert [place.number for place in found] == list(range(1, 101))
    assert [place.is_exact for place in found] == [True] * 21 + [False] * 79
    assert (page.first, ids(page)[0]) == ((71, False), 30)


async def test_a_board_that_can_be_counted_has_no_marks(conn, monkeypatch):
    monkeypatch.setattr(boards, "MARK_STEP", 7)
    await members(conn, 21)
    async with conn.transaction():
        monkeypatch.setattr(boards, "COUNTED_MAX", 20)
        assert await mark_places(conn, "xp") == 3
    async with conn.transaction():
        monkeypatch.setattr(boards, "COUNTED_MAX", 21)
        assert await mark_places(conn, "xp") == 0

    assert await conn.fetchval("SELECT count(*) FROM board_marks") == 0


async def test_marks_of_last_week_do_not_hold(conn, monkeypatch):
    monkeypatch.setattr(boards, "COUNTED_MAX", 5)
    monkeypatch.setattr(boards, "MARK_STEP", 2)
    await members(conn, 12)
    async with conn.transaction():
        await mark_places(conn, "week")
    await conn.execute("UPDATE board_marks SET period = period - 7, place = place + 100")

    place = await boards.place_of(conn, "week", (await keys(conn, "week"))[-1])

    assert place == (12, True)


async def keys(conn: asyncpg.Connection, board: Board) -> list[boards.Key]:
    found = await page_of(conn, board)
    rows = list(found.lines)
    while found.has_next:
        found = await page_of(conn, board, After(rows[-1].key))
        rows += found.lines
    return [line.key for line in rows]


@pytest.fixture
async def planning(database_url: str):
    # As everywhere but in tests (tests/support/fast_storage.py).
    conn = await asyncpg.connect(database_url, server_settings={"plan_cache_mode": "auto"})
    yield conn
    await conn.close()


@pytest.mark.parametrize("board", BOARDS)
async def test_a_page_reads_no_more_rows_in_a_large_community(pool, planning, monkeypatch, board):
    """Of 3,000 members, at the top, in the middle and at the end; half of them are alike."""
    monkeypatch.setattr(boards, "COUNTED_MAX", 100)
    monkeypatch.setattr(boards, "MARK_STEP", 50)
    async with pool.acquire() as conn:
        await members(conn, 3_000, alike=1_500)
        async with conn.transaction():
            await mark_places(conn, board)
    middle = (await page_of(planning, board, Numbered(150))).lines[0].key
    positions: tuple[Any, ...] = (
        First(),
        Mine(),
        After(middle),
        Before(middle),
        Numbered(200),
        Numbered(10**6),
    )
    for position in positions:
        for _ in range(CALLS_UNTIL_A_PLAN_IS_KEPT):
            await page_of(planning, board, position, account_id=700)

    for position in positions:
        async with planning.transaction(isolation="repeatable_read", readonly=True):
            before = await rows_read(planning)
            page = await page_of(planning, board, position, account_id=700)
            read = await rows_read(planning) - before
        assert len(page.lines) == LINES
        # Two places that are counted up to the limit, two looks at 60 marks, two ranges from a mark
        # on, and ten lines with accounts and ranks. A plan that reads the board reads 3,000.
        assert read <= ROWS_OF_A_PAGE_MAX, (position, read)


async def rows_read(conn: asyncpg.Connection) -> int:
    """The rows that the transaction has read; no page is known as visible, so entries count too."""
    read: int = await conn.fetchval(
        """
        SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
        FROM pg_stat_xact_user_tables WHERE schemaname = 'twinstream'
        """
    )
    return read


async def test_the_moment_of_a_key_is_kept_to_the_microsecond(conn):
    await members(conn, 1)
    moment = START + timedelta(microseconds=1)
    await conn.execute("UPDATE members SET earned_at = $1", moment)

    [line] = (await page_of(conn)).lines

    assert line.key.reached_at == moment
