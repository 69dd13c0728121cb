"""The latency of events while members link their accounts, beside the same events without links.

Links are offers as the bots make them: started, opened, confirmed. The events are a steady load on
both sides, and two more of the accounts of each link, created while the link is confirmed.
"""

from typing import Final

from . import latency
from .latency import Caller, Load, Sample
from .report import Report, number, percentile, thinned
from .testbed import BenchTestbed

LINKS_A_MINUTE: Final = 200
WITHOUT: Final = "without links"
WITH: Final = f"with {LINKS_A_MINUTE} links a minute"


async def run(testbed: BenchTestbed, *, rate: int, seconds: float, rounds: int) -> Report:
    """Play the same load without links and with them, in turns."""
    load = Load(rate)
    links = max(int(LINKS_A_MINUTE * seconds / 60), 1)
    samples: dict[str, list[Sample]] = {WITHOUT: [], WITH: []}
    for _ in range(rounds):
        for name, taken in samples.items():
            words = ("WITH_LINKS",) if name == WITH else ()
            linking = Caller(
                "benchmarks.offer_caller", (links, LINKS_A_MINUTE, latency.WARM_UP_S, *words)
            )
            async with testbed.start(0) as start:
                measured = await latency.measure(start, [*load.callers(seconds), linking])
            taken.extend(measured)
    took_ms = {name: [one.took_ms for one in taken] for name, taken in samples.items()}
    figures = {name: _figures(each) for name, each in took_ms.items()}
    ratios = [linked / plain for plain, linked in zip(figures[WITHOUT], figures[WITH], strict=True)]
    return Report(
        name="linking",
        title=(
            f"Created to applied on the other side, {rate} events/s and two of the accounts of each"
            f" link, {rounds} rounds of {seconds:g} s each"
        ),
        columns=("", "events", "p50, ms", "p99, ms", "longest, ms"),
        rows=(
            *(
                (name, f"{len(took_ms[name]):,}", *map(number, each))
                for name, each in figures.items()
            ),
            ("ratio", "", *(f"{ratio:.2f}" for ratio in ratios)),
        ),
        figures={name: thinned(each) for name, each in took_ms.items()},
        notes=(
            f"{links * rounds} links were made, each by an offer that both sides took part in.",
        ),
    )


def _figures(took_ms: list[float]) -> tuple[float, float, float]:
    return percentile(took_ms, 0.5), percentile(took_ms, 0.99), max(took_ms)
