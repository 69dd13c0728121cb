"""The apply rate: events per second from the stream to committed books, against other designs."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

from .contenders import (
    bare_loop,
    faststream_redis,
    polled_table,
    procrastinate_jobs,
    taskiq_redis,
    twinstream_role,
)
from .report import Report, Series, number
from .testbed import BenchTestbed, Start, books

FLOOR: Final = "bare loop"
OURS: Final = "twinstream"
POLLED_S: Final = 5.0


class Contender(NamedTuple):
    """A design to compare. A slow one gets only a share of the events; the rate is compared."""

    name: str
    drain: Callable[[Start], Awaitable[float]]
    share: float = 1.0
    in_locale: bool = False


CONTENDERS: Final = (
    Contender(FLOOR, bare_loop.drain),
    Contender(OURS, twinstream_role.drain),
    Contender(f"{OURS}, one lane", partial(twinstream_role.drain, lanes=1)),
    Contender("FastStream, batches of 500", faststream_redis.drain_in_batches),
    Contender("FastStream, 8 workers", partial(faststream_redis.drain, workers=8), 0.1),
    Contender("FastStream, per message", faststream_redis.drain, 0.1),
    Contender("taskiq-redis, 8 workers", taskiq_redis.drain, 0.1),
    Contender("procrastinate, 8 workers", procrastinate_jobs.drain, 0.1),
    Contender("polled table, at full speed", polled_table.drain, 0.5),
)


async def run(testbed: BenchTestbed, *, events: int, rounds: int) -> Report:
    """Measure all contenders in turn, round by round."""
    contenders = list(CONTENDERS)
    if testbed.locale:
        ours = Contender(f"{OURS}, {testbed.locale}", twinstream_role.drain, in_locale=True)
        contenders.insert(2, ours)
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            rates[contender.name].append(await measure(testbed, contender, events))
    series = [Series(name=name, values=tuple(values)) for name, values in rates.items()]
    polled_rate = await polled_every_5_s(testbed)
    series.append(Series(name="polled table, 100 every 5 s", values=(polled_rate,)))
    return report(series, events, rounds)


async def measure(testbed: BenchTestbed, contender: Contender, events: int) -> float:
    """Return one contender's events per second, after checking that all were applied."""
    count = max(int(events * contender.share), 1)
    async with testbed.start(count, in_locale=contender.in_locale) as start:
        took_s = await contender.drain(start)
        rows, _, completed = await books(start.database_url)
        assert rows == completed == count, f"{contender.name} applied {rows} of {count} events"
    return count / took_s


async def polled_every_5_s(testbed: BenchTestbed) -> float:
    """Return the rate of a design that polls with a pause, which decides that rate."""
    count = 2 * polled_table.ROWS
    async with testbed.start(count) as start:
        return count / await polled_table.drain(start, pause_s=POLLED_S)


def report(series: list[Series], events: int, rounds: int) -> Report:
    """Compare every contender with the bare loop and with twinstream."""
    median = {one.name: one.median for one in series}
    return Report(
        name="apply",
        title=f"Applying {events:,} events, {rounds} rounds, one consumer",
        columns=("", "events/s", "lowest to highest", "of the bare loop", "twinstream is"),
        rows=tuple(
            (
                one.name,
                number(one.median),
                one.spread,
                f"{one.median / median[FLOOR]:.1%}",
                f"{median[OURS] / one.median:.2g} x" if one.name != OURS else "",
            )
            for one in series
        ),
        figures={one.name: one.values for one in series},
    )
