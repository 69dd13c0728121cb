"""What is compared does the same work: the same books in the end, whoever kept them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contenders import bare, ours, polled
from benchmarks.ground import Ground, books
from launch.servers import Server, start_redis

EVENTS = 700


@pytest.fixture
def ground(postgres: Server, tmp_path: Path) -> Iterator[Ground]:
    """Each run empties its Redis, so it is not the one that tests share."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield Ground(postgres, redis)


async def test_every_way_ends_with_the_same_books(ground: Ground):
    found = {}
    for way in (bare, ours, polled):
        async with ground.start(EVENTS, members=10) as start:
            took_s = await way.drain(start)
            found[way.__name__] = await books(start.database_url)
            assert took_s > 0

    [same] = set(found.values())
    assert same == (EVENTS, sum(number % 7 + 1 for number in range(EVENTS)), EVENTS)
