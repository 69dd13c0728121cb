"""The time to forget a person, by the number of their ledger entries, and the waits of others.

Beside it stands what an update of as many rows costs on a table that has no other duty. Meanwhile
another member earns XP that is settled on the other side, and the person's own account is locked
as each command and each event of theirs locks it; both kinds of calls are timed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from db.ledger import events
from db.members import forgetting
from db.members.forgetting import Account

from .report import Report, Series, number, percentile
from .testbed import PLATFORM, SOURCE, BenchTestbed, envelope

SECRET: Final = "a secret of the benchmark"
#: Calls of the other member that a figure rests on at least, however short the forgetting is.
CALLS_MIN: Final = 200

#: A linked person with this number of ledger entries, half of them earned with each account; and
#: the same entries in a table with the same indexes and no triggers.
ENTRIES: Final = """
SET session_replication_role = replica;
INSERT INTO members (xp) VALUES ({half});
INSERT INTO accounts (platform, account_id, member_id) VALUES ('telegram', 900001, 1),
    ('discord', 900002, 1);
INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp, reason,
        entity_id, occurred_at)
    SELECT source || n, p, source, 'xp.changed', account_id, 1, 'game_guess', n::text, now()
    FROM generate_series(1, {half} / 2) AS n,
        (VALUES ('telegram', 900001), ('discord', 900002)) AS a (source, account_id),
        unnest(ARRAY['telegram', 'discord']) AS p;
INSERT INTO sync_state (member_id, platform, xp, discord_xp, rank)
    SELECT 1, p, {half}, {half} / 2, rank_of({half}) FROM unnest(ARRAY['telegram', 'discord']) AS p;
RESET session_replication_role;
CREATE TABLE bare_entries (LIKE transactions INCLUDING INDEXES);
INSERT INTO bare_entries SELECT * FROM transactions;
"""


class Measured(NamedTuple):
    """The time of one operation, and the times of calls meanwhile."""

    seconds: float
    of_another: tuple[float, ...]
    of_the_person: tuple[float, ...]


Operation = Callable[[asyncpg.Connection], Awaitable[object]]


async def run(testbed: BenchTestbed, *, entries: tuple[int, ...], rounds: int) -> Report:
    """Forget a person `rounds` times for each number of entries."""
    taken: dict[tuple[str, int], list[Measured]] = {}
    for _ in range(rounds):
        for count in entries:
            async with (
                testbed.database() as database_url,
                asyncpg.create_pool(database_url, min_size=4, max_size=4) as pool,
            ):
                await pool.execute(ENTRIES.format(half=count // 2), timeout=600)
                await pool.execute("VACUUM ANALYZE", timeout=600)
                await _play_once(pool)
                for name, operation in _OPERATIONS.items():
                    measured = await _timed(pool, operation)
                    taken.setdefault((name, count), []).append(measured)
    return _report(taken, rounds)


async def _nothing(_: asyncpg.Connection) -> None:
    return


async def _update(conn: asyncpg.Connection) -> None:
    await conn.execute(
        "UPDATE bare_entries SET account_id = -account_id,"
        " idempotency_key = 'forgotten:' || idempotency_key, entity_id = 'forgotten'",
        timeout=3_600,
    )


async def _forget(conn: asyncpg.Connection) -> None:
    await forgetting.forget(conn, Account("telegram", 900001), secret=SECRET, stores={})


_OPERATIONS: Final[dict[str, Operation]] = {
    "nothing": _nothing,
    "a bare update of the entries": _update,
    "forget the person": _forget,
}


async def _timed(pool: asyncpg.Pool, operation: Operation) -> Measured:
    ended = asyncio.Event()
    playing = asyncio.gather(
        _timed_calls(partial(_play_once, pool), ended), _timed_calls(partial(_lock, pool), ended)
    )
    async with pool.acquire() as conn:
        began = time.perf_counter()
        async with conn.transaction():
            await operation(conn)
        seconds = time.perf_counter() - began
    ended.set()
    return Measured(seconds, *await playing)


async def _timed_calls(
    call: Callable[[], Awaitable[object]], ended: asyncio.Event
) -> tuple[float, ...]:
    took: list[float] = []
    while len(took) < CALLS_MIN or not ended.is_set():
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return tuple(took)


async def _lock(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "SELECT FROM twinstream.accounts WHERE platform = 'telegram' AND account_id = 900001"
        " FOR NO KEY UPDATE",
        timeout=3_600,
    )


async def _play_once(pool: asyncpg.Pool) -> None:
    """Record an event of another member, and settle it on the other side."""
    won = envelope(time.perf_counter_ns(), members=1)
    async with pool.acquire() as conn:
        async with conn.transaction():
            await events.record(conn, SOURCE, [won], forget_secret=SECRET)
        async with conn.transaction():
            await events.settle(conn, PLATFORM, SOURCE, [won], forget_secret=SECRET)


def _report(taken: dict[tuple[str, int], list[Measured]], rounds: int) -> Report:
    series = {
        key: Series(name=f"{key[0]}, {key[1]:,} entries", values=tuple(m.seconds for m in measured))
        for key, measured in taken.items()
    }
    others = {
        key: [1_000 * one for m in measured for one in m.of_another]
        for key, measured in taken.items()
    }
    own = {
        key: [1_000 * one for m in measured for one in m.of_the_person]
        for key, measured in taken.items()
    }
    return Report(
        name="forget",
        title=f"Forgetting a person while another member plays, {rounds} rounds",
        columns=(
            *("", "entries", "s", "lowest to highest"),
            *("another member p50, ms", "p99, ms", "longest, ms", "the person longest, ms"),
        ),
        rows=tuple(
            (
                *(name, f"{count:,}", number(series[name, count].median)),
                series[name, count].spread,
                *(number(percentile(others[name, count], share)) for share in (0.5, 0.99)),
                number(max(others[name, count])),
                number(max(own[name, count])),
            )
            for name, count in series
        ),
        figures={one.name: one.values for one in series.values()},
        notes=(
            "Another member's call records and settles an event; the person's locks the account.",
        ),
    )
