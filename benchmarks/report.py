"""Reports: medians with their spread, as a table, as Markdown and as JSON."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one contender in several rounds."""

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the middle value."""
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        """Return the smallest and the largest value."""
        return f"{number(min(self.values))} to {number(max(self.values))}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's result. `columns` name what each row has."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: dict[str, Any]
    """The values behind the rows, for further computations and plots."""
    notes: tuple[str, ...] = ()

    def show(self, console: Console) -> None:
        """Print the report as a table."""
        table = Table(*self.columns, title=self.title, title_justify="left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for note in self.notes:
            console.print(note, soft_wrap=True)

    def as_markdown(self) -> str:
        """Return the report as a Markdown table for the docs."""
        lines = [self.columns, tuple("---" for _ in self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([f"**{self.title}**", table, *self.notes])

    def save(self, folder: Path) -> None:
        """Write the figures as JSON and the table as Markdown."""
        folder.mkdir(parents=True, exist_ok=True)
        json = msgspec.json.format(msgspec.json.encode(self), indent=1)
        (folder / f"{self.name}.json").write_bytes(json + b"\n")
        (folder / f"{self.name}.md").write_text(self.as_markdown() + "\n", encoding="utf-8")


def number(value: float) -> str:
    """Format a figure with three significant digits."""
    if value >= 100:
        return f"{round(value, 2 - len(str(int(value)))):,.0f}"
    return f"{value:.3g}"


def thinned(values: Iterable[float], steps: int = 1_000) -> list[float]:
    """Return about `steps` of the values, evenly spread, with the smallest and the largest."""
    ordered = sorted(values)
    if len(ordered) <= steps:
        return ordered
    return [ordered[step * (len(ordered) - 1) // steps] for step in range(steps + 1)]


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered: Sequence[float] = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
