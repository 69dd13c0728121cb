"""Recovery: a fault delays a steady stream of events, and the time to catch up is measured.

The lag of an event is the time from its due time to its application on the other platform. The
consumers have caught up once the last event with a lag of more than LATE_S is applied.
"""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import asyncpg

import schemas
from bus import Publisher, connect, ensure_group
from db import Producer, open_pool
from launch.migrate import migrate
from launch.processes import Crew, Module
from launch.servers import Server, start_postgres, start_redis
from launch.waiting import until

from .existing_community import Size, make
from .processes import SERVICE_ROLES, environment
from .report import Report, number, percentile
from .sentinels import failover
from .steady_load import SteadyLoad
from .testbed import KEYS, MEMBERS, SOURCE, Start, all_arrived, books

RATE: Final = 1_000
BATCH: Final = 50
STEADY_S: Final = 5.0
LATE_S: Final = 1.0
HISTORY: Final = Size(MEMBERS, ledger_rows=100_000)
SETTLED_S_MAX: Final = 120.0
CONSUMERS: Final = Module("consumers", "consumers", SERVICE_ROLES)


@dataclass
class Running:
    """The running processes and servers. A fault acts on them, and may replace them."""

    postgres: Server
    redis: Server
    redis_url: str
    crew: Crew
    folder: Path


class RecoveryTimes(NamedTuple):
    """The effect of a fault: seconds until caught up, and the lags after and before it."""

    caught_up_s: float
    longest_lag_s: float
    usual_lag_ms: float


Fault = Callable[[Running], Awaitable[None]]


async def kill_the_consumers(running: Running) -> None:
    """Kill -9 of the consumers; the supervisor restarts them at once."""
    running.crew.kill(CONSUMERS.name)
    running.crew.start(CONSUMERS)


async def empty_redis(running: Running) -> None:
    """FLUSHALL: streams and groups are lost."""
    redis = connect(running.redis_url, name="benchmarks")
    await redis.flushall()
    await redis.aclose()


async def restart_postgres(running: Running) -> None:
    """A fast shutdown, which rolls back open transactions, and a start on the same port."""
    await asyncio.to_thread(running.postgres.stop)
    port = urlsplit(running.postgres.url).port
    running.postgres = await asyncio.to_thread(_start_postgres, running.folder, port)


async def kill_the_primary(running: Running) -> None:
    """Kill -9 of the primary; the sentinels promote the replica."""
    running.redis.kill()


FAULTS: Final[dict[str, Fault]] = {
    "kill -9 of the consumers": kill_the_consumers,
    "FLUSHALL": empty_redis,
    "restart of Postgres": restart_postgres,
    "failover of Redis": kill_the_primary,
}


async def run(*, rounds: int, after_s: float, faults: tuple[str, ...] = tuple(FAULTS)) -> Report:
    """Inject each fault, on fresh servers each time."""
    # asyncpg logs a traceback for each connection that fails while Postgres is away.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    found: dict[str, list[RecoveryTimes]] = {name: [] for name in faults}
    for _ in range(rounds):
        for name in faults:
            async with _running(sentinels=FAULTS[name] is kill_the_primary) as running:
                found[name].append(await _recover(running, FAULTS[name], after_s))
    usual = max(one.usual_lag_ms for all_ in found.values() for one in all_)
    note = (
        f"Every created event was applied, and none twice. Events come in batches of {BATCH}, each"
        f" a transaction. Caught up: no event is late by more than {LATE_S:g} s. Before the"
        f" fault, 99 of 100 events were applied within {number(usual)} ms."
    )
    return Report(
        name="recovery",
        title=f"Back from a fault at {RATE:,} events/s, {rounds} rounds",
        columns=("", "caught up after, s", "longest lag of an event, s"),
        rows=tuple(
            (
                name,
                ", ".join(_in_words(one.caught_up_s, after_s) for one in all_),
                ", ".join(number(one.longest_lag_s) for one in all_),
            )
            for name, all_ in found.items()
        ),
        figures={name: [one._asdict() for one in all_] for name, all_ in found.items()},
        notes=(note,),
    )


def _in_words(caught_up_s: float, after_s: float) -> str:
    """Format the time to catch up. If it reached the end of the load, it was not within it."""
    return number(caught_up_s) if caught_up_s < after_s else f"not within {after_s:g}"


@contextlib.asynccontextmanager
async def _running(*, sentinels: bool) -> AsyncIterator[Running]:
    """Run servers and consumers on empty data until the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinstream-bench-")))
        postgres = stack.enter_context(_start_postgres(folder))
        migrate(postgres.url)
        await make(postgres.url, HISTORY)
        if sentinels:
            url, redis = await stack.enter_async_context(failover(folder))
        else:
            redis = stack.enter_context(start_redis(folder / "redis"))
            url = redis.url
        start = Start(postgres.url, url, ())
        crew = Crew(
            environment(start, folder), roster=folder / "crew.json", log_folder=folder / "logs"
        )
        crew.start(CONSUMERS)
        running = Running(postgres, redis, url, crew, folder)
        try:
            yield running
        finally:
            crew.stop()
            running.postgres.stop()


def _start_postgres(folder: Path, port: int | None = None) -> Server:
    return start_postgres(folder / "postgres", port=port or 0)


async def _recover(running: Running, fault: Fault, after_s: float) -> RecoveryTimes:
    """Create events, inject the fault, and measure until when events were late."""
    database_url = running.postgres.url
    redis = connect(running.redis_url, name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    pool = await open_pool(database_url, name="benchmarks")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))
    load = SteadyLoad(pool, producer, batch=BATCH)
    await load.create(time.time())
    await until("the first events arrive", lambda: all_arrived(database_url), timeout_s=60)
    load.due.clear()
    stop = asyncio.Event()
    playing = asyncio.create_task(load.play(RATE, stop=stop))
    await asyncio.sleep(STEADY_S)
    fault_at = time.time()
    await fault(running)
    await asyncio.sleep(after_s)
    stop.set()
    await playing
    await until("every event arrives", lambda: all_arrived(database_url), timeout_s=SETTLED_S_MAX)
    applied = await _applied(database_url)
    await producer.close()
    await redis.aclose()
    pool.terminate()
    return judge(load.due, applied, fault_at)


async def _applied(database_url: str) -> dict[str, float]:
    """Return when each event was applied (Unix seconds), after checking that each was, once."""
    conn = await asyncpg.connect(database_url)
    try:
        rows = await conn.fetch(
            "SELECT idempotency_key, extract(epoch FROM processed_at)::float8 FROM sync_events"
        )
    finally:
        await conn.close()
    arrived, _, completed = await books(database_url)
    recorded = len(rows) - HISTORY.events
    arrived, completed = arrived - HISTORY.arrived, completed - HISTORY.events
    assert arrived == completed == recorded, f"{arrived} of {recorded} events arrived"
    return dict(rows)


def judge(due: dict[str, float], applied: dict[str, float], fault_at: float) -> RecoveryTimes:
    lags = [(at, applied[key] - at, applied[key]) for key, at in due.items()]
    before = [lag for at, lag, done in lags if done < fault_at]
    late = [done for _, lag, done in lags if done >= fault_at and lag > LATE_S]
    return RecoveryTimes(
        caught_up_s=max(late, default=fault_at) - fault_at,
        longest_lag_s=max(lag for _, lag, done in lags if done >= fault_at),
        usual_lag_ms=percentile(before, 0.99) * 1_000,
    )
