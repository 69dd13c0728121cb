"""The time of a link, an unlink, an undo and a move, by the number of a member's ledger entries.

Beside it stands what release 0.1 did: writing another member into each entry. Meanwhile other
members earn XP, and the longest of their calls shows whether they had to wait.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

import schemas
from bus import Publisher, connect, ensure_group
from db import Producer
from db.links import links
from db.links.account_moves import move

from .report import Report, Series, number
from .testbed import KEYS, SOURCE, BenchTestbed

BYSTANDER: Final = 999
TELEGRAM, DISCORD, NEXT = 1, 2, 3

#: Two members with entries of half the number each, as events that have arrived on both sides; and
#: the same entries in a table as release 0.1 had it.
ENTRIES: Final = """
SET session_replication_role = replica;
INSERT INTO members (xp) SELECT {each} FROM generate_series(1, 2);
INSERT INTO accounts (platform, account_id, member_id) VALUES ('telegram', 1, 1), ('discord', 2, 2);
INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp, reason,
        entity_id, occurred_at)
    SELECT source || n, p, source, 'xp.changed', account_id, 1, 'game_guess', n::text, now()
    FROM generate_series(1, {each}) AS n,
        (VALUES ('telegram', 1), ('discord', 2)) AS a (source, account_id),
        unnest(ARRAY['telegram', 'discord']) AS p;
INSERT INTO sync_state (member_id, platform, xp, discord_xp, rank)
    SELECT m, p, {each}, CASE WHEN m = 2 THEN {each} ELSE 0 END, rank_of({each})
    FROM generate_series(1, 2) AS m, unnest(ARRAY['telegram', 'discord']) AS p;
RESET session_replication_role;
CREATE TABLE entries_of_members AS
    SELECT id, account_id AS member_id, idempotency_key, platform, source, type, account_id,
        delta_xp, reason, entity_id, occurred_at FROM transactions;
ALTER TABLE entries_of_members ADD PRIMARY KEY (id), ADD UNIQUE (idempotency_key, platform);
CREATE INDEX ON entries_of_members (member_id, id);
"""

Operation = Callable[[asyncpg.Connection], Awaitable[object]]


async def run(testbed: BenchTestbed, *, entries: tuple[int, ...], rounds: int) -> Report:
    """Measure each operation `rounds` times for each number of entries."""
    took: dict[tuple[str, int], list[float]] = {}
    waited: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for count in entries:
            async with testbed.database() as database_url:
                redis = connect(await testbed.empty_redis(), name="benchmarks")
                await ensure_group(redis, KEYS.subscription(SOURCE))
                async with asyncpg.create_pool(database_url, min_size=3, max_size=3) as pool:
                    await pool.execute(ENTRIES.format(each=count // 4), timeout=600)
                    await pool.execute("VACUUM ANALYZE", timeout=600)
                    producer = Producer(pool, schemas, Publisher(redis, KEYS))
                    for name, operation in _operations().items():
                        seconds, longest = await _timed(pool, producer, operation)
                        took.setdefault((name, count), []).append(seconds * 1_000)
                        waited.setdefault((name, count), []).append(longest * 1_000)
                    await producer.close()
                await redis.aclose()
    return _report(took, waited, rounds)


def _operations() -> dict[str, Operation]:
    """Return the operations, each of which begins with what the one before it left."""
    return {
        "release 0.1: rewrite the entries": lambda conn: conn.execute(
            "UPDATE entries_of_members SET member_id = 1 WHERE member_id = 2", timeout=600
        ),
        "link, sum": lambda conn: _link(conn, "sum"),
        "unlink": lambda conn: links.unlink(conn, platform="discord", account_id=DISCORD),
        "undo": lambda conn: links.undo(conn, 1),
        "link, max": lambda conn: _link(conn, "max"),
        "move": lambda conn: move(
            conn, platform="discord", from_account_id=DISCORD, to_account_id=NEXT
        ),
    }


async def _link(conn: asyncpg.Connection, policy: links.Policy) -> object:
    return await links.link(
        conn, telegram_account_id=TELEGRAM, discord_account_id=DISCORD, policy=policy
    )


async def _timed(
    pool: asyncpg.Pool, producer: Producer, operation: Operation
) -> tuple[float, float]:
    """Return the seconds of the operation, and of the longest call of another member meanwhile."""
    ended = asyncio.Event()
    watching = asyncio.create_task(_play(producer, ended))
    async with pool.acquire() as conn:
        began = time.perf_counter()
        async with conn.transaction():
            await operation(conn)
        seconds = time.perf_counter() - began
    ended.set()
    return seconds, await watching


async def _play(producer: Producer, ended: asyncio.Event) -> float:
    longest = 0.0
    while not ended.is_set():
        began = time.perf_counter()
        await producer.create_xp_change_event(
            user_id=BYSTANDER,
            delta_xp=1,
            source=SOURCE,
            reason="game_guess",
            entity_id=str(time.perf_counter_ns()),
        )
        longest = max(longest, time.perf_counter() - began)
    return longest


def _report(
    took: dict[tuple[str, int], list[float]],
    waited: dict[tuple[str, int], list[float]],
    rounds: int,
) -> Report:
    series = {
        key: Series(name=f"{key[0]}, {key[1]:,} entries", values=tuple(values))
        for key, values in took.items()
    }
    return Report(
        name="link",
        title=f"Linking a member, {rounds} rounds",
        columns=("", "entries", "ms", "lowest to highest", "longest call of another member, ms"),
        rows=tuple(
            (name, f"{count:,}", number(one.median), one.spread, number(max(waited[name, count])))
            for (name, count), one in series.items()
        ),
        figures={one.name: one.values for one in series.values()},
    )
