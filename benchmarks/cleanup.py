"""`python -m benchmarks.cleanup`: latencies while cleanup deletes ten million old events.

Events are created at a steady rate, and settled as in production. First nothing is deleted, then
the daily round runs to its end, then nothing again. Each event has two times: until the call of the
bot returns (`create`), and until the event is applied and acknowledged (`arrive`).
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg
import msgspec

import schemas
from config import CleanupSetting, Community, Settings, set_up_logs
from consumers.cleanup.role import Cleanup
from consumers.runtime.resources import Resources, open_resources
from consumers.settling.entry_decoding import Delivery
from consumers.settling.role import Settling
from db import Producer
from launch.migrate import migrate
from launch.servers import start_postgres, start_redis

CHECKOUT = Path(__file__).resolve().parents[1]
MEMBERS = 10_000
WARM_UP_S = 5.0

# Events 31 to 60 days old, in order, without a ledger, which cleanup does not read.
FILL = """
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
ALTER TABLE sync_events DROP CONSTRAINT sync_event_once;
DROP INDEX sync_events_by_account;
INSERT INTO members (xp) SELECT 0 FROM generate_series(1, {members});
INSERT INTO accounts (platform, account_id, member_id)
    SELECT 'telegram', 1000000 + m, m FROM generate_series(1, {members}) AS m;
INSERT INTO sync_events (idempotency_key, source, type, account_id, payload, status, created_at,
        published_at, processed_by, processed_at)
    SELECT 'tg_game_' || (1000000 + number % {members}) || '_' || number, 'telegram', 'xp.changed',
        1000000 + number % {members}, repeat('x', 180), 'completed', day, day, 'discord', day
    FROM (
        SELECT number, now() - interval '60 days' + interval '29 days' * number / {events} AS day
        FROM generate_series(1, {events}) AS number
    ) AS events;
