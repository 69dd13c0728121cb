"""Boards: pages of members in order, places on them, and who is left out of all of them.

A board is read by the keys of its rows, so any page costs the same. A place is counted as far as
that is quick; deeper ones are counted from the nearest mark of the last round (`mark_places`), and
are then about right.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, get_args

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

Board = Literal["xp", "month", "week", "balance", "streak", "reputation"]
BOARDS: Final[tuple[Board, ...]] = get_args(Board)

#: Members on a page: with the longest names and ranks it still fits into a Discord message.
LINES: Final = 10
#: Places that are counted for each question. Where members have just earned, Postgres looks at the
#: row of each, which takes some 2 microseconds.
COUNTED_MAX: Final = 2_000
#: Members between two marks: so few that counting from one takes less time than the page itself.
#: A million members have 2,000 marks.
MARK_STEP: Final = 500
#: The deepest place that a page is looked for at: more than any community has members.
PLACE_MAX: Final = 10_000_000

_ORDER: Final = "score DESC, reached_at, member_id"
_REVERSE: Final = "score, reached_at DESC, member_id DESC"
_COLUMNS: Final = "score, reached_at, member_id"
#: The parts of a board that an index has in order. Streaks have two, by their last day.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "streak": (
        " AND streak_day = (SELECT today FROM twinstream.periods)",
        " AND streak_day = (SELECT today - 1 FROM twinstream.periods)",
    )
}
#: With a limit, Postgres may expect to meet enough rows soon if it reads the table from its start.
#: Where many members have equal scores, it then reads all of it.
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
#: The period of a board, as `twinstream.periods` has it.
_PERIODS: Final[Mapping[str, str]] = {"week": "p.week", "month": "p.month", "streak": "p.today"}


class Key(NamedTuple):
    """Where a row stands: the greater score first, then the earlier moment, then the lesser id."""

    score: int
    reached_at: datetime
    member_id: int


#: Before and behind every row.
TOP: Final = Key(2**63 - 1, datetime(1, 1, 1, tzinfo=UTC), 0)
BOTTOM: Final = Key(0, datetime(9999, 1, 1, tzinfo=UTC), 2**63 - 1)


class First(NamedTuple):
    """The first page."""


class After(NamedTuple):
    """The page that begins behind a row."""

    key: Key


class Before(NamedTuple):
    """The page that ends before a row."""

    key: Key


class Mine(NamedTuple):
    """The page with the asker's own row; the first one, if they are on none."""


class Numbered(NamedTuple):
    """A page by its number, from 1; the last one, if there are fewer."""

    page: int


Position = First | After | Before | Mine | Numbered


class BoardPlace(NamedTuple):
    """A place on a board, from 1."""

    number: int
    is_exact: bool = True

    def further(self, rows: int) -> "BoardPlace":
        """Return the place that is some rows further on."""
        return BoardPlace(max(1, self.number + rows), self.is_exact)


class Line(NamedTuple):
    """A row of a page."""

    key: Key
    display_name: str | None
    rank_name: str | None
    is_own: bool


class Standing(NamedTuple):
    """How the asker stands on a board."""

    is_hidden: bool
    """The asker has asked to be on no board."""
    is_left_out: bool
    """The settings leave the asker out of every board."""
    score: int
    """Zero for an asker who is on no board."""
    place: BoardPlace | None


class Page(NamedTuple):
    """A page of a board, and the asker's place, which may be on another page."""

    lines: tuple[Line, ...]
    first: BoardPlace
    has_previous: bool
    has_next: bool
    own: Standing


class _Own(NamedTuple):
    member_id: int
    is_hidden: bool
    is_left_out: bool
    key: Key | None


async def read_page(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    board: Board,
    position: Position = First(),  # noqa: B008 - a constant
) -> Page:
    """Return a page of a board, as an account on `platform` sees it.

    A member has the name of their account on `platform`, or else the name of the other account.
    """
    # All statements read one state, so that places fit the rows.
    with mapped_errors():
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            await conn.execute(_BY_INDEX)
            own = await _own(conn, platform, account_id, board)
            own_place = await place_of(conn, board, own.key) if own.key else None
            start = await _start(conn, board, position, own.key, own_place)
            rows = await _after(conn, board, start, LINES + 1)
            if not rows and start != TOP:  # everybody behind it has gone
                start = TOP
                rows = await _after(conn, board, start, LINES + 1)
            lines = await _lines(conn, platform, rows[:LINES], own.member_id)
            first = await _first_place(conn, board, start, lines, own_place)
    standing = Standing(own.is_hidden, own.is_left_out, own.key.score if own.key else 0, own_place)
    return Page(lines, first, first.number > 1, len(rows) > LINES, standing)


