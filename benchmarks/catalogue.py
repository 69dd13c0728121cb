"""The catalogue of benchmarks, with the size of each."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from . import (
    apply_rate,
    backlog,
    board_pages,
    card_drawing,
    cost,
    earning_bytes,
    footprint,
    forget_time,
    growth,
    latency,
    link_time,
    links_beside_events,
    message_rate,
    produce_rate,
    promotion_latency,
    recovery,
    refused_rate,
    scale,
)
from .existing_community import Size
from .latency import Load
from .report import Report
from .testbed import BenchTestbed

Plan = Callable[[BenchTestbed, bool], Coroutine[Any, Any, Report]]


async def _apply(testbed: BenchTestbed, quick: bool) -> Report:
    return await apply_rate.run(
        testbed, events=2_000 if quick else 20_000, rounds=1 if quick else 3
    )


async def _refused(testbed: BenchTestbed, quick: bool) -> Report:
    return await refused_rate.run(
        testbed, events=1_000 if quick else 10_000, rounds=1 if quick else 3
    )


async def _produce(testbed: BenchTestbed, quick: bool) -> Report:
    return await produce_rate.run(testbed, events=500 if quick else 5_000, rounds=1 if quick else 3)


async def _latency(testbed: BenchTestbed, quick: bool) -> Report:
    by_sql = Load(50, latency.BY_SQL)
    if quick:
        loads: tuple[Load, ...] = (Load(100), Load(100, latency.BARE), by_sql)
        return await latency.run(testbed, loads=loads, seconds=5, rounds=1)
    # The bare way follows ours at once, because machines differ from minute to minute.
    beside = (way for rate in (100, 1_000) for way in (Load(rate), Load(rate, latency.BARE)))
    return await latency.run(testbed, loads=(Load(10), *beside, by_sql), seconds=20, rounds=3)


async def _visible(testbed: BenchTestbed, quick: bool) -> Report:
    return await promotion_latency.run(testbed, rate=4, seconds=4 if quick else 120)


async def _backlog(testbed: BenchTestbed, quick: bool) -> Report:
    return await backlog.run(testbed, events=10_000 if quick else 1_000_000)


async def _scale(testbed: BenchTestbed, quick: bool) -> Report:
    if quick:
        few = (Size(10_000, 10_000), Size(1_000, 10_000), Size(10_000, 100_000))
        return await scale.run(
            testbed, backlog=5_000, processes=(1, 2), count=3_000, sizes=few, rounds=1
        )
    # Each of the other sizes differs from the first in one respect.
    sizes = (
        Size(100_000, 100_000),
        Size(1_000, 100_000),
        Size(1_000_000, 100_000),
        Size(100_000, 10_000_000),
    )
    return await scale.run(
        testbed, backlog=60_000, processes=(1, 2, 4), count=30_000, sizes=sizes, rounds=3
    )


async def _earning_bytes(testbed: BenchTestbed, quick: bool) -> Report:
    return await earning_bytes.run(testbed, windows_each=100 if quick else 1_000)


async def _messages(testbed: BenchTestbed, quick: bool) -> Report:
    return await message_rate.run(testbed, rate=1_000, seconds=2 if quick else 20)


async def _recovery(testbed: BenchTestbed, quick: bool) -> Report:
    if quick:
        return await recovery.run(rounds=1, after_s=5, faults=tuple(recovery.FAULTS)[:2])
    return await recovery.run(rounds=3, after_s=20)


async def _cost(testbed: BenchTestbed, quick: bool) -> Report:
    few = 50 if quick else 1
    paces = (
        cost.Pace("in batches of 50", events=200_000 // few, rate=2_000, batch=50),
        cost.Pace("one by one", events=10_000 // few, rate=100, batch=1),
    )
    return await cost.run(testbed, paces=paces, rest_s=1 if quick else 10)


async def _growth(testbed: BenchTestbed, quick: bool) -> Report:
    return await growth.run(testbed, events=1_000 if quick else 50_000)


async def _link(testbed: BenchTestbed, quick: bool) -> Report:
    if quick:
        return await link_time.run(testbed, entries=(100, 10_000), rounds=1)
    return await link_time.run(testbed, entries=(100, 1_000_000), rounds=3)


async def _linking(testbed: BenchTestbed, quick: bool) -> Report:
    if quick:
        return await links_beside_events.run(testbed, rate=50, seconds=12, rounds=1)
    return await links_beside_events.run(testbed, rate=100, seconds=60, rounds=3)


async def _forget(testbed: BenchTestbed, quick: bool) -> Report:
    if quick:
        return await forget_time.run(testbed, entries=(100, 10_000), rounds=1)
    return await forget_time.run(testbed, entries=(100, 1_000_000), rounds=3)


async def _footprint(testbed: BenchTestbed, quick: bool) -> Report:
    return await footprint.run(testbed, rounds=1 if quick else 3, rest_s=2 if quick else 12)


async def _boards(testbed: BenchTestbed, quick: bool) -> Report:
    return await board_pages.run(
        testbed, members=20_000 if quick else 1_000_000, calls=10 if quick else 100
    )


async def _cards(testbed: BenchTestbed, quick: bool) -> Report:
    return await card_drawing.run(cards=40 if quick else 400, rounds=1 if quick else 3)


PLANS: Final[dict[str, Plan]] = {
    "apply": _apply,
    "refused": _refused,
    "produce": _produce,
    "latency": _latency,
    "visible": _visible,
    "backlog": _backlog,
    "scale": _scale,
    "recovery": _recovery,
    "cost": _cost,
    "growth": _growth,
    "earning-bytes": _earning_bytes,
    "messages": _messages,
    "link": _link,
    "linking": _linking,
    "forget": _forget,
    "footprint": _footprint,
    "boards": _boards,
    "cards": _cards,
}
