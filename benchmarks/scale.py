"""Scale: events per second with more consumers, more members, and a longer ledger."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg

from bus import connect
from db.ledger import events

from .existing_community import STRIDE, Size, make
from .processes import consumers
from .report import Report, Series, number
from .testbed import BATCH, PLATFORM, SOURCE, STREAM, BenchTestbed, Start, books, envelope, fill

ROLE: Final = f"to-{PLATFORM}"
POLL_S: Final = 0.02
NOTE: Final = (
    "The consumers are processes of one group on one machine, which Postgres and Redis share; each"
    " applies two batches side by side. The sizes are with one of them."
)


async def run(
    testbed: BenchTestbed,
    *,
    backlog: int,
    processes: Sequence[int],
    count: int,
    sizes: Sequence[Size],
    rounds: int,
) -> Report:
    """Measure in turn: first each number of consumers, then one consumer on each size."""
    by_processes = await _by_processes(testbed, processes, backlog, rounds)
    by_size = await _by_size(testbed, sizes, count, rounds)
    return Report(
        name="scale",
        title=f"Applying {backlog:,} and {count:,} events as it grows, {rounds} rounds",
        columns=("", "events/s", "lowest to highest", "of the first"),
        rows=(*_rows(by_processes), *_rows(by_size)),
        figures={one.name: one.values for one in (*by_processes, *by_size)},
        notes=(NOTE,),
    )


def _rows(series: Sequence[Series]) -> list[tuple[str, ...]]:
    first = series[0].median
    return [
        (one.name, number(one.median), one.spread, f"{one.median / first:.0%}") for one in series
    ]


async def _by_processes(
    testbed: BenchTestbed, processes: Sequence[int], backlog: int, rounds: int
) -> list[Series]:
    rates: dict[int, list[float]] = {count: [] for count in processes}
    for _ in range(rounds):
        for count in processes:
            async with testbed.start(backlog) as start:
                rates[count].append(await _drain(start, count))
                assert (await books(start.database_url))[::2] == (backlog, backlog)
    return [
        Series(name=f"{count} consumer{'s' * (count > 1)}", values=tuple(values))
        for count, values in rates.items()
    ]


async def _by_size(
    testbed: BenchTestbed, sizes: Sequence[Size], count: int, rounds: int
) -> list[Series]:
    rates: dict[Size, list[float]] = {size: [] for size in sizes}
    async with AsyncExitStack() as stack:
        urls = {size: await stack.enter_async_context(testbed.database()) for size in sizes}
        for size, url in urls.items():
            await make(url, size)
        for round_ in range(rounds):
            for size, url in urls.items():
                numbers = range(count * round_, count * (round_ + 1))
                payloads = await _record(url, size.members, numbers)
                start = Start(url, await testbed.empty_redis(), payloads)
                rates[size].append(await _drain(start, 1))
                arrived = (await books(url))[2] - size.events
                assert arrived == count * (round_ + 1), f"{arrived} events arrived"
    return [Series(name=size.name, values=tuple(values)) for size, values in rates.items()]


async def _record(database_url: str, members: int, numbers: range) -> tuple[bytes, ...]:
    """Record new events at their origin, of members in no order."""
    envelopes = [envelope(STRIDE * number, members) for number in numbers]
    conn = await asyncpg.connect(database_url)
    # As in production, an event is applied soon after it was recorded: the full images of the pages
    # that both steps touch are in the log already, and older changes are on disk.
    await conn.execute("CHECKPOINT")
    for first in range(0, len(envelopes), BATCH):
        async with conn.transaction():
            await events.record_ours(
                conn, SOURCE, envelopes[first : first + BATCH], status="published"
            )
    await conn.close()
    return tuple(one.payload for one in envelopes)


async def _drain(start: Start, processes: int) -> float:
    """Return the rate at which so many consumers settle the entries, once all have started."""
    #: Any, because redis-py types its replies as those of both protocols at once.
    redis: Any = connect(start.redis_url, name="benchmarks")
    await fill(redis, start.payloads)
    async with AsyncExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(processes)]
        await asyncio.gather(
            *(
                stack.enter_async_context(consumers(start, Path(folder), ROLE, slot=slot))
                for slot, folder in enumerate(folders, start=1)
            )
        )
        began, settled = time.perf_counter(), await _settled(redis)
        left = len(start.payloads) - settled
        while settled < len(start.payloads):
            await asyncio.sleep(POLL_S)
            settled = await _settled(redis)
        took_s = time.perf_counter() - began
    await redis.aclose()
    return left / took_s


async def _settled(redis: Any) -> int:
    group = (await redis.xinfo_groups(STREAM))[0]
    return int(group["entries-read"] or 0) - int(group["pending"])
