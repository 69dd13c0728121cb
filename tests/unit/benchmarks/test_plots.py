"""The plots of the docs depend on results alone: the same results give the same files."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.report import Report

RESULTS: dict[str, dict[str, Any]] = {
    "apply": {"twinstream": (900.0, 1_000.0, 1_100.0), "polled table": (19.0,)},
    "latency": {
        "10": [[5.0, 7.0], [9.0]],
        "100": [[6.0, 8.0, 40.0]],
        "100 bare": [[3.0, 4.0, 8.0]],
        "50 by SQL": [[9.0]],
    },
    "backlog": {"looks": [(1.0, 4_000, 41.0), (2.0, 9_000, 41.5), (3.0, 15_000, 41.5)]},
}


@pytest.fixture
def plots() -> ModuleType:
    """The module, which imports matplotlib for a second: no other test has to wait for it."""
    pytest.importorskip("matplotlib", reason="`make bench` installs it")
    return importlib.import_module("benchmarks.plots")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for name, figures in RESULTS.items():
        Report(name=name, title=f"All of {name}", columns=(), rows=(), figures=figures).save(folder)
    return folder


@pytest.mark.nightly
def test_the_same_results_give_the_same_files(plots: ModuleType, results: Path, tmp_path: Path):
    first = plots.draw(results, tmp_path / "first")
    second = plots.draw(results, tmp_path / "second")

    assert [file.name for file in first] == ["apply.svg", "latency.svg", "backlog.svg"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_a_figure_says_what_it_shows_on_a_white_ground(
    plots: ModuleType, results: Path, tmp_path: Path
):
    for file in plots.draw(results, tmp_path):
        drawn = file.read_text()
        assert f"All of {file.stem}" in drawn
        assert "fill: #ffffff" in drawn


def test_each_load_has_its_line(plots: ModuleType, results: Path, tmp_path: Path):
    [_, latency, _] = plots.draw(results, tmp_path)

    drawn = latency.read_text()
    assert "100 events/s" in drawn
    assert "100 events/s bare" in drawn
    assert "50 events/s by SQL" in drawn


def test_a_benchmark_without_results_is_not_drawn(plots: ModuleType, results: Path, tmp_path: Path):
    (results / "latency.json").unlink()

    assert [file.stem for file in plots.draw(results, tmp_path)] == ["apply", "backlog"]