async def place_of(conn: asyncpg.Connection, board: Board, key: Key) -> BoardPlace:
    """Return the place of a row, or the one that a row with this key would have."""
    above = await _count(conn, board, _ABOVE, key, limit=COUNTED_MAX + 1)
    if above <= COUNTED_MAX:
        return BoardPlace(above + 1)
    mark = await conn.fetchrow(
        """
        SELECT place, score, reached_at, member_id FROM twinstream.board_places
        WHERE board = $1 AND (score > $2
            OR score = $2 AND (reached_at, member_id) <= ($3, $4))
        ORDER BY place DESC LIMIT 1
        """,
        board,
        *key,
    )
    if mark is None:  # no round has been here yet: slow, and right
        return BoardPlace(await _count(conn, board, _ABOVE, key, limit=None) + 1)
    marked = Key(*mark[1:])
    between = await _count(conn, board, _between(marked, key), marked, key, limit=None)
    return BoardPlace(mark["place"] + between + (marked != key), is_exact=False)


async def mark_places(conn: asyncpg.Connection, board: Board) -> int:
    """Note each MARK_STEP-th place of a board that is too long to be counted. Returns how many.

    The caller has a transaction. It reads the whole index of such a board, and nothing of others.
    """
    period = _PERIODS.get(board, "NULL::date")
    with mapped_errors():
        # Rounds of two processes would note the same places.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('twinstream.boards', 0))"
        await conn.execute(lock)
        await conn.execute("DELETE FROM twinstream.board_marks WHERE board = $1", board)
        if not await _after(conn, board, TOP, 1, offset=COUNTED_MAX):
            return 0
        noted: str = await conn.execute(
            f"""
            INSERT INTO twinstream.board_marks (board, place, period, {_COLUMNS})
            SELECT $1, n.place, {period}, {_COLUMNS}
            FROM (
                SELECT {_COLUMNS}, row_number() OVER (ORDER BY {_ORDER}) AS place
                FROM twinstream.board_{board}
            ) AS n CROSS JOIN twinstream.periods AS p
            WHERE n.place % {MARK_STEP} = 0
            """,  # noqa: S608 - constants
            board,
        )
    return int(noted.rpartition(" ")[2])


async def set_left_out(
    conn: asyncpg.Connection, accounts: Mapping[Platform, Collection[int]]
) -> int:
    """Leave the owners of these accounts out of every board, and list all others again.

    Returns how many accounts changed. The caller has a transaction.
    """
    platforms = [platform for platform, ids in accounts.items() for _ in ids]
    account_ids = [number for ids in accounts.values() for number in ids]
    with mapped_errors():
        changed: int = await conn.fetchval(
            "SELECT twinstream.exclude_from_boards($1, $2)", platforms, account_ids
        )
    return changed


async def set_zone(conn: asyncpg.Connection, zone: str) -> bool:
    """Let days, weeks and months begin in this time zone. False: Postgres does not know it.

    Then the zone stays that is set: no event may fail for it.
    """
    with mapped_errors():
        known: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)", zone
        )
        if known:
            await conn.execute(
                """
                INSERT INTO twinstream.calendar AS c (zone) VALUES ($1)
                ON CONFLICT ((true)) DO UPDATE SET zone = excluded.zone
                WHERE c.zone <> excluded.zone
                """,
                zone,
            )
    return known


#: Conditions by which rows stand before or behind a key; Postgres finds each range in an index.
#: $1 is the score of the key, $2 its moment, $3 its id.
_ABOVE: Final = (
    "score > $1",
    "score = $1 AND (reached_at, member_id) < ($2, $3)",
)
_BEHIND: Final = (
    "score < $1",
    "score = $1 AND (reached_at, member_id) > ($2, $3)",
)


def _between(mark: Key, key: Key) -> tuple[str, ...]:
    """Return the conditions of rows behind a mark ($1 to $3) and before a key ($4 to $6). Pure."""
    if mark.score == key.score:
        # Each parameter needs a type, also one that decides nothing.
        tied = "score = $1 AND (reached_at, member_id) > ($2, $3)"
        return (f"{tied} AND (reached_at, member_id) < ($5, $6) AND $4::bigint IS NOT NULL",)
    return (
        "score = $1 AND (reached_at, member_id) > ($2, $3)",
        "score < $1 AND score > $4",
        "score = $4 AND (reached_at, member_id) < ($5, $6)",
    )


def _ranges(board: Board, conditions: tuple[str, ...], rest: str, columns: str) -> str:
    """Return the rows of a board that meet one of some conditions. Pure."""
    return " UNION ALL ".join(
        f"(SELECT {columns} FROM twinstream.board_{board} WHERE {condition}{part}{rest})"  # noqa: S608
        for part in _PARTS.get(board, ("",))
        for condition in conditions
    )


async def _count(
    conn: asyncpg.Connection,
    board: Board,
    conditions: tuple[str, ...],
    *keys: Key,
    limit: int | None,
) -> int:
    rest = "" if limit is None else f" LIMIT {limit}"
    counted: int = await conn.fetchval(
        f"SELECT count(*) FROM ({_ranges(board, conditions, rest, '1')}) AS r",  # noqa: S608
        *(value for key in keys for value in key),
    )
    return counted


