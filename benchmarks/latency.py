"""Latency: from the call of the producer to the commit on the other platform.

Both times come from one machine's clock: the caller's time, and Postgres's time of the commit
(`track_commit_timestamp`).
"""

import asyncio
import itertools
import tempfile
import time
from pathlib import Path
from typing import Final

import asyncpg

import schemas
from bus import SOURCES, Publisher, connect
from db import Platform, Producer, open_pool

from .processes import consumers
from .report import Report, number, percentile, thinned
from .testbed import KEYS, MEMBERS, BenchTestbed, Start

APPLIED_S_MAX: Final = 30.0
POLL_S: Final = 0.1
WARM_UP_RATE: Final = 100
WARM_UP_S: Final = 5.0


async def run(
    testbed: BenchTestbed, *, rates: tuple[int, ...], seconds: float, rounds: int
) -> Report:
    """Create events in both directions at once, at each rate in turn."""
    figures: dict[str, list[list[float]]] = {str(rate): [] for rate in rates}
    for _ in range(rounds):
        for rate in rates:
            async with testbed.start(0) as start:
                figures[str(rate)].append(await _measure(start, rate, seconds))
    return Report(
        name="latency",
        title=(
            f"Created to applied on the other side, both directions at once, {rounds} rounds of"
            f" {seconds:g} s each"
        ),
        columns=("events/s", "p50, ms", "p99, ms", "p99 of each round", "p99.9, ms", "longest, ms"),
        rows=tuple(_row(rate, by_round) for rate, by_round in figures.items()),
        figures={rate: list(map(thinned, by_round)) for rate, by_round in figures.items()},
        notes=("A table that is polled every 5 s waits 2,500 ms on average, and up to 5,000.",),
    )


def _row(rate: str, by_round: list[list[float]]) -> tuple[str, ...]:
    took_ms = list(itertools.chain(*by_round))
    p50, p99, p999 = (number(percentile(took_ms, share)) for share in (0.5, 0.99, 0.999))
    each = ", ".join(number(percentile(one, 0.99)) for one in by_round)
    return rate, p50, p99, each, p999, number(max(took_ms))


async def _measure(start: Start, rate: int, seconds: float) -> list[float]:
    redis = connect(start.redis_url, name="benchmarks")
    called: dict[str, float] = {}
    roles = ("to-discord", "to-telegram", "relay")
    with tempfile.TemporaryDirectory() as folder:
        async with (
            await open_pool(start.database_url, name="benchmarks") as pool,
            consumers(start, Path(folder), *roles),
        ):
            producer = Producer(pool, schemas, Publisher(redis, KEYS))
            # These events are not measured: they open connections and prepare statements.
            await _play(producer, WARM_UP_RATE, WARM_UP_S, "warm", {})
            await _play(producer, rate, seconds, "", called)
            await producer.close()
            async with asyncio.timeout(APPLIED_S_MAX):
                await _until_all_applied(pool)
            applied = await pool.fetch(
                """
                SELECT idempotency_key, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
                FROM transactions WHERE platform <> source
                """
            )
    await redis.aclose()
    return [round((at - called[key]) * 1_000, 2) for key, at in applied if key in called]


async def _play(
    producer: Producer, rate: float, seconds: float, name: str, called: dict[str, float]
) -> None:
    """Create events on both platforms at an even rate; a late answer does not delay the next."""
    async with asyncio.TaskGroup() as group:
        began = time.perf_counter()
        for count in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + count / rate - time.perf_counter()))
            source = SOURCES[count % len(SOURCES)]
            group.create_task(_create(producer, source, f"{name}{count}", called))


async def _create(
    producer: Producer, source: Platform, entity_id: str, called: dict[str, float]
) -> None:
    at = time.time()
    recorded = await producer.create_xp_change_event(
        user_id=hash(entity_id) % MEMBERS + 1,
        delta_xp=1,
        source=source,
        reason="game_guess",
        entity_id=entity_id,
    )
    called[recorded.idempotency_key] = at


async def _until_all_applied(pool: asyncpg.Pool) -> None:
    under_way = "SELECT EXISTS (SELECT FROM sync_events WHERE status <> 'completed')"
    while await pool.fetchval(under_way):  # noqa: ASYNC110 - it happens in another process
        await asyncio.sleep(POLL_S)
