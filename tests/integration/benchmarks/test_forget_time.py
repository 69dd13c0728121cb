"""The time to forget a person is measured, and the waits of others beside it."""

from collections.abc import Iterator

import pytest

from benchmarks import forget_time
from benchmarks.testbed import BenchTestbed, open_testbed


@pytest.fixture
def testbed() -> Iterator[BenchTestbed]:
    with open_testbed() as testbed:
        yield testbed


@pytest.mark.nightly
async def test_forgetting_is_measured_beside_a_bare_update(
    testbed: BenchTestbed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forget_time, "CALLS_MIN", 3)

    report = await forget_time.run(testbed, entries=(100, 400), rounds=1)

    assert [row[:2] for row in report.rows] == [
        (name, entries)
        for entries in ("100", "400")
        for name in ("nothing", "a bare update of the entries", "forget the person")
    ]
    assert all(len(row) == len(report.columns) for row in report.rows)