async def _after(
    conn: asyncpg.Connection, board: Board, key: Key, limit: int, *, offset: int = 0
) -> list[Key]:
    """Return the next rows behind a key, in order.

    The limits stand in the text: with a parameter, Postgres plans for a tenth of the board.
    """
    rest = f" ORDER BY {_ORDER} LIMIT {limit + offset}"
    rows = await conn.fetch(
        f"SELECT * FROM ({_ranges(board, _BEHIND, rest, _COLUMNS)}) AS r"  # noqa: S608
        f" ORDER BY {_ORDER} LIMIT {limit} OFFSET {offset}",
        *key,
    )
    return [Key(*row) for row in rows]


async def _before(conn: asyncpg.Connection, board: Board, key: Key, limit: int) -> list[Key]:
    """Return the next rows before a key, the nearest first."""
    rest = f" ORDER BY {_REVERSE} LIMIT {limit}"
    rows = await conn.fetch(
        f"SELECT * FROM ({_ranges(board, _ABOVE, rest, _COLUMNS)}) AS r"  # noqa: S608
        f" ORDER BY {_REVERSE} LIMIT {limit}",
        *key,
    )
    return [Key(*row) for row in rows]


async def _own(conn: asyncpg.Connection, platform: Platform, account_id: int, board: Board) -> _Own:
    row = await conn.fetchrow(
        "SELECT member_id, on_board, is_hidden FROM twinstream.board_standing($1, $2)",
        platform,
        account_id,
    )
    if row is None:
        return _Own(0, is_hidden=False, is_left_out=False, key=None)
    if not row["on_board"]:
        is_hidden = row["is_hidden"]
        return _Own(row["member_id"], is_hidden=is_hidden, is_left_out=not is_hidden, key=None)
    found = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM twinstream.board_{board} WHERE member_id = $1",  # noqa: S608
        row["member_id"],
    )
    key = None if found is None else Key(*found)
    return _Own(row["member_id"], is_hidden=False, is_left_out=False, key=key)


async def _start(
    conn: asyncpg.Connection,
    board: Board,
    position: Position,
    own: Key | None,
    own_place: BoardPlace | None,
) -> Key:
    """Return the key behind which a page begins."""
    match position:
        case After(key):
            return key
        case Before(key):
            return await _back(conn, board, key, LINES)
        case Mine() if own is not None and own_place is not None:
            return await _back(conn, board, own, (own_place.number - 1) % LINES)
        case Numbered(page):
            return await _at(conn, board, (page - 1) * LINES)
        case _:
            return TOP


async def _back(conn: asyncpg.Connection, board: Board, key: Key, lines: int) -> Key:
    """Return the key behind which so many lines come before this one; TOP if there are fewer."""
    rows = await _before(conn, board, key, lines + 1)
    return rows[lines] if len(rows) > lines else TOP


async def _at(conn: asyncpg.Connection, board: Board, place: int) -> Key:
    """Return the key of the row at a place; on a shorter board, the one before its last page."""
    if place < 1:
        return TOP
    mark = None
    if place > COUNTED_MAX:
        mark = await conn.fetchrow(
            """
            SELECT place, score, reached_at, member_id FROM twinstream.board_places
            WHERE board = $1 AND place < $2 ORDER BY place DESC LIMIT 1
            """,
            board,
            place,
        )
    start, passed = (TOP, 0) if mark is None else (Key(*mark[1:]), mark["place"])
    # Few rows lie behind a mark. Without one the board is short, or no round has numbered it yet.
    rows = await _after(conn, board, start, 1, offset=min(place - passed, PLACE_MAX) - 1)
    return rows[0] if rows else await _back(conn, board, BOTTOM, LINES)


async def _first_place(
    conn: asyncpg.Connection,
    board: Board,
    start: Key,
    lines: tuple[Line, ...],
    own_place: BoardPlace | None,
) -> BoardPlace:
    """Return the place of the first line. The asker's own line has the asker's place."""
    if start == TOP or not lines:
        return BoardPlace(1)
    for number, line in enumerate(lines):
        if line.is_own and own_place is not None:
            return own_place.further(-number)
    return await place_of(conn, board, lines[0].key)


async def _lines(
    conn: asyncpg.Connection, platform: Platform, keys: list[Key], own_id: int
) -> tuple[Line, ...]:
    rows = await conn.fetch(
        """
        SELECT member_id, CASE $1 WHEN 'telegram' THEN coalesce(telegram_name, discord_name)
            ELSE coalesce(discord_name, telegram_name) END, rank_name
        FROM twinstream.board_members WHERE member_id = ANY ($2::bigint[])
        """,
        platform,
        [key.member_id for key in keys],
    )
    said = {row[0]: (row[1], row[2]) for row in rows}
    return tuple(
        Line(key, *said.get(key.member_id, (None, None)), is_own=key.member_id == own_id)
        for key in keys
    )
