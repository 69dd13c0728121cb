"""The time of a page of a board and of the asker's place, in a community of a given size.

Beside it stands what a board does first of all: OFFSET for the page, and a full count for the
place. Members earn meanwhile, so no page of the tables is known to be visible for long.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

import schemas
from bus import Publisher, connect, ensure_group
from db import Producer
from db.members import boards
from db.members.boards import LINES, Board, First, Mine, Numbered, Position

from .report import Report, Series, number
from .testbed import KEYS, SOURCE, BenchTestbed

#: Boards with an index each: of all time, and of a period.
BOARDS: Final[tuple[Board, ...]] = ("xp", "week")
#: The asker's place, as a share of the board.
DEPTH: Final = 0.7
#: Calls before the first one that counts, so that Postgres has its plans.
WARM_UP: Final = 6

#: Members with amounts of which few are great; half of them have earned this week.
COMMUNITY: Final = """
INSERT INTO members (xp, earned_at, week, week_xp, month, month_xp)
    SELECT 1 + (power(random(), 3) * 100000)::bigint, now() - random() * interval '300 days',
        CASE WHEN n % 2 = 0 THEN p.week ELSE p.week - 7 END, 1 + (random() * 300)::bigint,
        p.month, 1 + (random() * 3000)::bigint
    FROM generate_series(1, {members}) AS n, periods AS p;
INSERT INTO accounts (platform, account_id, member_id, display_name)
    SELECT 'telegram', id, id, 'Member ' || id FROM members;
"""

Call = Callable[[], Awaitable[object]]


async def run(testbed: BenchTestbed, *, members: int, calls: int) -> Report:
    """Measure each kind of page `calls` times."""
    took: dict[tuple[str, str], list[float]] = {}
    async with testbed.database() as database_url:
        redis = connect(await testbed.empty_redis(), name="benchmarks")
        await ensure_group(redis, KEYS.subscription(SOURCE))
        async with asyncpg.create_pool(database_url, min_size=3, max_size=3) as pool:
            await pool.execute(COMMUNITY.format(members=members), timeout=1_800)
            await pool.execute("VACUUM ANALYZE", timeout=600)
            producer = Producer(pool, schemas, Publisher(redis, KEYS))
            ended = asyncio.Event()
            playing = asyncio.create_task(_play(producer, members, ended))
            async with pool.acquire() as conn:
                for board in BOARDS:
                    round_ = functools.partial(_mark, conn, board)
                    took[board, "a round of marks"] = [await _timed(round_)]
                    for name, call in (await _calls(conn, board)).items():
                        for _ in range(WARM_UP):
                            await call()
                        took[board, name] = [await _timed(call) for _ in range(calls)]
            ended.set()
            await playing
            await producer.close()
        await redis.aclose()
    return _report(took, members, calls)


async def _mark(conn: asyncpg.Connection, board: Board) -> None:
    async with conn.transaction():
        await boards.mark_places(conn, board)


async def _calls(conn: asyncpg.Connection, board: Board) -> dict[str, Call]:
    """Return the ways to a page, ours first and what it is compared with behind."""
    view = f"twinstream.board_{board}"
    order = "ORDER BY score DESC, reached_at, member_id"
    length = await conn.fetchval(f"SELECT count(*) FROM {view}")
    depth = int(length * DEPTH)
    asker, score = await conn.fetchrow(
        f"SELECT member_id, score FROM {view} {order} LIMIT 1 OFFSET {depth}"
    )

    def page(position: Position) -> Call:
        return lambda: boards.read_page(conn, SOURCE, asker, board, position)

    async def offset() -> None:
        await conn.fetch(f"SELECT * FROM {view} {order} LIMIT {LINES} OFFSET {depth}")
        await conn.fetchval(f"SELECT count(*) FROM {view} WHERE score > $1", score)

    middle = depth // LINES
    return {
        "the first page": page(First()),
        f"page {middle:,}": page(Numbered(middle)),
        f"the page of place {depth:,}": page(Mine()),
        "the same by OFFSET and count": offset,
    }


async def _timed(call: Call) -> float:
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1_000


async def _play(producer: Producer, members: int, ended: asyncio.Event) -> None:
    """Let one member after the other earn something, some hundred in a second."""
    count = 0
    while not ended.is_set():
        count += 1
        await producer.create_xp_change_event(
            user_id=count * 7919 % members + 1,
            delta_xp=5,
            source=SOURCE,
            reason="game_guess",
            entity_id=str(count),
        )
        await asyncio.sleep(0.002)


def _report(took: dict[tuple[str, str], list[float]], members: int, calls: int) -> Report:
    series = {
        key: Series(name=f"{key[0]}: {key[1]}", values=tuple(values))
        for key, values in took.items()
    }
    return Report(
        name="boards",
        title=f"Boards of {members:,} members, {calls} calls each",
        columns=("board", "", "ms", "lowest to highest"),
        rows=tuple(
            (board, what, number(one.median), one.spread) for (board, what), one in series.items()
        ),
        figures={one.name: one.values for one in series.values()},
        notes=(
            (
                "Each page has the asker's place, wherever that is. Meanwhile members earn, some"
                " hundred in a second."
            ),
        ),
    )