ALTER TABLE sync_events ADD CONSTRAINT sync_event_once UNIQUE (idempotency_key);
CREATE INDEX sync_events_by_account ON sync_events (account_id);
"""
INDEX = "CREATE INDEX by_time ON sync_events (processed_at) WHERE status = 'completed'"


class Times(NamedTuple):
    """Times in seconds, one per event of a phase."""

    create: list[float]
    arrive: list[float]

    def line(self) -> str:
        """Return the percentiles as text."""
        return " | ".join(
            f"{name} p50 {at(times, 0.5)} p99 {at(times, 0.99)} max {at(times, 1)}"
            for name, times in (("create", self.create), ("arrive", self.arrive))
        )


def at(times: list[float], share: float) -> str:
    """Return the time, as text, within which this share of the events was done."""
    ordered = sorted(times)
    return f"{ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1_000:.1f} ms"


def say(text: str) -> None:
    print(text, flush=True)


async def fill(database_url: str, events: int, *, index: bool) -> None:
    began = time.monotonic()
    conn = await asyncpg.connect(database_url)
    await conn.execute(FILL.format(members=MEMBERS, events=events))
    await conn.execute("RESET session_replication_role")
    if index:
        await conn.execute(INDEX)
    await conn.execute("VACUUM ANALYZE sync_events")
    await conn.execute("CHECKPOINT")
    size = await conn.fetchval("SELECT pg_size_pretty(pg_total_relation_size('sync_events'))")
    await conn.close()
    say(f"made: {events:,} old events, {size}, in {time.monotonic() - began:.0f} s")


class PacedEvents:
    """Creates events at a steady rate, and measures the times of each."""

    def __init__(self, resources: Resources, rate: int) -> None:
        self._producer = Producer(resources.pool, schemas, resources.publisher)
        self._rate = rate
        self._number = 0
        self._created: dict[str, float] = {}
        self.times = Times([], [])

    @contextlib.asynccontextmanager
    async def settled(self, resources: Resources) -> AsyncIterator[None]:
        """Settle the created events within the block, and time each acknowledgement."""
        role = Settling("telegram", resources)
        enter = role._enter

        async def timed(deliveries: Sequence[Delivery]) -> None:
            await enter(deliveries)
            now = time.perf_counter()
            for delivery in deliveries:
                began = self._created.pop(delivery.envelope.event.idempotency_key, None)
                if began is not None:
                    self.times.arrive.append(now - began)

        role._enter = timed  # type: ignore[method-assign]
        stop = asyncio.Event()

        async def steps() -> None:
            while not stop.is_set():
                await role.step()

        running = asyncio.create_task(steps())
        yield
        stop.set()
        await running
        await self._producer.close()

    async def during(self, work: Callable[[], Awaitable[None]]) -> Times:
        """Create events until `work` is done, and return their times."""
        self.times = Times([], [])
        working = asyncio.ensure_future(work())
        creating: set[asyncio.Task[None]] = set()
        due = time.perf_counter()
        while not working.done():
            task = asyncio.create_task(self._create())
            creating.add(task)
            task.add_done_callback(creating.discard)
            due += 1 / self._rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await working
        await asyncio.gather(*creating)
        return self.times

    async def _create(self) -> None:
        self._number += 1
        entity_id, user_id = f"flow.{self._number}", 1_000_000 + self._number % MEMBERS
        began = time.perf_counter()
        key = schemas.xp_key(source="telegram", reason="game", user_id=user_id, entity_id=entity_id)
        self._created[key] = began
        await self._producer.create_xp_change_event(
            user_id=user_id, delta_xp=1, source="telegram", reason="game", entity_id=entity_id
        )
        self.times.create.append(time.perf_counter() - began)


async def clean_up(resources: Resources) -> None:
    """Run the role `cleanup` as in production, until its round is finished."""
    role = Cleanup(resources)
    while not await resources.pool.fetchval(
        "SELECT bool_or(finished_at IS NOT NULL) FROM cleanup_rounds"
    ):
        await role.step()


async def by_index(resources: Resources) -> None:
    """Delete the same events by an index on the time, in steps of the same size."""
    limits = resources.community.cleanup
    while True:
        done = await resources.pool.execute(
            """
            DELETE FROM sync_events WHERE id = ANY (ARRAY (
                SELECT id FROM sync_events
                WHERE status = 'completed' AND processed_at < now() - interval '30 days'
                ORDER BY processed_at LIMIT $1 FOR UPDATE SKIP LOCKED))
            """,
            limits.step_rows,
        )
        if done == "DELETE 0":
            return
        await asyncio.sleep(limits.step_pause_ms / 1_000)


async def measure(settings: Settings, arguments: argparse.Namespace) -> None:
    community = Community.from_toml(Path(settings.twinstream_config))
    limits = CleanupSetting()
    if arguments.step_rows:
        limits = msgspec.structs.replace(limits, step_rows=arguments.step_rows)
    community = msgspec.structs.replace(community, cleanup=limits)
    async with open_resources(settings, community, asyncio.Event()) as resources:
        flow = PacedEvents(resources, arguments.rate)
        quiet = lambda: asyncio.sleep(arguments.seconds)  # noqa: E731
        async with flow.settled(resources):
            await flow.during(lambda: asyncio.sleep(WARM_UP_S))
            say(f"{arguments.rate} events per second, steps of {limits.step_rows} rows")
            say(f"without: {(await flow.during(quiet)).line()}")
            began = time.monotonic()
            work = by_index if arguments.index else clean_up
            during = await flow.during(lambda: work(resources))
            seconds = time.monotonic() - began
            say(f"with:    {during.line()}")
            left = await resources.pool.fetchval("SELECT count(*) FROM sync_events")
            pace = arguments.events / seconds
            say(f"         {pace:,.0f} rows a second, {seconds:.0f} s, {left:,} left")
            say(f"after:   {(await flow.during(quiet)).line()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=100, help="events created in a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each phase without cleanup")
    parser.add_argument("--step-rows", type=int, default=0)
    parser.add_argument("--index", action="store_true", help="delete by an index on the time")
    arguments = parser.parse_args()
    set_up_logs(level="error", style="console")
    with (
        tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as folder,
        start_postgres(Path(folder) / "postgres", database="bench") as postgres,
        start_redis(Path(folder) / "redis", persistent=False) as redis,
    ):
        migrate(postgres.url)
        asyncio.run(fill(postgres.url, arguments.events, index=arguments.index))
        settings = Settings(
            redis_url=redis.url,
            database_url=postgres.url,
            twinstream_config=str(CHECKOUT / "sandbox" / "twinstream.toml"),
        )
        asyncio.run(measure(settings, arguments))


if __name__ == "__main__":
    main()
