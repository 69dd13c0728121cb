"""Lag: how much of a stream a group has not finished, and how old that is."""

import time

import pytest

from bus import (
    GroupMissing,
    StreamMissing,
    measure_lag,
)
from bus.entry import ID_MAX
from tests.support.bus_servers import HOUR_MS, Bus, id_at

#: Milliseconds that a read of a quiet stream waits, and how many of them one test makes.
BLOCK_MS = 100
QUIET_READS = 3


async def test_lag_counts_the_unread_and_the_unacknowledged_apart(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "ancient"}, id="1000-0")
    ids = await bus.publish(*[b"x"] * 4)
    reader = bus.reader(batch_entries=3)
    await reader.read()
    await reader.acknowledge(ids[:1])

    measured = await measure_lag(bus.redis, subscription)

    assert (measured.entries, measured.unread, measured.unacknowledged) == (5, 2, 2)
    assert measured.behind == 4
    assert measured.oldest_unacknowledged_ms is not None
    assert measured.oldest_unread_ms is not None
    assert measured.oldest_ms == measured.oldest_unacknowledged_ms > measured.oldest_unread_ms
    (consumer,) = measured.consumers
    assert (consumer.name, consumer.unacknowledged) == ("to-discord-1", 2)
    assert 0 <= consumer.idle_ms < 60_000


async def test_a_consumer_of_a_quiet_stream_is_seen_at_each_of_its_reads(bus: Bus):
    """Redis before 7.2 counts only reads that bring something as a sign of life."""
    reader = bus.reader(block_ms=BLOCK_MS)
    await bus.publish(b"one")
    await reader.acknowledge([entry.id for entry in await reader.read()])
    began = time.monotonic()

    for _ in range(QUIET_READS):
        assert await reader.read() == []

    (consumer,) = (await measure_lag(bus.redis, bus.keys.subscription("telegram"))).consumers
    quiet_ms = (time.monotonic() - began) * 1_000
    assert consumer.idle_ms < quiet_ms - BLOCK_MS


async def test_looking_for_life_delivers_nothing_again(bus: Bus):
    await bus.publish(b"in work")
    reader = bus.reader()
    assert len(await reader.read()) == 1

    assert await reader.read() == []

    (pending,) = await bus.redis.xpending_range(
        *bus.keys.subscription("telegram"), min="-", max="+", count=1
    )
    assert pending["times_delivered"] == 1


async def test_a_group_that_is_up_to_date_has_no_lag(bus: Bus):
    await bus.publish(b"one")
    reader = bus.reader()
    await reader.acknowledge([entry.id for entry in await reader.read()])

    measured = await measure_lag(bus.redis, bus.keys.subscription("telegram"))

    assert (measured.entries, measured.behind, measured.oldest_ms) == (1, 0, 0)
    assert measured.oldest_unread_ms is measured.oldest_unacknowledged_ms is None


async def test_lag_is_known_even_where_redis_lost_count(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    ids = await bus.publish(*[b"x"] * 6)
    await bus.redis.xdel(subscription.stream, ids[3])
    (info,) = await bus.redis.xinfo_groups(subscription.stream)
    assert info["lag"] is None

    assert (await measure_lag(bus.redis, subscription)).unread == 5


async def test_the_lag_of_a_missing_group_is_a_typed_error(bare_bus: Bus):
    subscription = bare_bus.keys.subscription("telegram")
    with pytest.raises((GroupMissing, StreamMissing)):
        await measure_lag(bare_bus.redis, subscription)

    await bare_bus.redis.xgroup_create(subscription.stream, "audit", mkstream=True)
    with pytest.raises(GroupMissing):
        await measure_lag(bare_bus.redis, subscription)


async def test_the_age_of_an_entry_from_the_future_is_unknown_and_the_entry_counts(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=id_at(5 * HOUR_MS))
    await bus.publish(b"after it")
    await bus.reader(batch_entries=2).read()
    await bus.publish(b"unread")

    measured = await measure_lag(bus.redis, subscription)

    assert (measured.entries, measured.unread, measured.unacknowledged) == (3, 1, 2)
    assert measured.oldest_unread_ms is measured.oldest_unacknowledged_ms is None
    assert measured.oldest_ms is None
    assert 4 * HOUR_MS < measured.ahead_ms <= 5 * HOUR_MS
    assert measured.trouble == "has ids 4 hours ahead of the Redis clock"


async def test_an_age_is_known_up_to_the_entry_from_the_future(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    [first] = await bus.publish(b"x")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=id_at(HOUR_MS))

    measured = await measure_lag(bus.redis, subscription)

    assert measured.first_unfinished == first
    assert measured.oldest_ms is not None
    assert measured.oldest_ms == measured.oldest_unread_ms


async def test_the_lag_is_known_at_the_largest_id(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=ID_MAX)
    await bus.reader().read()

    measured = await measure_lag(bus.redis, subscription)

    assert (measured.unread, measured.unacknowledged) == (0, 1)
    assert measured.trouble == "takes no more entries, because it holds the largest id there is"


async def test_the_lag_names_the_group_of_another_program_that_is_behind(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    first, *_ = await bus.publish(*[b"any"] * 3)
    for name, place in (("audit", first), ("backup", "0"), ("idle", "$")):
        await bus.redis.xgroup_create(subscription.stream, name, id=place)
    assert (await measure_lag(bus.redis, subscription)).held_by is None
    reader = bus.reader()
    await reader.acknowledge([entry.id for entry in await reader.read()])

    held = (await measure_lag(bus.redis, subscription)).held_by
    assert held is not None
    assert held.group == "backup"

    await bus.redis.xgroup_destroy(subscription.stream, "backup")
    held = (await measure_lag(bus.redis, subscription)).held_by
    assert held is not None
    assert held.group == "audit"
    assert held.behind_ms is not None
    assert held.behind_ms < HOUR_MS
