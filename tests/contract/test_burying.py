"""Burying: an entry that cannot be handled is acknowledged, and a copy keeps the reason."""

from typing import Any

import pytest

from bus import (
    DeadLetters,
    GroupMissing,
)
from bus.entry import ID_MAX
from tests.support.bus_servers import Bus, dead_letters
from tests.support.stream_entries import entries_in

#: Redis trims approximately by whole nodes of so many entries.
REDIS_NODE_ENTRIES = 100


async def test_a_buried_entry_is_acknowledged_and_kept_with_the_reason(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    burial = await dead.bury(entry, group="discord", reason="does not decode")

    assert await bus.unacknowledged() == {}
    assert burial is not None
    assert burial.dead_id is not None
    assert burial.why_no_copy is None
    ((dead_id, letter),) = await entries_in(bus.redis, bus.keys.dead)
    assert dead_id.decode() == burial.dead_id
    assert letter == {
        b"stream": entry.stream.encode(),
        b"id": entry.id.encode(),
        b"group": b"discord",
        b"reason": b"does not decode",
        b"deliveries": b"1",
        b"e": b"poison",
    }


async def test_a_buried_entry_without_payload_keeps_its_fields(bus: Bus):
    await bus.redis.xadd(bus.keys.stream("telegram"), {"reason": "mine", "id": "x"})
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    await dead.bury(entry, group="discord", reason="no payload")

    (letter,) = await dead_letters(bus.redis, bus.keys)
    assert b"e" not in letter
    assert (letter[b"raw:reason"], letter[b"raw:id"]) == (b"mine", b"x")
    assert (letter[b"reason"], letter[b"id"]) == (b"no payload", entry.id.encode())


async def test_an_entry_is_buried_once(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    assert await dead.bury(entry, group="discord", reason="first") is not None
    assert await dead.bury(entry, group="discord", reason="second") is None

    assert [one[b"reason"] for one in await dead_letters(bus.redis, bus.keys)] == [b"first"]


@pytest.mark.parametrize("trouble", ["not a stream", "no more ids"])
async def test_an_entry_that_cannot_be_copied_is_acknowledged_all_the_same(bus: Bus, trouble: str):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    if trouble == "no more ids":
        await bus.redis.xadd(bus.keys.dead, {"e": "x"}, id=ID_MAX)
    else:
        await bus.redis.set(bus.keys.dead, trouble)

    burial = await DeadLetters(bus.redis, bus.keys).bury(entry, group="discord", reason="any")

    assert burial is not None
    assert burial.dead_id is None
    assert burial.why_no_copy is not None
    assert burial.why_no_copy.startswith(bus.keys.dead)
    assert await bus.unacknowledged() == {}


async def test_burying_without_a_group_is_a_typed_error_and_leaves_no_dead_letter(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    await bus.redis.xgroup_destroy(*bus.keys.subscription("telegram"))
    dead = DeadLetters(bus.redis, bus.keys)

    with pytest.raises(GroupMissing):
        await dead.bury(entry, group="discord", reason="any")

    assert await dead_letters(bus.redis, bus.keys) == []


async def test_old_dead_letters_make_room_for_new_ones(bus: Bus):
    await bus.publish(*[b"poison"] * 250)
    dead = DeadLetters(bus.redis, bus.keys, entries_max=10)
    for entry in await bus.reader(batch_entries=250).read():
        last = await dead.bury(entry, group="discord", reason="any")

    letters = await entries_in(bus.redis, bus.keys.dead)

    assert last is not None
    assert letters[-1][0].decode() == last.dead_id
    assert 10 <= len(letters) < 10 + REDIS_NODE_ENTRIES


async def test_a_long_reason_is_cut(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    await dead.bury(entry, group="discord", reason="x" * 100_000)

    (letter,) = await dead_letters(bus.redis, bus.keys)
    assert len(letter[b"reason"]) == 1_000


@pytest.mark.parametrize("fields", ["payload", "one field", "many fields"])
async def test_the_mirror_is_bounded_in_bytes_too(bus: Bus, fields: str):
    """Other programs write entries of any size, and the mirror must not fill Redis with them."""
    size = 200_000
    kinds: dict[str, dict[Any, Any]] = {
        "payload": {"e": b"x" * size},
        "one field": {b"n" * size: b"x" * size},
        "many fields": {f"n{number}": b"x" * (size // 10) for number in range(10)},
    }
    for _ in range(12):
        await bus.redis.xadd(bus.keys.stream("telegram"), kinds[fields])
    dead = DeadLetters(bus.redis, bus.keys, bytes_max=5 * 17_000)

    entries = await bus.reader(batch_entries=12).read()
    await dead.bury_all([(entry, "any") for entry in entries], group="discord")

    letters = await dead_letters(bus.redis, bus.keys)
    assert 3 <= len(letters) <= 6
    for letter in letters:
        assert 16_000 <= sum(map(len, (*letter, *letter.values()))) <= 17_000
    if fields == "payload":
        assert letters[0][b"bytes"] == b"%d" % size
    assert await bus.unacknowledged() == {}
