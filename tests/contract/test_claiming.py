"""Claiming: a reader takes over the entries that another consumer left idle."""

import asyncio

import pytest

from bus import (
    Entry,
    GroupMissing,
    GroupPosition,
    Reader,
)
from tests.support.bus_servers import Bus
from tests.support.patience import PATIENCE_S


async def test_a_busy_entry_is_not_claimed(bus: Bus):
    await bus.publish(b"in work")
    await bus.reader("to-discord-1").read()

    assert await bus.reader("to-discord-2").read() == []


async def test_an_idle_entry_is_claimed_with_its_count_of_deliveries(bus: Bus):
    (entry_id,) = await bus.publish(b"one")
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", entry_id)

    (entry,) = await bus.reader("to-discord-2").read()
    assert (entry.id, entry.payload, entry.deliveries) == (entry_id, b"one", 2)
    assert await bus.unacknowledged() == {entry_id: "to-discord-2"}

    await bus.make_idle("to-discord-2", entry_id)
    (entry,) = await bus.reader("to-discord-3").read()
    assert entry.deliveries == 3


async def test_a_consumer_claims_its_own_idle_entries(bus: Bus):
    (entry_id,) = await bus.publish(b"one")
    reader = bus.reader(claim_idle_ms=1_000)
    await reader.read()
    await bus.make_idle("to-discord-1", entry_id)

    again: list[Entry] = []
    async with asyncio.timeout(PATIENCE_S):
        while not again:
            again = await reader.read()

    assert [entry.deliveries for entry in again] == [2]


async def test_not_every_read_looks_for_idle_entries(bus: Bus):
    (entry_id,) = await bus.publish(b"one")
    reader = bus.reader(claim_idle_ms=600_000)
    await reader.read()
    await bus.make_idle("to-discord-1", entry_id)

    assert await reader.read() == []
    assert await bus.reader("to-discord-2").read() != []


async def test_a_backlog_of_idle_entries_leaves_half_of_each_batch_to_new_ones(bus: Bus):
    old = await bus.publish(*[b"old"] * 20)
    await bus.reader("to-discord-1", batch_entries=20).read()
    await bus.make_idle("to-discord-1", *old)
    await bus.publish(*[b"new"] * 4)

    reader = bus.reader("to-discord-2", batch_entries=4)

    assert [entry.payload for entry in await reader.read()] == [b"old", b"old", b"new", b"new"]
    assert [entry.payload for entry in await reader.read()] == [b"old", b"old", b"new", b"new"]


async def test_a_busy_stream_does_not_keep_idle_entries_waiting(bus: Bus):
    idle = await bus.publish(*[b"old"] * 3)
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", *idle)
    reader = bus.reader("to-discord-2", batch_entries=2)

    claimed = []
    for _ in range(4):
        await bus.publish(*[b"new"] * 5)
        claimed += [entry.id for entry in await reader.read() if entry.payload == b"old"]

    assert claimed == idle


async def test_entries_in_work_do_not_hide_the_idle_ones_behind_them(bus: Bus):
    # Redis looks at ten entries for each it may return: with one search from the start each time,
    # thirty entries in work would hide the last one for ever.
    ids = await bus.publish(*[b"in work"] * 30, b"idle")
    await bus.reader("to-discord-1", batch_entries=31).read()
    await bus.make_idle("to-discord-1", ids[-1])
    reader = bus.reader("to-discord-2", batch_entries=2)

    found = [entry.payload for _ in range(5) for entry in await reader.read()]

    assert found == [b"idle"]


async def test_a_renewed_entry_is_not_claimed(bus: Bus):
    ids = await bus.publish(b"long work", b"more")
    slow = bus.reader("to-discord-1")
    await slow.read()
    await bus.make_idle("to-discord-1", *ids)

    assert await slow.renew(ids) == ids

    assert await bus.reader("to-discord-2").read() == []
    assert [entry.deliveries for entry in await bus.reader("to-discord-1").read()] == [2, 2]


async def test_renewing_does_not_take_back_claimed_or_acknowledged_entries(bus: Bus):
    ids = await bus.publish(b"kept", b"claimed", b"settled")
    slow, other = bus.reader("to-discord-1"), bus.reader("to-discord-2")
    await slow.read()
    await bus.make_idle("to-discord-1", ids[1])
    assert [entry.payload for entry in await other.read()] == [b"claimed"]
    await other.acknowledge([ids[2]])

    assert await slow.renew(ids) == [ids[0]]
    assert await bus.unacknowledged() == {ids[0]: "to-discord-1", ids[1]: "to-discord-2"}


async def position(reader: Reader, entry_id: str) -> GroupPosition:
    return (await reader.positions([entry_id]))[entry_id]


async def test_the_position_of_a_group_is_known_whichever_consumer_has_the_entry(bus: Bus):
    first, second, _ = await bus.publish(b"first", b"second", b"third")
    one, other = bus.reader("to-discord-1", batch_entries=2), bus.reader("to-discord-2")
    await one.read()
    [third] = [entry.id for entry in await other.read()]

    assert await position(one, first) is GroupPosition.NEXT
    assert await position(one, second) is GroupPosition.BEHIND
    assert await position(other, third) is GroupPosition.BEHIND

    await one.acknowledge([first])
    assert await position(one, first) is GroupPosition.GONE
    assert await position(one, second) is GroupPosition.NEXT
    assert await position(other, third) is GroupPosition.BEHIND
    await one.acknowledge([second])
    assert await position(other, third) is GroupPosition.NEXT


async def test_what_a_reader_has_in_hand_itself_is_no_earlier_entry(bus: Bus):
    ids = await bus.publish(*[b"any"] * 5)
    one, other = bus.reader("to-discord-1", batch_entries=3), bus.reader("to-discord-2")
    await one.read()
    await other.read()

    assert await one.positions(ids[1:3]) == dict.fromkeys(ids[1:3], GroupPosition.BEHIND)
    assert await one.positions(ids[:3]) == dict.fromkeys(ids[:3], GroupPosition.NEXT)
    assert await other.positions(ids[3:]) == dict.fromkeys(ids[3:], GroupPosition.BEHIND)
    assert await one.positions([ids[0], ids[4]]) == {
        ids[0]: GroupPosition.NEXT,
        ids[4]: GroupPosition.BEHIND,
    }
    await one.acknowledge(ids[:2])
    assert await other.positions(ids[1:]) == {
        ids[1]: GroupPosition.GONE,
        **dict.fromkeys(ids[2:], GroupPosition.NEXT),
    }
    assert await one.positions([]) == {}


async def test_a_recreated_group_delivers_the_remaining_entries_again(bus: Bus):
    reader = bus.reader()
    kept, lost = await bus.publish(b"kept", b"lost")
    await reader.read()
    stream, group = bus.keys.subscription("telegram")
    await bus.redis.xdel(stream, lost)
    await bus.redis.xgroup_destroy(stream, group)

    with pytest.raises(GroupMissing):
        await position(reader, kept)
    await bus.redis.xgroup_create(stream, group, "0")

    assert await position(reader, kept) is GroupPosition.COMING
    assert await position(reader, lost) is GroupPosition.GONE


async def test_acknowledging_or_renewing_nothing_sends_no_command(bare_bus: Bus):
    reader = bare_bus.reader()

    assert await reader.acknowledge([]) == 0
    assert await reader.renew([]) == []
