"""What the bus promises, on every server it is said to run on.

`bus` has its groups, `bare_bus` is a server that knows nothing yet. Entries are made idle by hand
(`make_idle`), so that no test waits for a clock.
"""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from bus import (
    BusFull,
    BusUnavailable,
    DeadLetters,
    Entry,
    GroupMissing,
    NotAStream,
    PayloadTooLarge,
    Publisher,
    Standing,
    StreamExhausted,
    StreamMissing,
    ensure_group,
    group_exists,
    measure_lag,
    mend_stream,
    remove_idle_consumers,
    trim_stream,
)
from bus.entry import ID_MAX
from bus.publisher import PAYLOAD_BYTES_MAX
from bus.reader import PAUSE_S
from bus.repair import FIELDS_KEPT_MAX, FIELDS_MOVED_MAX, Mended
from bus.trim import TRIM_ENTRIES_MIN
from tests.support.bus_servers import Bus, Server, open_bus, running

#: Redis trims approximately by whole nodes of so many entries.
REDIS_NODE_ENTRIES = 100
HOUR_MS = 3_600_000
STREAM_LAST_BUT_ONE_ID = "18446744073709551615-18446744073709551614"


@pytest.fixture
async def bus(bare_bus: Bus) -> Bus:
    for subscription in bare_bus.keys.subscriptions:
        await ensure_group(bare_bus.redis, subscription)
    return bare_bus


# Publishing


async def test_a_payload_arrives_unchanged_and_in_order(bus: Bus):
    payloads = [b"\x00\xff binary", "текст".encode(), b"", b"third"]
    ids = await bus.publish(*payloads)

    entries = await bus.reader().read()

    assert [entry.payload for entry in entries] == payloads
    assert [entry.id for entry in entries] == ids
    assert {entry.stream for entry in entries} == {bus.keys.stream("telegram")}
    assert {entry.deliveries for entry in entries} == {1}


async def test_publishing_nothing_asks_nothing(bare_bus: Bus):
    assert await bare_bus.publish() == []


async def test_publishing_to_a_missing_stream_says_so_and_does_not_create_it(bare_bus: Bus):
    with pytest.raises(StreamMissing) as caught:
        await bare_bus.publish(b"one", b"two")

    assert caught.value.stream == bare_bus.keys.stream("telegram")
    assert caught.value.published == (None, None)
    assert await bare_bus.redis.exists(bare_bus.keys.stream("telegram")) == 0


async def test_a_batch_that_went_in_by_half_tells_which_half(bus: Bus):
    # Given a stream that has room for one more id, and then for none
    await bus.redis.xadd(bus.keys.stream("telegram"), {"e": "x"}, id=STREAM_LAST_BUT_ONE_ID)

    with pytest.raises(StreamExhausted) as caught:
        await bus.publish(b"fits", b"does not", b"nor does this")

    assert caught.value.published == (ID_MAX, None, None)
    assert bus.keys.stream("telegram") in str(caught.value)


async def test_a_payload_over_the_limit_stops_its_batch_before_anything_is_sent(bus: Bus):
    with pytest.raises(PayloadTooLarge) as caught:
        await bus.publish(b"fine", b"x" * (PAYLOAD_BYTES_MAX + 1))

    assert caught.value.index == 1
    assert await bus.redis.xlen(bus.keys.stream("telegram")) == 0


async def test_a_key_of_another_type_is_refused_not_retried(bare_bus: Bus):
    await bare_bus.redis.set(bare_bus.keys.stream("telegram"), "not a stream")

    with pytest.raises(NotAStream, match="sync:telegram is not a stream"):
        await bare_bus.publish(b"one")
    with pytest.raises(NotAStream, match="sync:telegram is not a stream"):
        await ensure_group(bare_bus.redis, bare_bus.keys.subscription("telegram"))


# Groups


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


async def test_a_new_group_gets_what_was_published_before_it_existed(bare_bus: Bus):
    await bare_bus.redis.xadd(bare_bus.keys.stream("telegram"), {"e": "early"})
    await ensure_group(bare_bus.redis, bare_bus.keys.subscription("telegram"))

    assert [entry.payload for entry in await bare_bus.reader().read()] == [b"early"]


