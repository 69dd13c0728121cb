"""The benchmarks of message XP, on small numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import earning_bytes, message_rate
from benchmarks.testbed import BenchTestbed
from launch.servers import Server, start_redis

pytestmark = pytest.mark.nightly


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


async def test_each_bot_hears_messages_with_xp_and_without(testbed):
    report = await message_rate.run(testbed, rate=200, seconds=1)

    assert [row[0] for row in report.rows] == [
        *("Telegram, XP off", "Discord, XP off", "Telegram, XP on", "Discord, XP on")
    ]
    earned = {name: figures["counted"] for name, figures in report.figures.items()}
    assert earned["Telegram, XP off"] == earned["Discord, XP off"] == 0
    assert earned["Telegram, XP on"] > 0
    assert earned["Discord, XP on"] > 0


async def test_a_member_who_writes_all_day_takes_less_than_a_megabyte_a_year(testbed):
    report = await earning_bytes.run(testbed, windows_each=100)

    in_windows, with_events = report.figures["writes all day, 12 hours"]
    assert in_windows < 1 < with_events
