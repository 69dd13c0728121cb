"""`python -m benchmarks.plots RESULTS INTO`: draw the plots of the docs from saved results.

The same results give the same files, byte for byte, with the same version of matplotlib.
"""

import argparse
import itertools
import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import matplotlib
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .apply_rate import OURS
from .latency import BARE
from .report import Report, number, percentile

BLUE, GREY, RED = "#1f6feb", "#8b949e", "#cf222e"
#: From low to high rates, and then what SQL records.
BLUES: Final = ("#9ecbff", "#388bfd", "#0b3d91", "#8250df")
SHARES: Final = {"50 %": 0.5, "90 %": 0.9, "99 %": 0.99, "99.9 %": 0.999, "all": 1.0}
#: The period of the polled table that twinstream replaces; an event waits half of it on average.
POLLED_MS: Final = 5_000
SLICES: Final = 60

#: Any, because matplotlib types each key by name, and the keys depend on its version.
STYLE: Final[Any] = {
    "svg.hashsalt": "twinstream",  # or ids would be random
    "svg.fonttype": "none",  # text stays text
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "figure.facecolor": "white",  # in a dark page as well
}


def draw_apply(report: Report) -> Figure:
    """Draw each contender's rate as a bar, the fastest on top, with its lowest and highest."""
    rates = {name: list(values) for name, values in report.figures.items()}
    names = sorted(rates, key=lambda name: statistics.median(rates[name]))
    medians = [statistics.median(rates[name]) for name in names]
    spreads = [
        [median - min(rates[name]) for name, median in zip(names, medians, strict=True)],
        [max(rates[name]) - median for name, median in zip(names, medians, strict=True)],
    ]
    figure, axes = _sheet(8.0, 0.45 * len(names) + 1.3)
    colours = [BLUE if name.startswith(OURS) else GREY for name in names]
    axes.barh(names, medians, color=colours, xerr=spreads, ecolor="#57606a", height=0.62)
    axes.set_xscale("log")
    axes.set_xlim(min(medians) / 2, max(medians) * 4)
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.set_xlabel("events a second (logarithmic)")
    axes.set_title(report.title, loc="left")
    axes.grid(visible=False, axis="y")
    for place, name in enumerate(names):
        label = number(medians[place])
        axes.annotate(
            label, (max(rates[name]), place), (6, 0), textcoords="offset points", va="center"
        )
    return figure


def draw_latency(report: Report) -> Figure:
    """Draw the time within which each share of the events was applied, for each rate."""
    figure, axes = _sheet(8.0, 4.4)
    rates = dict.fromkeys(load.partition(" ")[0] for load in report.figures)
    colours = dict(zip(rates, BLUES, strict=False))
    for load, by_round in report.figures.items():
        rate, _, way = load.partition(" ")
        # The bare way is dashed, in the colour of ours at its rate.
        colour, style = colours[rate], "--" if way == BARE.name else "-"
        took_ms = list(itertools.chain(*by_round))
        within = [percentile(took_ms, share) for share in SHARES.values()]
        label = f"{f'{int(rate):,} events/s {way}'.strip()}: 99 % within {number(within[2])} ms"
        axes.plot(
            *(list(SHARES), within),
            color=colour,
            linestyle=style,
            marker="o",
            linewidth=2,
            label=label,
        )
    for share, wait_ms in (("half", POLLED_MS / 2), ("all", POLLED_MS)):
        axes.axhline(wait_ms, color=RED, linewidth=1, linestyle="--")
        what = f"{share} of what a table polled every {POLLED_MS // 1_000} s brings"
        axes.annotate(what, (0, wait_ms), (0, 3), textcoords="offset points", color=RED, fontsize=8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    axes.set_ylabel("within, ms (logarithmic)")
    axes.set_xlabel("share of the events that was applied on the other side")
    axes.set_title(report.title, loc="left", fontsize=10)
    # Between the lines of events and those of the polled table.
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.0, 0.84), fontsize=8)
    return figure


def draw_backlog(report: Report) -> Figure:
    """Draw rate and memory over time."""
    looks = [(0.0, 0, report.figures["looks"][0][2]), *report.figures["looks"]]
    step = max(len(looks) // SLICES, 1)
    marks = looks[::step]
    middles = [(early[0] + late[0]) / 2 for early, late in pairwise(marks)]
    rates = [(late[1] - early[1]) / (late[0] - early[0]) for early, late in pairwise(marks)]
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(middles, rates, color=BLUE, linewidth=1.8)
    above.set_ylabel("events a second")
    above.yaxis.set_major_formatter(FuncFormatter(_plain))
    above.set_title(report.title, loc="left")
    below.plot([look[0] for look in looks], [look[2] for look in looks], color=GREY, linewidth=1.8)
    below.set_ylabel("memory, MB")
    below.set_xlabel("seconds")
    for axes in (above, below):
        axes.set_ylim(bottom=0)
    return figure


PLOTS: Final[dict[str, Callable[[Report], Figure]]] = {
    "apply": draw_apply,
    "latency": draw_latency,
    "backlog": draw_backlog,
}


def draw(results: Path, into: Path) -> list[Path]:
    """Draw every plot that has results; return the files."""
    drawn = []
    into.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        result = results / f"{name}.json"
        if not result.exists():
            continue
        with matplotlib.rc_context(STYLE):
            figure = plot(msgspec.json.decode(result.read_bytes(), type=Report))
            file = into / f"{name}.svg"
            # Without metadata that would differ from day to day.
            figure.savefig(file, metadata={"Date": None, "Creator": None})
        drawn.append(file)
    return drawn


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _plain(value: float, _position: int | None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("results", type=Path, help="the folder of `make bench`")
    asked.add_argument("into", type=Path, help="where the drawings go")
    options = asked.parse_args()
    for file in draw(options.results, options.into):
        print(file)


if __name__ == "__main__":
    main()
