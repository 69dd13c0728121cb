"""The benchmark of boards measures each kind of page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import board_pages
from benchmarks.testbed import BenchTestbed
from launch.servers import Server, start_redis


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


@pytest.mark.nightly
async def test_each_kind_of_page_has_a_row_for_each_board(testbed: BenchTestbed):
    report = await board_pages.run(testbed, members=300, calls=2)

    assert [row[0] for row in report.rows] == ["xp"] * 5 + ["week"] * 5
    assert all(values and min(values) > 0 for values in report.figures.values())