async def test_only_the_opposite_platform_hears_of_an_event(bus: Bus):
    await bus.publish(b"from telegram")

    assert await bus.reader("to-telegram-1", source="discord").read() == []
    assert len(await bus.reader("to-discord-1", source="telegram").read()) == 1


async def test_reading_without_a_group_is_a_typed_error_that_cannot_spin(bare_bus: Bus):
    began = time.monotonic()

    with pytest.raises(GroupMissing) as caught:
        await bare_bus.reader(block_ms=2_000).read()

    assert (caught.value.stream, caught.value.group) == bare_bus.keys.subscription("telegram")
    assert time.monotonic() - began >= PAUSE_S * 0.9


async def test_a_reader_goes_on_after_its_group_was_lost_and_made_again(bus: Bus):
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


# Reading, acknowledging, coming back


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


async def test_a_reader_fetches_its_own_entries_once_and_not_what_is_in_work(bus: Bus):
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

    assert sorted(seen) == sorted(payloads)
    assert set((await bus.unacknowledged()).values()) == {"to-discord-1", "to-discord-2"}


async def test_an_entry_without_the_payload_field_is_delivered_with_what_it_has(bus: Bus):
    await bus.redis.xadd(bus.keys.stream("telegram"), {"wrong": "field"})
    await bus.publish(b"right")

    wrong, right = await bus.reader().read()

    assert (wrong.payload, wrong.fields) == (None, {b"wrong": b"field"})
    assert (right.payload, right.fields) == (b"right", {})


async def test_own_entries_that_were_deleted_are_settled_and_counted(bus: Bus):
    ids = await bus.publish(b"one", b"two", b"three")
    await bus.reader().read()
    await bus.redis.xdel(bus.keys.stream("telegram"), ids[0], ids[2])

    reader = bus.reader(batch_entries=2)
    entries = await reader.read()
    assert await reader.read() == []

    assert [entry.payload for entry in entries] == [b"two"]
    assert reader.ghosts == 2
    assert list(await bus.unacknowledged()) == [ids[1]]


async def test_claimed_entries_that_were_deleted_are_settled_and_counted(bus: Bus):
    ids = await bus.publish(b"one", b"two")
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", *ids)
    await bus.redis.xdel(bus.keys.stream("telegram"), ids[0])

    reader = bus.reader("to-discord-2")

    assert [entry.payload for entry in await reader.read()] == [b"two"]
    assert reader.ghosts == 1
    assert list(await bus.unacknowledged()) == [ids[1]]


# Claiming


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


async def test_a_consumer_claims_what_it_let_lie_itself(bus: Bus):
    (entry_id,) = await bus.publish(b"one")
    reader = bus.reader(claim_idle_ms=1_000)
    await reader.read()
    await bus.make_idle("to-discord-1", entry_id)

    again: list[Entry] = []
    async with asyncio.timeout(10):
        while not again:
            again = await reader.read()

    assert [entry.deliveries for entry in again] == [2]


async def test_what_is_idle_is_not_looked_for_with_every_read(bus: Bus):
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


async def test_renewed_work_is_not_claimed(bus: Bus):
    ids = await bus.publish(b"long work", b"more")
    slow = bus.reader("to-discord-1")
    await slow.read()
    await bus.make_idle("to-discord-1", *ids)

    assert await slow.renew(ids) == ids

    assert await bus.reader("to-discord-2").read() == []
    assert [entry.deliveries for entry in await bus.reader("to-discord-1").read()] == [2, 2]


async def test_renewing_does_not_take_back_what_was_claimed_or_settled(bus: Bus):
    ids = await bus.publish(b"kept", b"claimed", b"settled")
    slow, other = bus.reader("to-discord-1"), bus.reader("to-discord-2")
    await slow.read()
    await bus.make_idle("to-discord-1", ids[1])
    assert [entry.payload for entry in await other.read()] == [b"claimed"]
    await other.acknowledge([ids[2]])

    assert await slow.renew(ids) == [ids[0]]
    assert await bus.unacknowledged() == {ids[0]: "to-discord-1", ids[1]: "to-discord-2"}


async def test_what_is_handed_back_can_be_claimed_at_once(bus: Bus):
    ids = await bus.publish(b"begun", b"not begun")
    leaving = bus.reader("to-discord-1")
    await leaving.read()

    assert await leaving.hand_back([ids[1]]) == [ids[1]]

    assert [entry.payload for entry in await bus.reader("to-discord-2").read()] == [b"not begun"]


