"""The growth of the database is measured for each table and index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.testbed import BenchTestbed
from launch.servers import Server, start_redis


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


@pytest.mark.nightly
async def test_every_relation_that_events_add_to_has_a_row(testbed: BenchTestbed):
    report = await growth.run(testbed, events=200)

    without = {name: bytes_[0] for name, bytes_ in report.figures.items()}
    assert without["transactions"] > 2 * 60  # two entries, of sixty bytes and more
    assert without["sync_events"] > 60
    assert report.rows[-1][0] == "everything"
    assert {"transactions", "sync_events"} <= {row[0] for row in report.rows}
