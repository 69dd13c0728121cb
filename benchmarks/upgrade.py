"""`python -m benchmarks.upgrade`: how long the move from release 0.1 takes, and what bots notice.

The database of the old release has as many ledger entries as asked for. While it is expanded, a bot
on the old release's wheel records one event after the other. While it is contracted, this release
does, because contract refuses while a session of the old release lives.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

import schemas
from bus import Publisher, connect
from config import set_up_logs
from db import Contention, Producer, StorageUnavailable, open_pool
from launch.migrate import contract, migrate
from launch.servers import start_postgres, start_redis

# The wheel of the old release lies among the tests of the upgrade, and so does what drives it.
from tests.support.old_history import fill
from tests.support.old_release import Bot, install_wheel, restore

from .report import percentile
from .testbed import KEYS

#: Seconds to make the history of twenty million entries, on a slow disk.
FILL_S_MAX: Final = 3_600.0
QUIET_S: Final = 20.0
#: Migrations that take less are not printed.
SHOWN_MIN_S: Final = 1.0


def say(text: str) -> None:
    print(text, flush=True)


def calls(name: str, recorded_at: Sequence[float], began: float, refused: int) -> None:
    """Print the times from one recorded event to the next, from the last one before `began` on.

    `began` is in Unix seconds.
    """
    before = [at for at in recorded_at if at < began][-1:]
    times = before + [at for at in recorded_at if at >= began]
    took_ms = [(after - before) * 1_000 for before, after in itertools.pairwise(times)]
    p50, p99 = (percentile(took_ms, share) for share in (0.5, 0.99))
    say(
        f"calls {name}, ms: p50 {p50:.1f}, p99 {p99:.1f}, longest {max(took_ms):.0f};"
        f" {refused} of {len(took_ms):,} refused"
    )


async def size(database_url: str) -> str:
    conn = await asyncpg.connect(database_url)
    try:
        pretty: str = await conn.fetchval(
            "SELECT pg_size_pretty(pg_database_size(current_database()))"
        )
        return pretty
    finally:
        await conn.close()


async def vacuum(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    await conn.execute("VACUUM ANALYZE")
    await conn.execute("CHECKPOINT")
    await conn.close()


class NewBot:
    """Records one event after the other by this release, and tries again after a refusal."""

    def __init__(self) -> None:
        self.recorded_at: list[float] = []
        self.refused = 0
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def running(self, database_url: str, redis_url: str) -> AsyncIterator[None]:
        """Record during the block, and once more after it. Raises what ended the bot."""
        redis = connect(redis_url, name="bot")
        async with await open_pool(database_url, name="bot", size_max=2) as pool:
            producer = Producer(pool, schemas, Publisher(redis, KEYS))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work(producer))
                try:
                    yield
                finally:
                    self._stop.set()
            await producer.close()
        await redis.aclose()

    async def _work(self, producer: Producer) -> None:
        is_last = False
        while not is_last:
            is_last = self._stop.is_set()
            await self._record(producer, f"new.{len(self.recorded_at)}")
            self.recorded_at.append(time.time())

    async def _record(self, producer: Producer, entity_id: str) -> None:
        while True:
            try:
                await producer.create_xp_change_event(
                    user_id=90_001, delta_xp=1, source="telegram", reason="dig", entity_id=entity_id
                )
                return
            except (Contention, StorageUnavailable):
                self.refused += 1


async def expand(database_url: str, redis_url: str, site: Path) -> None:
    async with Bot.running(site, database_url, redis_url) as bot:
        await bot.records(1)
        began = time.time()
        await asyncio.sleep(QUIET_S)
        calls("before", bot.recorded_at, began, len(bot.delays))
        refused, began = len(bot.delays), time.time()
        output = await asyncio.to_thread(migrate, database_url)
        took_s = time.time() - began
        await bot.records(1)
        say(f"expand: {took_s:.1f} s; the database has {await size(database_url)}")
        for line in output.splitlines():
            if line.startswith("Applied: ") and (seconds := _seconds(line)) >= SHOWN_MIN_S:
                say(f"    {line.split()[1]}: {seconds:.1f} s")
        calls("during expand", bot.recorded_at, began, len(bot.delays) - refused)
        await bot.stop()


def _seconds(applied: str) -> float:
    """Read the time of a line of dbmate, such as `Applied: 1_ledger.sql in 1m2.5s`."""
    took = applied.rpartition(" in ")[2]
    if took.endswith(("ms", "µs")):
        return 0.0
    minutes, _, seconds = took.removesuffix("s").rpartition("m")
    return int(minutes or 0) * 60 + float(seconds)


async def finish(database_url: str, redis_url: str, folder: Path) -> None:
    began = 0.0

    def note(text: str) -> None:
        say(f"    after {time.time() - began:.1f} s: {text}")

    bot = NewBot()
    async with bot.running(database_url, redis_url):
        await asyncio.sleep(QUIET_S)
        refused, began = bot.refused, time.time()
        await asyncio.to_thread(contract, database_url, backups=folder / "backups", say=note)
        say(f"contract: {time.time() - began:.1f} s; the database has {await size(database_url)}")
    calls("during contract", bot.recorded_at, began, bot.refused - refused)
    [backup] = (folder / "backups").iterdir()
    say(f"backup: {backup.stat().st_size / 1_000_000:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the ledger")
    parser.add_argument("--events", type=int, default=500_000, help="that cleanup has left")
    arguments = parser.parse_args()
    set_up_logs(level="error", style="console")
    with (
        tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as name,
        start_postgres(Path(name) / "postgres", database="old") as postgres,
        start_redis(Path(name) / "redis", persistent=False) as redis,
    ):
        folder = Path(name)
        began = time.monotonic()
        restore(postgres.url)
        fill(postgres.url, arguments.entries, kept=arguments.events, timeout_s=FILL_S_MAX)
        asyncio.run(vacuum(postgres.url))
        say(
            f"made: {arguments.entries:,} entries, {arguments.events:,} events,"
            f" {asyncio.run(size(postgres.url))}, in {time.monotonic() - began:.0f} s"
        )
        site = install_wheel(folder / "site")
        asyncio.run(expand(postgres.url, redis.url, site))
        asyncio.run(finish(postgres.url, redis.url, folder))


if __name__ == "__main__":
    main()
