"""Trimming: only entries that every group has acknowledged are removed."""

import pytest

from bus import (
    GroupMissing,
    StreamMissing,
    trim_stream,
)
from bus.entry import ID_MAX
from bus.trim import TRIM_ENTRIES_MIN
from tests.support.bus_servers import HOUR_MS, Bus, id_at
from tests.support.stream_entries import entries_in


async def test_trimming_removes_acknowledged_entries_and_no_others(bus: Bus):
    stream = bus.keys.stream("telegram")
    ids = await bus.publish(*[b"%d" % n for n in range(10)])
    reader = bus.reader(batch_entries=6)
    await reader.read()
    await reader.acknowledge([*ids[:3], *ids[4:6]])  # the entry in the middle is still in work

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    left = [entry_id.decode() for entry_id, _ in await entries_in(bus.redis, stream)]
    assert left == ids[3:]
    assert (trimmed.removed, trimmed.left, trimmed.floor) == (3, 7, ids[3])
    assert trimmed.held_by == "discord"


async def test_trimming_leaves_unread_entries_alone(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.publish(*[b"unread"] * 10)

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    assert (trimmed.removed, trimmed.left) == (0, 10)


async def test_trimming_refuses_while_an_expected_group_is_missing(bus: Bus):
    stream = bus.keys.stream("telegram")
    reader = bus.reader()
    ids = await bus.publish(*[b"read by one"] * 5)
    await reader.read()
    await reader.acknowledge(ids)

    with pytest.raises(GroupMissing) as caught:
        await trim_stream(bus.redis, stream, ["discord", "audit"], keep_ms=0)

    assert caught.value.group == "audit"
    assert await bus.redis.xlen(stream) == 5


async def test_trimming_waits_for_an_unexpected_group_as_well(bus: Bus):
    stream = bus.keys.stream("telegram")
    reader = bus.reader()
    ids = await bus.publish(*[b"any"] * 5)
    await reader.read()
    await reader.acknowledge(ids)
    await bus.redis.xgroup_create(stream, "audit", id=ids[1])

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    assert (trimmed.removed, trimmed.held_by) == (1, "audit")


async def test_trimming_keeps_recent_entries(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.redis.xadd(stream, {"e": "ancient"}, id="1000-0")
    await bus.publish(b"recent", b"last")
    reader = bus.reader()
    await reader.acknowledge([entry.id for entry in await reader.read()])

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=3_600_000)

    assert (trimmed.removed, trimmed.left, trimmed.held_by) == (1, 2, None)


async def test_trimming_compares_ids_that_lua_numbers_cannot_tell_apart(bus: Bus):
    stream = bus.keys.stream("telegram")
    ids = [f"1000-{2**53 + n}" for n in range(3)]
    for entry_id in ids:
        await bus.redis.xadd(stream, {"e": "x"}, id=entry_id)
    reader = bus.reader()
    await reader.read()
    # As numbers of Lua, the positions of the two groups would be equal.
    await bus.redis.xgroup_create(stream, "audit", id=ids[1])

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    assert (trimmed.removed, trimmed.floor, trimmed.held_by) == (0, ids[0], "discord")


async def test_one_step_of_trimming_is_bounded(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.publish(*[b"x"] * (2 * TRIM_ENTRIES_MIN + 1))
    reader = bus.reader(batch_entries=10_000)
    await reader.acknowledge([entry.id for entry in await reader.read()])

    removed: list[int] = []
    while not removed or removed[-1]:
        step = await trim_stream(
            bus.redis, stream, ["discord"], keep_ms=0, entries_max=TRIM_ENTRIES_MIN
        )
        removed.append(step.removed)

    assert max(removed) <= TRIM_ENTRIES_MIN
    assert step.left == 1  # the last delivered entry itself


async def test_trimming_a_missing_stream_or_for_no_group_is_refused(bare_bus: Bus):
    stream = bare_bus.keys.stream("telegram")

    with pytest.raises(StreamMissing):
        await trim_stream(bare_bus.redis, stream, ["discord"])
    with pytest.raises(ValueError, match="every group"):
        await trim_stream(bare_bus.redis, stream, [])
    with pytest.raises(ValueError, match="entries_max"):
        await trim_stream(bare_bus.redis, stream, ["discord"], entries_max=1)


async def test_finished_entries_are_trimmed_up_to_the_entry_from_the_future(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.redis.xadd(stream, {"e": "ancient"}, id="1000-0")
    ahead = id_at(HOUR_MS)
    await bus.redis.xadd(stream, {"e": "ahead"}, id=ahead)
    await bus.publish(b"last")
    reader = bus.reader()
    await reader.acknowledge([entry.id for entry in await reader.read()])

    first = await trim_stream(bus.redis, stream, ["discord"], keep_ms=HOUR_MS)
    assert (first.removed, first.left, first.held_by) == (1, 2, None)
    assert first.ahead_ms > 0

    # The caller has waited for as long as finished entries are kept.
    second = await trim_stream(bus.redis, stream, ["discord"], keep_ms=HOUR_MS, old_id=first.newest)
    assert (second.removed, second.left) == (1, 1)


async def test_an_old_entry_is_kept_while_it_is_unfinished(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.redis.xadd(stream, {"e": "ahead"}, id=id_at(HOUR_MS))
    await bus.publish(b"last")
    await bus.reader().read()

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0, old_id=ID_MAX)

    assert (trimmed.removed, trimmed.held_by) == (0, "discord")


async def test_the_group_of_another_program_is_named_if_it_needs_more_than_ours(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.redis.xgroup_create(stream, "audit", id="0")
    ids = await bus.publish(*[b"any"] * 4)
    reader = bus.reader()
    await reader.acknowledge([entry.id for entry in await reader.read()])

    held = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)
    assert (held.removed, held.held_by, held.floor) == (0, "audit", "0-0")

    await bus.redis.xgroup_setid(stream, "audit", ids[-1])
    free = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)
    assert (free.removed, free.held_by) == (3, "discord")
