"""The growth of the database: bytes per single event, of each table and index.

Events are created one call at a time and applied to the other side, twice as many as are named.
Autovacuum is off, so no run depends on when it comes. The first half finds no space to use again.
The second half finds what a VACUUM left of the first, as in a database that goes on for long.
"""

import tempfile
from pathlib import Path
from typing import Final

import asyncpg

import schemas
from bus import Publisher, connect
from db import Producer, open_pool
from launch.waiting import until

from .processes import consumers
from .report import Report, number
from .testbed import KEYS, SOURCE, BenchTestbed, Start, all_arrived

MILLION: Final = 1_000_000
#: So few that 50,000 events are a thousand for each, as a million are for a thousand members. An
#: index is filled account by account, so fewer events for each would find other pages.
MEMBERS: Final = 50
#: The share of the events that is created first, unmeasured. The indexes of the made history are
#: full, and split at the first events as they never will again.
WARM_UP: Final = 0.05
#: The first message's number; all have the same length, as in a chat that has existed for a while.
FIRST_MESSAGE: Final = 1_000_000
#: Relations that grow by less, in bytes per event, are left out of the table.
SHOWN_MIN: Final = 0.5

Sizes = dict[str, int]


async def run(testbed: BenchTestbed, *, events: int) -> Report:
    """Create the events twice: where no space is left by others, and after a VACUUM of such."""
    warm_up = int(events * WARM_UP)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            testbed.start(0, members=MEMBERS) as start,
            await open_pool(start.database_url, name="benchmarks") as pool,
            consumers(start, Path(folder), "to-discord", "relay"),
        ):
            await _stop_autovacuum(pool)
            await _create(start, pool, range(warm_up))
            without = await _grown(start, pool, range(warm_up, warm_up + events))
            vacuumed = await _grown(start, pool, range(warm_up + events, warm_up + 2 * events))
    return _report(events, without, vacuumed)


async def _grown(start: Start, pool: asyncpg.Pool, numbers: range) -> dict[str, float]:
    """Create events after a VACUUM. Returns the bytes per event by which each relation grew."""
    await pool.execute("VACUUM")
    before = await _sizes(pool)
    await _create(start, pool, numbers)
    after = await _sizes(pool)
    return {name: (after[name] - before[name]) / len(numbers) for name in before}


def _report(events: int, without: dict[str, float], vacuumed: dict[str, float]) -> Report:
    order = sorted(without, key=lambda name: (-vacuumed[name], -without[name], name))
    shown = [name for name in order if max(without[name], vacuumed[name]) >= SHOWN_MIN]
    rows = [(name, without[name], vacuumed[name]) for name in shown]
    rows.append(("everything", sum(without.values()), sum(vacuumed.values())))
    return Report(
        name="growth",
        title=f"Growth by {events:,} single events of {MEMBERS:,} members",
        columns=("bytes an event", "without VACUUM", "after a VACUUM", "a million events, MB"),
        rows=tuple(
            (name, number(bare), number(kept), number(kept * MILLION / 2**20))
            for name, bare, kept in rows
        ),
        figures={name: (without[name], vacuumed[name]) for name in order},
        notes=(
            (
                f"A million is extrapolated from {events:,} events after a VACUUM. The members are"
                " few, so that each has many events; they exist already, and no rank changes."
            ),
        ),
    )


async def _stop_autovacuum(pool: asyncpg.Pool) -> None:
    """Stop autovacuum on our tables in this database."""
    await pool.execute(
        """
        DO $$
        DECLARE
            one regclass;
        BEGIN
            FOR one IN
                SELECT oid FROM pg_class
                WHERE relnamespace = 'twinstream'::regnamespace AND relkind = 'r'
            LOOP
                EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', one);
            END LOOP;
        END $$
        """
    )


async def _create(start: Start, pool: asyncpg.Pool, numbers: range) -> None:
    """Create events one after the other, and wait until each is applied."""
    redis = connect(start.redis_url, name="benchmarks")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))
    for one in numbers:
        await producer.create_xp_change_event(
            user_id=one % MEMBERS + 1,
            delta_xp=one % 7 + 1,
            source=SOURCE,
            reason="game_guess",
            entity_id=str(FIRST_MESSAGE + one),
        )
    await producer.close()
    await until("every event arrives", lambda: all_arrived(start.database_url))
    await redis.aclose()


async def _sizes(pool: asyncpg.Pool) -> Sizes:
    """Return the bytes of each table, without its indexes, and of each index."""
    rows = await pool.fetch(
        """
        SELECT CASE relkind WHEN 'r' THEN relname::text ELSE 'index ' || relname END,
            pg_table_size(oid)
        FROM pg_class
        WHERE relnamespace = 'twinstream'::regnamespace AND relkind IN ('r', 'i')
        """
    )
    return dict(map(tuple, rows))
