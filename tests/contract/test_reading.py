"""Reading and acknowledging: an entry is delivered until its group acknowledges it."""

from collections import Counter

import pytest

from tests.support.bus_servers import Bus


async def test_an_acknowledged_entry_never_comes_back(bus: Bus):
    ids = await bus.publish(b"one", b"two")
    await bus.reader().read()

    assert await bus.reader().acknowledge(ids) == 2
    assert await bus.reader().acknowledge(ids) == 0

    assert await bus.reader().read() == []
    assert await bus.unacknowledged() == {}


async def test_an_entry_whose_consumer_died_before_the_acknowledgement_comes_again(bus: Bus):
    await bus.publish(b"one")
    assert [entry.deliveries for entry in await bus.reader().read()] == [1]

    assert [entry.deliveries for entry in await bus.reader().read()] == [2]
    assert [entry.deliveries for entry in await bus.reader().read()] == [3]


async def test_a_restarted_consumer_gets_its_own_entries_before_any_new_one(bus: Bus):
    old = [b"%d" % n for n in range(7)]
    await bus.publish(*old)
    assert len(await bus.reader().read()) == 7
    await bus.publish(b"new")

    reader = bus.reader(batch_entries=3)
    batches = [await reader.read() for _ in range(4)]

    assert [entry.payload for batch in batches[:3] for entry in batch] == old
    assert [entry.payload for entry in batches[3]] == [b"new"]


async def test_a_reader_fetches_its_own_entries_once_and_none_in_work(bus: Bus):
    await bus.publish(b"in work")
    reader = bus.reader()
    assert len(await reader.read()) == 1

    assert await reader.read() == []


async def test_two_readers_of_a_group_share_the_entries(bus: Bus):
    payloads = [b"%d" % n for n in range(200)]
    await bus.publish(*payloads)
    first, second = bus.reader("to-discord-1"), bus.reader("to-discord-2")

    seen = []
    while batch := [*await first.read(), *await second.read()]:
        seen += [entry.payload for entry in batch]

    assert Counter(seen) == Counter(payloads)
    assert set((await bus.unacknowledged()).values()) == {"to-discord-1", "to-discord-2"}


async def test_an_entry_without_the_payload_field_is_delivered_with_its_other_fields(bus: Bus):
    await bus.redis.xadd(bus.keys.stream("telegram"), {"wrong": "field"})
    await bus.publish(b"right")

    wrong, right = await bus.reader().read()

    assert (wrong.payload, wrong.fields) == (None, ((b"wrong", b"field"),))
    assert (right.payload, right.fields) == (b"right", ())
    assert (wrong.payloads, right.payloads) == (0, 1)


@pytest.mark.parametrize("claimed", [False, True])
async def test_no_value_of_a_field_that_stands_twice_is_lost(bus: Bus, claimed: bool):
    """redis-py keeps one value of each field."""
    stream = bus.keys.stream("telegram")
    raw = ["XADD", stream, "*", "e", "first", "n", "1", "n", "2", "e", "second"]
    entry_id: bytes = await bus.redis.execute_command(*raw)
    await bus.redis.execute_command("XADD", stream, "*", "n", "1", "e", "only", "n", "2")
    if claimed:
        one, two = await bus.reader("to-discord-1").read()
        await bus.make_idle("to-discord-1", one.id, two.id)

    twice, once = await bus.reader("to-discord-2").read()

    assert (twice.id, twice.payload, twice.payloads) == (entry_id.decode(), None, 2)
    assert twice.fields == ((b"e", b"first"), (b"n", b"1"), (b"n", b"2"), (b"e", b"second"))
    assert (once.payload, once.fields) == (b"only", ())


async def test_own_entries_that_were_deleted_are_acknowledged_and_counted(bus: Bus):
    ids = await bus.publish(b"one", b"two", b"three")
    await bus.reader().read()
    await bus.redis.xdel(bus.keys.stream("telegram"), ids[0], ids[2])

    reader = bus.reader(batch_entries=2)
    entries = await reader.read()
    assert await reader.read() == []

    assert [entry.payload for entry in entries] == [b"two"]
    assert reader.ghosts == 2
    assert list(await bus.unacknowledged()) == [ids[1]]


async def test_claimed_entries_that_were_deleted_are_acknowledged_and_counted(bus: Bus):
    ids = await bus.publish(b"one", b"two")
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", *ids)
    await bus.redis.xdel(bus.keys.stream("telegram"), ids[0])

    reader = bus.reader("to-discord-2")

    assert [entry.payload for entry in await reader.read()] == [b"two"]
    assert reader.ghosts == 1
    assert list(await bus.unacknowledged()) == [ids[1]]
