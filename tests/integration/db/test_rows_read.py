"""Recording and settling read a handful of rows an event, in a community of any size.

Postgres keeps the plans of functions and prepared statements. Those that it made while the tables
were empty serve until the tables are analyzed, and a young community grows meanwhile.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from db import Platform
from db.ledger import events, outbox
from db.ledger.envelopes import Envelope
from schemas import opposite
from tests.support.recorded_events import key_of, xp

#: Calls after which Postgres keeps one plan for a prepared statement (plan_cache_mode = auto).
CALLS_UNTIL_A_PLAN_IS_KEPT = 7
MEMBERS = 1_000
EVENTS = 20
#: Accounts, members, books, wishes and ledger rows of an event, some of them twice.
ROWS_OF_AN_EVENT_MAX = 20

Work = Callable[[list[Envelope]], Awaitable[Any]]


@pytest.fixture
async def conn(database_url: str):
    # As everywhere but in tests (tests/support/fast_storage.py).
    conn = await asyncpg.connect(database_url, server_settings={"plan_cache_mode": "auto"})
    yield conn
    await conn.close()


async def rows_read(conn: asyncpg.Connection, work: Awaitable[Any]) -> dict[str, int]:
    """The rows of each table that a piece of work reads in the transaction that is open."""
    query = (
        "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
        " FROM pg_stat_xact_user_tables WHERE schemaname = 'twinstream'"
    )
    before = dict(await conn.fetch(query))
    await work
    counts = {table: read - before[table] for table, read in await conn.fetch(query)}
    return {table: count for table, count in counts.items() if count}


def of_members(first: int, count: int, number: int, source: Platform) -> list[Envelope]:
    """An event of each of these members."""
    return [xp(1, str(number), user_id=first + one, source=source) for one in range(count)]


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("record", "telegram"),
        ("record_again", "discord"),
        ("settle", "telegram"),
        ("publish", "telegram"),
    ],
)
async def test_an_event_reads_no_more_rows_in_a_large_community(
    conn: asyncpg.Connection, what: str, source: Platform
):
    async def record(envelopes: list[Envelope]) -> None:
        await events.record(conn, source, envelopes)

    async def settle(envelopes: list[Envelope]) -> None:
        await events.settle(conn, opposite(source), source, envelopes)

    async def publish(envelopes: list[Envelope]) -> None:
        await outbox.mark_published(conn, [key_of(one) for one in envelopes], fresh=True)

    steps: dict[str, tuple[Work, ...]] = {
        "record": (record,),
        "record_again": (record, record),
        "settle": (record, settle),
        "publish": (record, publish),
    }
    *first, last = steps[what]
    for call in range(CALLS_UNTIL_A_PLAN_IS_KEPT):
        for step in (*first, last):
            async with conn.transaction():
                await step(of_members(1 + 64 * call, 64, call, source))
    many = of_members(MEMBERS, MEMBERS, 0, source)
    async with conn.transaction():
        await record(many)
        await settle(many)

    some = of_members(MEMBERS, EVENTS, 1, source)
    async with conn.transaction():
        for step in first:
            await step(some)
        read = await rows_read(conn, last(some))

    assert sum(read.values()) <= EVENTS * ROWS_OF_AN_EVENT_MAX, read
