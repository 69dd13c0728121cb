"""Applying: events a second from the stream to committed books, against other ways to do it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

from .contenders import bare, faststream_redis, ours, polled, taskiq_redis
from .ground import Ground, Start, books
from .measure import Report, Series, number

FLOOR: Final = "bare loop"
OURS: Final = "twinstream"
POLLED_S: Final = 5.0


class Contender(NamedTuple):
    """A way to do it. The slow ones get a share of the events; what counts is the rate."""

    name: str
    drain: Callable[[Start], Awaitable[float]]
    share: float = 1.0


CONTENDERS: Final = (
    Contender(FLOOR, bare.drain),
    Contender(OURS, ours.drain),
    Contender(f"{OURS}, one lane", partial(ours.drain, lanes=1)),
    Contender("FastStream, batches of 500", faststream_redis.drain_in_batches),
    Contender("FastStream, 8 workers", partial(faststream_redis.drain, workers=8), 0.1),
    Contender("FastStream, per message", faststream_redis.drain, 0.1),
    Contender("taskiq-redis, 8 workers", taskiq_redis.drain, 0.1),
    Contender("polled table, at full speed", polled.drain, 0.5),
)


async def run(ground: Ground, *, events: int, rounds: int) -> Report:
    """Let all contenders take turns."""
    rates: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    for _ in range(rounds):
        for contender in CONTENDERS:
            rates[contender.name].append(await measure(ground, contender, events))
    series = [Series(name=name, values=tuple(values)) for name, values in rates.items()]
    polled_rate = await polled_every_5_s(ground)
    series.append(Series(name="polled table, 100 every 5 s", values=(polled_rate,)))
    return report(series, events, rounds)


async def measure(ground: Ground, contender: Contender, events: int) -> float:
    """Return one contender's events a second, once it is sure that all of them arrived."""
    count = max(int(events * contender.share), 1)
    async with ground.start(count) as start:
        took_s = await contender.drain(start)
        rows, _, completed = await books(start.database_url)
        assert rows == completed == count, f"{contender.name} brought {rows} of {count} over"
    return count / took_s


async def polled_every_5_s(ground: Ground) -> float:
    """Return the rate of the design that waits between two looks, which its pause decides."""
    count = 2 * polled.ROWS
    async with ground.start(count) as start:
        return count / await polled.drain(start, pause_s=POLLED_S)


def report(series: list[Series], events: int, rounds: int) -> Report:
    """Compare everything with the floor and with ourselves."""
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