async def test_where_the_group_stands_with_an_entry_is_known_whoever_has_it(bus: Bus):
    first, second, _ = await bus.publish(b"first", b"second", b"third")
    one, other = bus.reader("to-discord-1", batch_entries=2), bus.reader("to-discord-2")
    await one.read()
    [third] = [entry.id for entry in await other.read()]

    assert await one.standing(first) is Standing.NEXT
    assert await one.standing(second) is Standing.BEHIND
    assert await other.standing(third) is Standing.BEHIND

    await one.acknowledge([first])
    assert await one.standing(first) is Standing.GONE
    assert await one.standing(second) is Standing.NEXT
    assert await other.standing(third) is Standing.BEHIND
    await one.acknowledge([second])
    assert await other.standing(third) is Standing.NEXT


async def test_a_group_made_anew_is_known_to_deliver_once_more_what_is_still_there(bus: Bus):
    reader = bus.reader()
    kept, lost = await bus.publish(b"kept", b"lost")
    await reader.read()
    stream, group = bus.keys.subscription("telegram")
    await bus.redis.xdel(stream, lost)
    await bus.redis.xgroup_destroy(stream, group)

    with pytest.raises(GroupMissing):
        await reader.standing(kept)
    await bus.redis.xgroup_create(stream, group, "0")

    assert await reader.standing(kept) is Standing.COMING
    assert await reader.standing(lost) is Standing.GONE


async def test_settling_nothing_asks_nothing(bare_bus: Bus):
    reader = bare_bus.reader()

    assert await reader.acknowledge([]) == 0
    assert await reader.renew([]) == []
    assert await DeadLetters(bare_bus.redis, bare_bus.keys).discard([]) == 0


# Dead letters


