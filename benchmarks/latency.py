"""Latency: from the call of the producer to the commit on the other platform.

Both times come from one machine's clock: the caller's time, and Postgres's time of the commit
(`track_commit_timestamp`).
"""

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from bus import SOURCES
from db import Platform, open_pool

from .processes import CHECKOUT, bare_consumers, consumers, environment
from .report import Report, number, percentile, thinned
from .testbed import SOURCE, BenchTestbed, Start

#: Seconds to wait for the last event; more than a queue that grew in a round needs.
APPLIED_S_MAX: Final = 120.0
POLL_S: Final = 0.1
#: Events per second and platform, and seconds.
WARM_UP_RATE: Final = 50.0
WARM_UP_S: Final = 5.0
#: Where a queue grows, the events of the end take longer than the others.
LAST: Final = 0.2
NOTE: Final = (
    "By SQL: a synchronous process with psycopg calls record_xp for one platform, and the relay"
    " publishes. Bare: a row and an entry for each event; on the other side one statement for a"
    " batch writes its ledger entries and completes its rows, without checks and books. The others:"
    " concurrent calls of a producer for each platform, each a process. A queue that grows shows in"
    " the last events, and in the time an event waits for its call to begin."
)


class Caller(NamedTuple):
    """A process that creates events and prints when it called, and its arguments."""

    module: str
    arguments: tuple[object, ...]


Applying = Callable[[Start, Path], AbstractAsyncContextManager[object]]


def _our_consumers(start: Start, folder: Path) -> AbstractAsyncContextManager[object]:
    return consumers(start, folder, "to-discord", "to-telegram", "relay")


class Way(NamedTuple):
    """A way of events: the module that creates those of one platform, and who applies them.

    Each platform's module is a process of its own, as bots are.
    """

    name: str
    module: str
    applying: Applying = _our_consumers
    sources: tuple[Platform, ...] = SOURCES


PRODUCER: Final = Way("", "benchmarks.producer_caller")
BY_SQL: Final = Way("by SQL", "benchmarks.sql_caller", sources=(SOURCE,))
BARE: Final = Way("bare", "benchmarks.bare_caller", bare_consumers)


class Load(NamedTuple):
    """Single events at an even rate per second, of all sources together."""

    rate: int
    way: Way = PRODUCER

    @property
    def name(self) -> str:
        """The name of the row."""
        return f"{self.rate} {self.way.name}".rstrip()

    def callers(self, seconds: float) -> list[Caller]:
        """Return the process that creates the events of each source."""
        share = self.rate / len(self.way.sources)
        # The first events are not measured: they open connections and prepare statements.
        return [
            Caller(self.way.module, (source, share, seconds, WARM_UP_RATE, WARM_UP_S))
            for source in self.way.sources
        ]


class Called(NamedTuple):
    """When an event was due, and when the call that creates it began (Unix seconds)."""

    due: float
    at: float


class Sample(NamedTuple):
    """One event: how long it waited for its call, and the time from the call to the commit."""

    due: float
    waited_ms: float
    took_ms: float


async def run(
    testbed: BenchTestbed, *, loads: tuple[Load, ...], seconds: float, rounds: int
) -> Report:
    """Play each load in turn."""
    samples: dict[str, list[list[Sample]]] = {load.name: [] for load in loads}
    for _ in range(rounds):
        for load in loads:
            async with testbed.start(0) as start:
                samples[load.name].append(
                    await measure(start, load.callers(seconds), load.way.applying)
                )
    return Report(
        name="latency",
        title=(
            f"Created to applied on the other side, both directions at once, {rounds} rounds of"
            f" {seconds:g} s each"
        ),
        columns=(
            *("events/s", "p50, ms", "p99, ms", "p99 of each round", "p99.9, ms", "longest, ms"),
            *(f"p50 of the last {LAST:.0%}, ms", "waited for the call, p99, ms"),
        ),
        rows=tuple(_row(name, by_round) for name, by_round in samples.items()),
        figures={
            name: [thinned(one.took_ms for one in each) for each in by_round]
            for name, by_round in samples.items()
        },
        notes=(
            "A table that is polled every 5 s waits 2,500 ms on average, and up to 5,000.",
            NOTE,
        ),
    )


def _row(name: str, by_round: list[list[Sample]]) -> tuple[str, ...]:
    samples = list(itertools.chain(*by_round))
    took_ms = [one.took_ms for one in samples]
    p50, p99, p999 = (number(percentile(took_ms, share)) for share in (0.5, 0.99, 0.999))
    each = ", ".join(number(percentile([s.took_ms for s in one], 0.99)) for one in by_round)
    at_the_end = [one.took_ms for each in by_round for one in _last(each)]
    waited = percentile([one.waited_ms for one in samples], 0.99)
    longest = number(max(took_ms))
    return name, p50, p99, each, p999, longest, number(percentile(at_the_end, 0.5)), number(waited)


def _last(samples: list[Sample]) -> list[Sample]:
    """Return the samples of the end of a round."""
    return sorted(samples)[-max(int(len(samples) * LAST), 1) :]


async def measure(
    start: Start, callers: Sequence[Caller], applying: Applying = _our_consumers
) -> list[Sample]:
    """Let processes create events at the same time, and return what became of each event."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            await open_pool(start.database_url, name="benchmarks") as pool,
            applying(start, folder),
        ):
            each = await asyncio.gather(*(_call(start, folder, caller) for caller in callers))
            async with asyncio.timeout(APPLIED_S_MAX):
                await _until_all_applied(pool)
            applied = await pool.fetch(
                """
                SELECT idempotency_key, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
                FROM twinstream.transactions WHERE platform <> source
                """
            )
    called = {key: times for one in each for key, times in one.items()}
    return [
        Sample(due, (at - due) * 1_000, round((applied_at - at) * 1_000, 2))
        for key, applied_at in applied
        if key in called
        for due, at in (called[key],)
    ]


async def _call(start: Start, folder: Path, caller: Caller) -> dict[str, Called]:
    """Let a process of its own create events, and return its calls."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", caller.module, *map(str, caller.arguments)),
        cwd=CHECKOUT,
        env=environment(start, folder),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, f"{caller.module} ended too early"
    return {key: Called(*times) for key, times in json.loads(printed).items()}


async def _until_all_applied(pool: asyncpg.Pool) -> None:
    under_way = "SELECT EXISTS (SELECT FROM twinstream.sync_events WHERE status <> 'completed')"
    while await pool.fetchval(under_way):  # noqa: ASYNC110 - it happens in another process
        await asyncio.sleep(POLL_S)
