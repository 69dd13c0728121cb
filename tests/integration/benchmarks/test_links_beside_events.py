"""The latency of events is measured with links beside them, and without."""

from collections.abc import Iterator

import pytest

from benchmarks import latency, links_beside_events
from benchmarks.testbed import BenchTestbed, open_testbed

RATE, SECONDS = 20, 1.5
LINKS = 5


@pytest.fixture
def testbed() -> Iterator[BenchTestbed]:
    """A testbed with its own Postgres, which keeps the times of commits."""
    with open_testbed() as testbed:
        yield testbed


@pytest.mark.nightly
async def test_the_same_events_are_measured_with_links_and_without(
    testbed: BenchTestbed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(latency, "WARM_UP_S", 0.2)

    report = await links_beside_events.run(testbed, rate=RATE, seconds=SECONDS, rounds=1)

    assert [row[0] for row in report.rows] == ["without links", "with 200 links a minute", "ratio"]
    assert all(len(row) == len(report.columns) for row in report.rows)
    for took_ms in report.figures.values():
        assert len(took_ms) == RATE * SECONDS + 2 * LINKS
        assert min(took_ms) > 0
    assert report.notes[0].startswith(f"{LINKS} links were made")