async def test_a_buried_entry_is_settled_and_kept_with_the_reason(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    burial = await dead.bury(entry, group="discord", reason="does not decode")

    assert await bus.unacknowledged() == {}
    assert burial is not None
    assert burial.dead_id is not None
    assert burial.why_no_copy is None
    (letter,) = await dead.newest()
    assert letter == await dead.find(burial.dead_id)
    assert (letter.stream, letter.entry_id, letter.group) == (entry.stream, entry.id, "discord")
    assert (letter.reason, letter.deliveries) == ("does not decode", 1)
    assert (letter.payload, letter.fields) == (b"poison", {})
    assert letter.buried_at is not None
    assert abs(letter.buried_at.timestamp() - time.time()) < 60


async def test_a_buried_entry_without_payload_keeps_its_fields(bus: Bus):
    await bus.redis.xadd(bus.keys.stream("telegram"), {"reason": "mine", "id": "x"})
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    await dead.bury(entry, group="discord", reason="no payload")

    (letter,) = await dead.newest()
    assert (letter.payload, letter.fields) == (None, {b"reason": b"mine", b"id": b"x"})
    assert (letter.reason, letter.entry_id) == ("no payload", entry.id)


async def test_an_entry_is_buried_once(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    assert await dead.bury(entry, group="discord", reason="first") is not None
    assert await dead.bury(entry, group="discord", reason="second") is None

    assert [letter.reason for letter in await dead.newest()] == ["first"]


@pytest.mark.parametrize("trouble", ["not a stream", "no more ids"])
async def test_an_entry_of_which_no_copy_can_be_made_is_settled_all_the_same(
    bus: Bus, trouble: str
):
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


async def test_a_dead_letter_whose_id_is_no_time_can_be_read(bus: Bus):
    await bus.redis.xadd(bus.keys.dead, {"e": "x"}, id=ID_MAX)

    (letter,) = await DeadLetters(bus.redis, bus.keys).newest()

    assert letter.buried_at is None


async def test_burying_without_a_group_is_a_typed_error_and_leaves_no_letter(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    await bus.redis.xgroup_destroy(*bus.keys.subscription("telegram"))
    dead = DeadLetters(bus.redis, bus.keys)

    with pytest.raises(GroupMissing):
        await dead.bury(entry, group="discord", reason="any")

    assert await dead.newest() == []


async def test_dead_letters_are_listed_newest_first_and_can_be_discarded(bus: Bus):
    await bus.publish(*[b"%d" % n for n in range(5)])
    dead = DeadLetters(bus.redis, bus.keys)
    for entry in await bus.reader().read():
        await dead.bury(entry, group="discord", reason="any")

    newest = await dead.newest(2)
    assert [letter.payload for letter in newest] == [b"4", b"3"]

    assert await dead.discard([letter.id for letter in newest]) == 2
    assert await dead.find(newest[0].id) is None
    assert len(await dead.newest()) == 3


async def test_old_dead_letters_make_room_for_new_ones(bus: Bus):
    await bus.publish(*[b"poison"] * 250)
    dead = DeadLetters(bus.redis, bus.keys, entries_max=10)
    for entry in await bus.reader(batch_entries=250).read():
        last = await dead.bury(entry, group="discord", reason="any")

    letters = await dead.newest(1_000)

    assert last is not None
    assert letters[0].id == last.dead_id
    assert 10 <= len(letters) < 10 + REDIS_NODE_ENTRIES


async def test_a_long_reason_is_cut(bus: Bus):
    await bus.publish(b"poison")
    (entry,) = await bus.reader().read()
    dead = DeadLetters(bus.redis, bus.keys)

    await dead.bury(entry, group="discord", reason="x" * 100_000)

    assert len((await dead.newest())[0].reason) == 1_000


# Trimming


async def test_trimming_removes_what_is_acknowledged_and_nothing_else(bus: Bus):
    stream = bus.keys.stream("telegram")
    ids = await bus.publish(*[b"%d" % n for n in range(10)])
    reader = bus.reader(batch_entries=6)
    await reader.read()
    await reader.acknowledge([*ids[:3], *ids[4:6]])  # one in the middle is still in work

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    left = [entry_id.decode() for entry_id, _ in await bus.redis.xrange(stream)]
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


async def test_trimming_waits_for_a_group_that_nobody_expected(bus: Bus):
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


async def test_trimming_compares_ids_beyond_what_lua_numbers_can_tell_apart(bus: Bus):
    stream = bus.keys.stream("telegram")
    ids = [f"1000-{2**53 + n}" for n in range(3)]
    for entry_id in ids:
        await bus.redis.xadd(stream, {"e": "x"}, id=entry_id)
    reader = bus.reader()
    await reader.read()
    # As numbers of Lua, the places of the two groups would be the same.
    await bus.redis.xgroup_create(stream, "audit", id=ids[1])

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0)

    assert (trimmed.removed, trimmed.floor, trimmed.held_by) == (0, ids[0], "discord")


async def test_one_step_of_trimming_is_bounded(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.publish(*[b"x"] * (2 * TRIM_ENTRIES_MIN + 1))
    reader = bus.reader(batch_entries=10_000)
    await reader.acknowledge([entry.id for entry in await reader.read()])

    removed = []
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


# Lag


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


# Ids that a sender chose


def id_at(ahead_ms: int) -> str:
    return f"{int(time.time() * 1_000) + ahead_ms}-0"


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


async def test_a_stream_that_takes_no_more_is_made_anew_with_all_that_is_unfinished(bus: Bus):
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

    assert await mend_stream(bus.redis, subscription) == Mended(4, group_put_back=False)

    entries = await bus.reader("to-discord-2").read()
    assert [entry.payload for entry in entries] == [b"in work", b"unread", b"ahead", b"last"]
    assert [entry.id for entry in entries[:2]] == [in_work, unread]
    assert (await measure_lag(bus.redis, subscription)).ahead_ms == 0
    assert {info["name"] for info in await bus.redis.xinfo_groups(stream)} == {b"audit", b"discord"}
    [(_, fields)] = await bus.redis.xrevrange(stream, count=1)
    assert fields == {b"a": b"1", b"e": b"last", b"b": b"2"}
    await bus.publish(b"goes on")
    assert [entry.payload for entry in await bus.reader().read()] == [b"goes on"]


async def test_a_stream_whose_largest_id_was_deleted_is_made_anew_too(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=ID_MAX)
    await bus.redis.xdel(subscription.stream, ID_MAX)

    assert await mend_stream(bus.redis, subscription) == Mended(0, group_put_back=False)

    assert len(await bus.publish(b"goes on")) == 1


async def test_two_that_mend_a_stream_at_once_make_it_anew_once(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "x"}, id=ID_MAX)

    mended = await asyncio.gather(*(mend_stream(bus.redis, subscription) for _ in range(4)))

    assert sorted(one.moved is None for one in mended) == [False, True, True, True]
    assert await bus.redis.xlen(subscription.stream) == 1


async def test_a_stream_in_order_is_left_as_it_is(bus: Bus):
    stream, _ = subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(stream, {"e": "ahead"}, id=id_at(HOUR_MS))
    reader = bus.reader()
    await reader.read()

    assert await mend_stream(bus.redis, subscription) == Mended(None, group_put_back=False)

    assert len(await bus.unacknowledged()) == 1


async def test_an_operator_can_have_a_stream_get_new_ids(bus: Bus):
    subscription = bus.keys.subscription("telegram")
    await bus.redis.xadd(subscription.stream, {"e": "ahead"}, id=id_at(HOUR_MS))

    mended = await mend_stream(bus.redis, subscription, renew_ids=True)

    assert mended == Mended(1, group_put_back=False)
    measured = await measure_lag(bus.redis, subscription)
    assert (measured.unread, measured.ahead_ms) == (1, 0)
    assert await mend_stream(bus.redis, subscription, renew_ids=True) == Mended(
        None, group_put_back=False
    )


async def test_more_than_can_be_moved_in_one_step_is_settled_first(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bus.repair.MOVED_ENTRIES_MAX", 3)
    subscription = bus.keys.subscription("telegram")
    ids = await bus.publish(b"1", b"2", b"3")
    await bus.redis.xadd(subscription.stream, {"e": "4"}, id=ID_MAX)

    assert (await mend_stream(bus.redis, subscription)).waits
    reader = bus.reader()
    await reader.read()
    assert (await mend_stream(bus.redis, subscription)).waits
    await reader.acknowledge(ids[:1])

    assert (await mend_stream(bus.redis, subscription)).moved == 3


@pytest.mark.parametrize("has_event", [True, False])
async def test_an_entry_of_very_many_fields_is_moved_with_what_counts(bus: Bus, has_event: bool):
    subscription = bus.keys.subscription("telegram")
    fields = {f"f{number}": "x" for number in range(FIELDS_MOVED_MAX * 5)}
    if has_event:
        fields["e"] = "the event"
    await bus.redis.xadd(subscription.stream, fields, id=ID_MAX)

    assert (await mend_stream(bus.redis, subscription)).moved == 1

    (entry,) = await bus.reader().read()
    if has_event:
        assert entry.payload == b"the event"
    else:
        assert list(entry.fields) == [b"f%d" % number for number in range(FIELDS_KEPT_MAX)]


@pytest.mark.parametrize("place", [ID_MAX, "99999999999999-0"])
async def test_a_group_beyond_the_end_of_its_stream_is_put_back_to_the_start(bus: Bus, place: str):
    subscription = bus.keys.subscription("telegram")
    await bus.publish(b"one")
    await bus.redis.xgroup_setid(*subscription, place)
    await bus.publish(b"two")
    assert await bus.reader().read() == []
    assert (await measure_lag(bus.redis, subscription)).is_beyond_end

    assert await mend_stream(bus.redis, subscription) == Mended(None, group_put_back=True)

    assert [entry.payload for entry in await bus.reader().read()] == [b"one", b"two"]
    assert not (await measure_lag(bus.redis, subscription)).is_beyond_end


async def test_without_a_group_nothing_is_mended(bare_bus: Bus):
    subscription = bare_bus.keys.subscription("telegram")
    with pytest.raises(StreamMissing):
        await mend_stream(bare_bus.redis, subscription)
    await bare_bus.redis.xadd(subscription.stream, {"e": "foreign"}, id=ID_MAX)

    with pytest.raises(GroupMissing):
        await mend_stream(bare_bus.redis, subscription)

    assert await bare_bus.redis.xlen(subscription.stream) == 1


async def test_what_is_finished_is_trimmed_up_to_the_entry_from_the_future(bus: Bus):
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


async def test_what_the_caller_calls_old_is_kept_while_it_is_unfinished(bus: Bus):
    stream = bus.keys.stream("telegram")
    await bus.redis.xadd(stream, {"e": "ahead"}, id=id_at(HOUR_MS))
    await bus.publish(b"last")
    await bus.reader().read()

    trimmed = await trim_stream(bus.redis, stream, ["discord"], keep_ms=0, old_id=ID_MAX)

    assert (trimmed.removed, trimmed.held_by) == (0, "discord")


async def test_groups_and_consumers_may_have_any_names(bus: Bus):
    stream, group = subscription = bus.keys.subscription("telegram")
    await bus.redis.xgroup_create(stream, b"\xff", id="0")
    await bus.publish(b"one")
    await bus.redis.xreadgroup(group, b"\xfe", {stream: ">"})

    assert (await measure_lag(bus.redis, subscription)).consumers[0].name == "\\xfe"
    assert (await trim_stream(bus.redis, stream, [group], keep_ms=0)).held_by == "\\xff"
    assert await group_exists(bus.redis, subscription)
    [(entry_id, _)] = await bus.redis.xrange(stream)
    await bus.redis.xack(stream, group, entry_id)
    assert await remove_idle_consumers(bus.redis, subscription, idle_ms=0) == ["\\xfe"]


# Waiting


async def test_waiting_for_entries_takes_time_on_every_server(bus: Bus):
    began = time.monotonic()

    assert await bus.reader(block_ms=80).read() == []

    assert time.monotonic() - began >= 0.04


async def test_a_waiting_reader_wakes_when_an_entry_is_published(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    reader = bus.reader(block_ms=5_000)
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus))
    began = time.monotonic()

    await bus.publish(b"wake up")

    assert [entry.payload for entry in await waiting] == [b"wake up"]
    assert time.monotonic() - began < 1


async def test_claimed_entries_are_not_kept_waiting_for_new_ones(bus: Bus):
    (entry_id,) = await bus.publish(b"old")
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", entry_id)
    began = time.monotonic()

    assert len(await bus.reader("to-discord-2", block_ms=5_000).read()) == 1

    assert time.monotonic() - began < 1


async def test_a_waiting_reader_does_not_hold_up_acknowledgements(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    ids = await bus.publish(b"one")
    reader = bus.reader(block_ms=5_000)
    await reader.read()
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus))

    assert await asyncio.wait_for(reader.acknowledge(ids), 1) == 1

    await bus.publish(b"end")
    await waiting


async def test_a_cancelled_read_loses_nothing(bus: Bus, until):
    reader = bus.reader(block_ms=5_000)
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus) if bus.server.blocks else has_read(bus))

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await bus.publish(b"one")

    assert [entry.payload for entry in await reader.read()] == [b"one"]


