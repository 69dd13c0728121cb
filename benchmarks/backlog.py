"""A backlog: the rate and the memory of one consumers process that works it off."""

import asyncio
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from bus import connect

from .processes import consumers, cost
from .report import Report, number
from .testbed import PLATFORM, BenchTestbed, books, fill

SAMPLE_S = 1.0
SLICES = 10


async def run(testbed: BenchTestbed, *, events: int) -> Report:
    """Let the process work off the backlog, and sample it once a second."""
    async with testbed.start(events, members=100_000 if events > 100_000 else 1_000) as start:
        #: Any, because redis-py types its replies as those of both protocols at once.
        redis: Any = connect(start.redis_url, name="benchmarks")
        await fill(redis, start.payloads)
        redis_mb = (await redis.info("memory"))["used_memory"] / 2**20
        looks: list[tuple[float, int, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            async with consumers(start, Path(folder), f"to-{PLATFORM}") as process:
                began = time.perf_counter()
                done = 0
                while done < events:
                    await asyncio.sleep(SAMPLE_S)
                    groups = await redis.xinfo_groups("sync:telegram")
                    done = int(groups[0]["entries-read"]) - int(groups[0]["pending"])
                    looks.append((time.perf_counter() - began, done, process.cost().memory_mb))
                used = process.cost()
        servers = {s.name: cost(s.pid) for s in (testbed.postgres, testbed.redis)}
        await redis.aclose()
        assert (await books(start.database_url))[0] == events
    return _report(events, looks, used.cpu_s, redis_mb, {n: c.cpu_s for n, c in servers.items()})


def _report(
    events: int,
    looks: list[tuple[float, int, float]],
    cpu_s: float,
    redis_mb: float,
    servers_cpu_s: dict[str, float],
) -> Report:
    step = max(len(looks) // SLICES, 1)
    marks = [(0.0, 0, looks[0][2]), *looks[step - 1 :: step]]
    rows = tuple(
        (
            f"{at:.0f}",
            f"{done:,}",
            number((done - done_before) / (at - at_before)),
            f"{memory:.0f}",
        )
        for (at_before, done_before, _), (at, done, memory) in pairwise(marks)
    )
    return Report(
        name="backlog",
        title=f"Working off a backlog of {events:,} events with one consumer",
        columns=("after, s", "settled", "events/s since", "its memory, MB"),
        rows=rows,
        figures={"looks": looks, "cpu_s": cpu_s, "redis_mb": redis_mb, **servers_cpu_s},
        notes=(
            f"The process used {cpu_s:.0f} s of CPU; the stream took {redis_mb:.0f} MB in Redis.",
        ),
    )
