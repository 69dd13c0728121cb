"""Groups: they begin at the start of a stream, and consumers that hold entries are kept."""

import time
from typing import Any

import pytest

from bus import (
    GroupMissing,
    StreamMissing,
    ensure_group,
    group_exists,
    measure_lag,
    remove_idle_consumers,
    trim_stream,
)
from bus.reader import PAUSE_S
from tests.support.bus_servers import Bus
from tests.support.stream_entries import entries_in


async def test_creating_a_group_again_is_not_an_error(bare_bus: Bus):
    subscription = bare_bus.keys.subscription("telegram")

    assert await ensure_group(bare_bus.redis, subscription) is True
    assert await ensure_group(bare_bus.redis, subscription) is False


async def test_a_group_exists_once_it_is_created_and_no_other_one(bare_bus: Bus):
    subscription = bare_bus.keys.subscription("telegram")
    assert await group_exists(bare_bus.redis, subscription) is False

    await bare_bus.redis.xgroup_create(subscription.stream, "audit", mkstream=True)
    assert await group_exists(bare_bus.redis, subscription) is False

    await ensure_group(bare_bus.redis, subscription)
    assert await group_exists(bare_bus.redis, subscription) is True


async def test_a_new_group_gets_entries_published_before_it_existed(bare_bus: Bus):
    await bare_bus.redis.xadd(bare_bus.keys.stream("telegram"), {"e": "early"})
    await ensure_group(bare_bus.redis, bare_bus.keys.subscription("telegram"))

    assert [entry.payload for entry in await bare_bus.reader().read()] == [b"early"]


async def test_only_the_opposite_platforms_group_gets_an_event(bus: Bus):
    await bus.publish(b"from telegram")

    assert await bus.reader("to-telegram-1", source="discord").read() == []
    assert len(await bus.reader("to-discord-1", source="telegram").read()) == 1


async def test_reading_without_a_group_is_a_typed_error_that_cannot_spin(bare_bus: Bus):
    began = time.monotonic()

    with pytest.raises(GroupMissing) as caught:
        await bare_bus.reader(block_ms=2_000).read()

    assert (caught.value.stream, caught.value.group) == bare_bus.keys.subscription("telegram")
    assert time.monotonic() - began >= PAUSE_S * 0.9


async def test_a_reader_goes_on_after_its_group_was_lost_and_recreated(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    reader = bus.reader()
    await bus.publish(b"before")
    assert len(await reader.read()) == 1

    await bus.redis.delete(subscription.stream)
    with pytest.raises(GroupMissing):
        await reader.read()
    await ensure_group(bus.redis, subscription)
    # An older id than the reader has seen: the rebuilt stream need not continue the lost one.
    await bus.redis.xadd(subscription.stream, {"e": "after"}, id="1-1")

    assert [entry.payload for entry in await reader.read()] == [b"after"]


async def test_idle_consumers_are_removed_but_never_one_that_holds_entries(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.publish(b"held")
    assert await bus.reader("to-discord-1").read()
    assert await bus.reader("to-discord-2").read() == []

    assert await remove_idle_consumers(bus.redis, subscription, idle_ms=60_000) == []
    assert await remove_idle_consumers(bus.redis, subscription, idle_ms=0) == ["to-discord-2"]

    assert list((await bus.unacknowledged()).values()) == ["to-discord-1"]
    measured = await measure_lag(bus.redis, subscription)
    assert [consumer.name for consumer in measured.consumers] == ["to-discord-1"]


async def test_removing_consumers_of_a_missing_group_is_a_typed_error(bare_bus: Bus):
    with pytest.raises((GroupMissing, StreamMissing)):
        await remove_idle_consumers(bare_bus.redis, bare_bus.keys.subscription("telegram"))


async def test_groups_and_consumers_may_have_any_names(bus: Bus):
    stream, group = subscription = bus.keys.subscription("telegram")
    await bus.redis.xgroup_create(stream, b"\xff", id="0")
    await bus.publish(b"one")
    consumer: Any = b"\xfe"  # redis-py sends bytes as they are, though its types ask for text
    await bus.redis.xreadgroup(group, consumer, {stream: ">"})

    assert (await measure_lag(bus.redis, subscription)).consumers[0].name == "\\xfe"
    assert (await trim_stream(bus.redis, stream, [group], keep_ms=0)).held_by == "\\xff"
    assert await group_exists(bus.redis, subscription)
    [(entry_id, _)] = await entries_in(bus.redis, stream)
    await bus.redis.xack(stream, group, entry_id)
    assert await remove_idle_consumers(bus.redis, subscription, idle_ms=0) == ["\\xfe"]
