"""The contenders do the same work: all of them end with the same books."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contenders import bare_loop, polled_table, twinstream_role
from benchmarks.testbed import BenchTestbed, books
from launch.servers import Server, start_redis

EVENTS = 700


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


async def test_every_contender_ends_with_the_same_books(testbed: BenchTestbed):
    found = {}
    for way in (bare_loop, twinstream_role, polled_table):
        async with testbed.start(EVENTS, members=10) as start:
            took_s = await way.drain(start)
            found[way.__name__] = await books(start.database_url)
            assert took_s > 0

    [same] = set(found.values())
    assert same == (EVENTS, sum(number % 7 + 1 for number in range(EVENTS)), EVENTS)
