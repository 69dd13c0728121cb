"""The cost of events: CPU time, disk and memory of our processes and of the servers.

A producer process creates events at a steady rate. One process with all consumer roles, on the
sandbox's platforms, applies them. The resources used by both and by the servers are scaled to a
million events.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from bus import connect
from consumers.runtime import roles
from db.ledger.ranks import RankRow
from launch.waiting import until

from .existing_community import Size, make
from .platforms import RANKS, Platforms, platforms
from .processes import CHECKOUT, Consumers, consumers, cost, environment
from .report import Report, number
from .testbed import MEMBERS, STREAM, BenchTestbed, Start, all_arrived, books

SAMPLE_S: Final = 1.0
#: So much XP that no member reaches a rank: the figures hold events, but no calls to platforms.
OUT_OF_REACH_XP: Final = 1_000_000_000
MILLION: Final = 1_000_000
HISTORY: Final = Size(MEMBERS, ledger_rows=100_000)
LADDER: Final = [
    RankRow(name, OUT_OF_REACH_XP * number) for number, name in enumerate(RANKS, start=1)
]


class Pace(NamedTuple):
    """The arrival of events: the rate per second, and the number per transaction of the bot."""

    name: str
    events: int
    rate: int
    batch: int


class Meter(NamedTuple):
    """The resources used so far: CPU seconds and bytes."""

    bot_cpu_s: float
    consumers_cpu_s: float
    postgres_cpu_s: float
    redis_cpu_s: float
    database: int
    log: int
    redis: int


class Spent(NamedTuple):
    """The resources of a million events, and memory in MB: at rest, and the maximum under load."""

    per_million: Meter
    bot_mb: tuple[float, float]
    consumers_mb: tuple[float, float]


class Scene(NamedTuple):
    """Everything that is metered."""

    testbed: BenchTestbed
    start: Start
    bot: asyncio.subprocess.Process
    consumers: Consumers

    async def read(self) -> Meter:
        """Read all the meters."""
        conn = await asyncpg.connect(self.start.database_url)
        database, log = await conn.fetchrow(
            "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
        )
        await conn.close()
        #: Any, because redis-py types its replies as those of both protocols at once.
        redis: Any = connect(self.start.redis_url, name="benchmarks")
        used = await redis.memory_usage(STREAM, samples=0) or 0
        await redis.aclose()
        return Meter(
            bot_cpu_s=cost(self.bot.pid).cpu_s,
            consumers_cpu_s=self.consumers.cost().cpu_s,
            postgres_cpu_s=cost(self.testbed.postgres.pid).cpu_s,
            redis_cpu_s=cost(self.testbed.redis.pid).cpu_s,
            database=database,
            log=int(log),
            redis=used,
        )

    def memory_mb(self) -> tuple[float, float]:
        """Return the current memory of the producer process and of the consumers."""
        return cost(self.bot.pid).memory_mb, self.consumers.cost().memory_mb


async def run(testbed: BenchTestbed, *, paces: Sequence[Pace], rest_s: float) -> Report:
    """Meter each pace on a database without pending events."""
    spent: dict[str, Spent] = {}
    async with platforms() as there:
        for pace in paces:
            async with testbed.database() as url:
                await make(url, HISTORY, LADDER)
                start = Start(url, await testbed.empty_redis(), ())
                spent[pace.name] = await _spend(testbed, start, there, pace, rest_s)
    how = "; ".join(f"{p.name}: {p.events:,} events at {p.rate:,} a second" for p in paces)
    note = (
        f"Scaled from {how}; no rank changed. The log is the write-ahead log of Postgres, with the"
        " pages that it copies after each checkpoint. Redis keeps settled entries for ten minutes."
        " The consumers are one process with all roles, and memory is each process's own."
    )
    return Report(
        name="cost",
        title="What a million events cost",
        columns=("", *spent),
        rows=tuple(_rows(list(spent.values()))),
        figures={
            name: {"per_million": one.per_million._asdict(), "bot_mb": one.bot_mb}
            | {"consumers_mb": one.consumers_mb}
            for name, one in spent.items()
        },
        notes=(note,),
    )


async def _spend(
    testbed: BenchTestbed, start: Start, there: Platforms, pace: Pace, rest_s: float
) -> Spent:
    with tempfile.TemporaryDirectory() as folder:
        toml = there.toml(rank_xp=OUT_OF_REACH_XP)
        every_role = consumers(start, Path(folder), *roles.ROLES, toml=toml, more=there.environment)
        async with every_role as process:
            bot = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.bot"),
                *map(str, (pace.rate, pace.events, pace.batch)),
                cwd=CHECKOUT,
                env=environment(start, Path(folder), toml=toml),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                spent = await _meter(Scene(testbed, start, bot, process), pace, rest_s)
            finally:
                if bot.returncode is None:
                    bot.kill()
                await bot.wait()
    return spent


async def _meter(scene: Scene, pace: Pace, rest_s: float) -> Spent:
    assert scene.bot.stdin is not None
    assert scene.bot.stdout is not None
    await scene.bot.stdout.readline()
    await asyncio.sleep(rest_s)
    at_rest = scene.memory_mb()
    before = await scene.read()
    scene.bot.stdin.write(b"go\n")
    under_load = [at_rest]
    done = asyncio.create_task(scene.bot.stdout.readline())
    while not done.done():
        await asyncio.wait([done], timeout=SAMPLE_S)
        under_load.append(scene.memory_mb())
    assert done.result(), "the producer process ended too early"
    await until("every event arrives", lambda: all_arrived(scene.start.database_url))
    after = await scene.read()
    arrived, _, completed = await books(scene.start.database_url)
    arrived, completed = arrived - HISTORY.arrived, completed - HISTORY.events
    assert arrived == completed == pace.events, f"{arrived} of {pace.events} events arrived"
    scene.bot.stdin.write(b"that was all\n")
    await scene.bot.wait()
    used = (now - then for now, then in zip(after, before, strict=True))
    most = [max(values) for values in zip(*under_load, strict=True)]
    return Spent(
        Meter._make(value * MILLION / pace.events for value in used),
        (at_rest[0], most[0]),
        (at_rest[1], most[1]),
    )


def _rows(spent: Sequence[Spent]) -> list[tuple[str, ...]]:
    meters = [one.per_million for one in spent]
    figures: dict[str, list[float]] = {
        "CPU of the bot's part, s": [one.bot_cpu_s for one in meters],
        "CPU of the consumers, s": [one.consumers_cpu_s for one in meters],
        "CPU of Postgres, s": [one.postgres_cpu_s for one in meters],
        "CPU of Redis, s": [one.redis_cpu_s for one in meters],
        "the database grows by, MB": [one.database / 2**20 for one in meters],
        "its log takes, MB": [one.log / 2**20 for one in meters],
        "the stream in Redis takes, MB": [one.redis / 2**20 for one in meters],
        "the bot's part at rest, MB": [one.bot_mb[0] for one in spent],
        "the bot's part under load, MB": [one.bot_mb[1] for one in spent],
        "the consumers at rest, MB": [one.consumers_mb[0] for one in spent],
        "the consumers under load, MB": [one.consumers_mb[1] for one in spent],
    }
    return [(name, *map(number, values)) for name, values in figures.items()]