async def test_a_stream_deleted_under_a_waiting_reader_is_a_typed_error(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    waiting = asyncio.create_task(bus.reader(block_ms=5_000).read())
    await until(lambda: is_blocked(bus))

    await bus.redis.delete(bus.keys.stream("telegram"))

    with pytest.raises(GroupMissing):
        await waiting


async def test_a_read_cancelled_at_any_step_stops_and_loses_nothing(topology: Server):
    # redis-py and Python 3.11 between them swallow a cancellation at some of these steps.
    async with open_bus(topology) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        reader = bus.reader(block_ms=5)
        for steps in range(60):
            await bus.disconnect_reading()
            (entry_id,) = await bus.publish(b"one")
            reading = asyncio.create_task(reader.read())
            for _ in range(steps):
                await asyncio.sleep(0)
            if reading.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await reading
                seen = await reader.read()
            else:
                seen = reading.result()
            assert [entry.id for entry in seen] == [entry_id], f"cancelled after {steps} steps"
            await reader.acknowledge([entry_id])


async def has_read(bus: Bus) -> bool:
    return bool(await bus.redis.xinfo_consumers(*bus.keys.subscription("telegram")))


async def is_blocked(bus: Bus) -> bool:
    return await bus.blocked_clients() > 0


# A foreign bot's client


async def test_a_client_that_decodes_its_replies_can_publish(bus: Bus, server: Server):
    if server.url is None or not server.url.startswith("redis://"):
        pytest.skip("a foreign client is one that redis-py makes from a URL of its own")
    async with Redis.from_url(server.url, decode_responses=True) as foreign:
        ids = await Publisher(foreign, bus.keys).publish("telegram", [b"\xff raw"])

    assert [(entry.id, entry.payload) for entry in await bus.reader().read()] == [
        (ids[0], b"\xff raw")
    ]


# Broken connections, restarts and full memory, on real servers


async def test_a_lost_answer_to_publish_is_an_error_and_not_a_second_entry(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    proxy.swallow_answer_to(b"XADD")

    with pytest.raises(BusUnavailable) as caught:
        await bus.publish(b"one")

    assert caught.value.published == (None,)
    assert await bus.redis.xlen(bus.keys.stream("telegram")) == 1


async def test_entries_of_a_lost_answer_come_with_the_next_read(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    reader = bus.reader()
    await bus.publish(b"in work")
    assert len(await reader.read()) == 1
    await bus.publish(b"lost on the way")
    proxy.swallow_answer_to(b"$1\r\n>")

    with pytest.raises(BusUnavailable):
        await reader.read()

    # ... and what the caller has in hand does not come along
    assert [(entry.payload, entry.deliveries) for entry in await reader.read()] == [
        (b"lost on the way", 2)
    ]


async def test_a_reader_forgets_its_place_in_a_stream_that_was_lost(proxied):
    # Given a rebuilt stream whose ids are lower than what the reader saw in the lost one
    proxy, bus = proxied
    subscription = bus.keys.subscription("telegram")
    await ensure_group(bus.redis, subscription)
    reader = bus.reader()
    await bus.publish(b"before")
    await reader.read()
    await bus.redis.delete(subscription.stream)
    with pytest.raises(GroupMissing):
        await reader.read()
    await ensure_group(bus.redis, subscription)
    assert await reader.read() == []
    await bus.redis.xadd(subscription.stream, {"e": "after"}, id="1-1")

    # When the first delivery from it is lost on the way
    proxy.swallow_answer_to(b"$1\r\n>")
    with pytest.raises(BusUnavailable):
        await reader.read()

    assert [entry.payload for entry in await reader.read()] == [b"after"]


async def test_entries_delivered_to_a_read_in_the_moment_of_its_cancelling_come_again(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    await bus.publish(b"one")
    reader = bus.reader()
    proxy.swallow_answer_to(b"$1\r\n>", cut=False)
    reading = asyncio.create_task(reader.read())
    await asyncio.wait_for(proxy.swallowed.wait(), 5)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert [entry.payload for entry in await reader.read()] == [b"one"]


async def test_a_full_redis_takes_nothing_and_loses_nothing(real_server: Server):
    async with open_bus(real_server) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        await bus.publish(b"poison")
        (entry,) = await bus.reader().read()
        await bus.redis.config_set("maxmemory", 1)
        try:
            with pytest.raises(BusFull) as caught:
                await bus.publish(b"one", b"two")
            # Only what leaves a full Redis makes room in it, so no copy keeps an entry there.
            burial = await DeadLetters(bus.redis, bus.keys).bury(
                entry, group="discord", reason="any"
            )
        finally:
            await bus.redis.config_set("maxmemory", 0)

        assert caught.value.published == (None, None)
        assert burial is not None
        assert burial.dead_id is None
        assert await bus.unacknowledged() == {}


@pytest.mark.parametrize("binary", ["valkey_binary", "redis_binary"])
async def test_a_server_that_comes_back_empty_is_unavailable_first_and_then_needs_its_groups(
    binary: str, request: pytest.FixtureRequest, tmp_path
):
    path = request.getfixturevalue(binary)
    with running(path, tmp_path) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        async with open_bus(Server("restarted", url), prefix="restart:") as bus:
            await ensure_group(bus.redis, bus.keys.subscription("telegram"))
            reader = bus.reader()
            await bus.publish(b"before")
            await reader.read()

            await bus.redis.shutdown(nosave=True)
            with pytest.raises(BusUnavailable):
                await reader.read()
            with pytest.raises(BusUnavailable):
                await bus.publish(b"meanwhile")

            with running(path, tmp_path, port):
                with pytest.raises(StreamMissing):
                    await bus.publish(b"after")
                with pytest.raises(GroupMissing):
                    await reader.read()
                await ensure_group(bus.redis, bus.keys.subscription("telegram"))
                await bus.publish(b"after")
                assert [entry.payload for entry in await reader.read()] == [b"after"]
