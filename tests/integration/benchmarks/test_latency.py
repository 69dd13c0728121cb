"""The latency of events is measured on each way: of the producer, the bare one, and by SQL."""

from collections.abc import Iterator

import pytest

from benchmarks import latency
from benchmarks.latency import BARE, BY_SQL, Load
from benchmarks.testbed import BenchTestbed, open_testbed

RATE, SECONDS = 20, 1.0


@pytest.fixture
def testbed() -> Iterator[BenchTestbed]:
    """A testbed with its own Postgres, which keeps the times of commits."""
    with open_testbed() as testbed:
        yield testbed


@pytest.mark.nightly
async def test_events_on_each_way_are_measured(
    testbed: BenchTestbed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(latency, "WARM_UP_S", 0.2)
    loads = (Load(RATE), Load(RATE, BARE), Load(RATE, BY_SQL))

    report = await latency.run(testbed, loads=loads, seconds=SECONDS, rounds=1)

    assert [row[0] for row in report.rows] == ["20", "20 bare", "20 by SQL"]
    assert all(len(row) == len(report.columns) for row in report.rows)
    for [took_ms] in report.figures.values():
        assert len(took_ms) == RATE * SECONDS
        assert min(took_ms) > 0
