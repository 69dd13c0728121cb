"""The bytes of the ledger for ever: how much a year of an active member makes it grow.

Members earn, their windows are closed, and their events arrive and are removed as after 30 days.
The rest is measured with `pg_total_relation_size`: rows and indexes of the ledger on both
platforms. The same amounts as an event for each message are made beside it.
"""

import datetime
from datetime import UTC, timedelta
from typing import Final

import asyncpg

from config.community_sections.earning import EarningSetting
from db.earning import Earning, Rules, windows

from .report import Report, number
from .testbed import SOURCE, BenchTestbed

#: Members who write; each has as many windows as are measured by their number.
MEMBERS: Final = 50
DAYS_OF_YEAR: Final = 365
#: Hours of each day in which members of three kinds write, and messages in each of these hours.
KINDS: Final = (
    ("writes in the evening, 3 hours", 3, 20),
    ("writes all day, 12 hours", 12, 30),
    ("writes day and night, 24 hours", 24, 60),
)
START: Final = datetime.datetime(2026, 1, 1, tzinfo=UTC)
RULES: Final = Rules(window_s=0, zone=UTC)


async def run(testbed: BenchTestbed, *, windows_each: int) -> Report:
    """Measure the bytes of one window, and of the same as single events."""
    async with (
        testbed.start(0, members=MEMBERS) as start,
        asyncpg.create_pool(start.database_url, min_size=1, max_size=1) as pool,
    ):
        await _earn(pool, range(windows_each // 4))
        before = await _ledger_bytes(pool)
        await _earn(pool, range(windows_each // 4, windows_each + windows_each // 4))
        grown = await _ledger_bytes(pool) - before
        row = await pool.fetchval(
            "SELECT avg(pg_column_size(w.*))::float8 FROM twinstream.earning_windows AS w"
        )
    return _report(grown / (windows_each * MEMBERS), row)


def _report(bytes_each: float, row: float) -> Report:
    hours = EarningSetting().window_minutes / 60
    rows = []
    figures = {"bytes": (bytes_each, row)}
    for kind, hours_a_day, messages in KINDS:
        closed = -(-hours_a_day // hours) if hours_a_day < 24 else 24 / hours
        year = closed * DAYS_OF_YEAR * bytes_each / 1e6
        each = hours_a_day * messages * DAYS_OF_YEAR * bytes_each / 1e6
        rows.append((kind, number(closed), number(year), number(each)))
        figures[kind] = (year, each)
    return Report(
        name="earning-bytes",
        title=f"The ledger of a member in a year, with windows of {hours:g} hours",
        columns=("a member who", "windows a day", "MB a year", "MB with an event each"),
        rows=tuple(rows),
        figures=figures,
        notes=(
            (
                f"A closed window takes {bytes_each:,.0f} bytes: a row in the ledger of each"
                f" platform, and their indexes. Its row of earning_windows takes {row:,.0f} bytes,"
                " once for each account and reason."
            ),
        ),
    )


async def _earn(pool: asyncpg.Pool, numbers: range) -> None:
    """Let every member earn once for each number, and each window become an event that arrived."""
    for one in numbers:
        moment = START + timedelta(hours=one)
        earnings = [
            Earning(member, "messages", one % 900 + 100, moment, 60.0, 10**6)
            for member in range(1, MEMBERS + 1)
        ]
        async with pool.acquire() as conn, conn.transaction():
            await windows.earn(conn, SOURCE, earnings, RULES)
            await conn.execute(
                """
                SELECT twinstream.enter_at_opposite(
                    'discord', 'telegram', array_agg(idempotency_key)
                ) FROM twinstream.sync_events WHERE status = 'pending'
                """
            )
            await conn.execute("DELETE FROM twinstream.sync_events")


async def _ledger_bytes(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval("SELECT pg_total_relation_size('twinstream.transactions')")
    return found
