"""Repair: a stream that takes no more entries, or hides some, works again and loses none."""

import asyncio
from typing import Any

import pytest

from bus import (
    GroupMissing,
    StreamMissing,
    measure_lag,
    repair_stream,
)
from bus.entry import ID_MAX
from bus.repair import FIELDS_KEPT_MAX, FIELDS_MOVED_MAX, Repaired
from tests.support.bus_servers import HOUR_MS, Bus, id_at
from tests.support.stream_entries import entries_in


async def test_a_stream_that_takes_no_more_entries_is_recreated_with_its_unfinished_ones(bus: Bus):
    stream, _ = subscription = bus.keys.subscription("telegram")
    [done, in_work] = await bus.publish(b"done", b"in work")
    await bus.redis.xgroup_create(stream, "audit", id="0")
    reader = bus.reader()
    await reader.read()
    await reader.acknowledge([done])
    [unread] = await bus.publish(b"unread")
    await bus.redis.xgroup_setid(stream, "audit", unread)
    await bus.redis.xadd(stream, {"e": "ahead"}, id=id_at(HOUR_MS))
    await bus.redis.xadd(stream, {"a": "1", "e": "last", "b": "2"}, id=ID_MAX)

    assert await repair_stream(bus.redis, subscription) == Repaired(4, group_put_back=False)

    entries = await bus.reader("to-discord-2").read()
    assert [entry.payload for entry in entries] == [b"in work", b"unread", b"ahead", b"last"]
    assert [entry.id for entry in entries[:2]] == [in_work, unread]
    assert (await measure_lag(bus.redis, subscription)).ahead_ms == 0
    assert {info["name"] for info in await bus.redis.xinfo_groups(stream)} == {b"audit", b"discord"}
    *_, (_, fields) = await entries_in(bus.redis, stream)
    assert fields == {b"a": b"1", b"e": b"last", b"b": b"2"}
    await bus.publish(b"goes on")
    assert [entry.payload for entry in await bus.reader().read()] == [b"goes on"]


async def test_a_stream_whose_largest_id_was_deleted_is_recreated_too(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=ID_MAX)
    await bus.redis.xdel(subscription.stream, ID_MAX)

    assert await repair_stream(bus.redis, subscription) == Repaired(0, group_put_back=False)

    assert len(await bus.publish(b"goes on")) == 1


async def test_two_processes_that_repair_a_stream_at_once_recreate_it_once(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=ID_MAX)

    repaired = await asyncio.gather(*(repair_stream(bus.redis, subscription) for _ in range(4)))

    assert sorted(one.moved is None for one in repaired) == [False, True, True, True]
    assert await bus.redis.xlen(subscription.stream) == 1


async def test_a_stream_in_order_is_left_as_it_is(bus: Bus):
    stream, _ = subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(stream, {"e": "ahead"}, id=id_at(HOUR_MS))
    reader = bus.reader()
    await reader.read()

    assert await repair_stream(bus.redis, subscription) == Repaired(None, group_put_back=False)

    assert len(await bus.unacknowledged()) == 1


async def test_a_repair_on_request_gives_the_entries_new_ids(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "ahead"}, id=id_at(HOUR_MS))

    repaired = await repair_stream(bus.redis, subscription, renew_ids=True)

    assert repaired == Repaired(1, group_put_back=False)
    measured = await measure_lag(bus.redis, subscription)
    assert (measured.unread, measured.ahead_ms) == (1, 0)
    assert await repair_stream(bus.redis, subscription, renew_ids=True) == Repaired(
        None, group_put_back=False
    )


async def test_a_stream_with_more_entries_than_one_move_takes_waits_until_some_are_acknowledged(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bus.repair.MOVED_ENTRIES_MAX", 3)
    subscription = bus.keys.subscription("telegram")
    ids = await bus.publish(b"1", b"2", b"3")
    await bus.redis.xadd(subscription.stream, {"e": "4"}, id=ID_MAX)

    assert (await repair_stream(bus.redis, subscription)).waits
    reader = bus.reader()
    await reader.read()
    assert (await repair_stream(bus.redis, subscription)).waits
    await reader.acknowledge(ids[:1])

    assert (await repair_stream(bus.redis, subscription)).moved == 3


@pytest.mark.parametrize("has_event", [True, False])
async def test_an_entry_of_very_many_fields_is_moved_with_its_event_or_its_first_fields(
    bus: Bus, has_event: bool
):
    subscription = bus.keys.subscription("telegram")
    fields: dict[Any, Any] = {f"f{number}": "x" for number in range(FIELDS_MOVED_MAX * 5)}
    if has_event:
        fields["e"] = "the event"
    await bus.redis.xadd(subscription.stream, fields, id=ID_MAX)

    assert (await repair_stream(bus.redis, subscription)).moved == 1

    (entry,) = await bus.reader().read()
    if has_event:
        assert entry.payload == b"the event"
    else:
        assert [name for name, _ in entry.fields] == [
            b"f%d" % number for number in range(FIELDS_KEPT_MAX)
        ]


@pytest.mark.parametrize("place", [ID_MAX, "99999999999999-0"])
async def test_a_group_beyond_the_end_of_its_stream_is_put_back_to_the_start(bus: Bus, place: str):
    subscription = bus.keys.subscription("telegram")
    await bus.publish(b"one")
    await bus.redis.xgroup_setid(*subscription, place)
    await bus.publish(b"two")
    assert await bus.reader().read() == []
    assert (await measure_lag(bus.redis, subscription)).is_beyond_end

    assert await repair_stream(bus.redis, subscription) == Repaired(None, group_put_back=True)

    assert [entry.payload for entry in await bus.reader().read()] == [b"one", b"two"]
    assert not (await measure_lag(bus.redis, subscription)).is_beyond_end


async def test_without_a_group_no_stream_is_repaired(bare_bus: Bus):
    subscription = bare_bus.keys.subscription("telegram")
    with pytest.raises(StreamMissing):
        await repair_stream(bare_bus.redis, subscription)
    await bare_bus.redis.xadd(subscription.stream, {"e": "foreign"}, id=ID_MAX)

    with pytest.raises(GroupMissing):
        await repair_stream(bare_bus.redis, subscription)

    assert await bare_bus.redis.xlen(subscription.stream) == 1
