"""Entry ids and keys are outside input: none of them stops a direction, and none floods one."""

import time

import asyncpg
import pytest

from bus import Client, Source, group_exists
from consumers.cleanup.role import Cleanup
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling.role import Settling
from db import Producer
from tests.support.reconcile import a_pass, opened
from tests.support.settling import Desk, until, xp_payload

LARGEST = "18446744073709551615-18446744073709551615"
HOUR_MS = 3_600_000


async def give_xp(producer: Producer, number: int, *, source: Source = "telegram") -> None:
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=1, source=source, reason="game", entity_id=str(number)
    )


async def published(desk: Desk) -> None:
    async def nothing_pending() -> bool:
        return "pending" not in await desk.statuses()

    await until(nothing_pending, what="the producer marks what it published")


async def arrive(resources: Resources, desk: Desk, xp: int) -> None:
    """Let the relay and the consumer work until the books of Discord hold this much."""
    relay, settling = Relay(resources), Settling("telegram", resources)
    relay._look_for_lost_at = 0.0

    async def arrived() -> bool:
        await relay.step()
        await settling.step()
        return await desk.xp("discord") == xp

    await until(arrived, what=f"{xp} XP on Discord")


async def test_a_stream_that_takes_no_more_ids_goes_on_and_loses_nothing(
    resources: Resources, desk: Desk, producer: Producer
):
    """Entries of a program that only adds to the stream exist nowhere else."""
    stream = desk.keys.stream("telegram")
    await desk.add("telegram", xp_payload(1, entity_id="foreign"))
    await desk.redis.xadd(stream, {"e": xp_payload(1, entity_id="largest")}, id=LARGEST)
    await give_xp(producer, 1)

    await arrive(resources, desk, 3)

    await give_xp(producer, 2)
    await published(desk)
    await Settling("telegram", resources).step()
    assert await desk.xp("discord") == 4
    assert await desk.unacknowledged("telegram") == 0


async def test_a_stream_that_takes_no_more_ids_does_not_hold_up_the_start(
    resources: Resources, settings, community, stop, keys, desk: Desk, producer: Producer
):
    await desk.redis.xadd(keys.stream("telegram"), {"e": b"no event"}, id=LARGEST)

    async with open_resources(settings, community, stop, keys=keys):
        await give_xp(producer, 1)
        await published(desk)

    assert await Settling("telegram", resources).step() == 2
    assert await desk.xp("discord") == 1


async def test_an_entry_in_progress_is_settled_once_although_its_stream_is_recreated(
    resources: Resources, desk: Desk, producer: Producer
):
    settling = Settling("telegram", resources)
    await desk.add("telegram", xp_payload(1, entity_id="foreign"))
    await settling.read()
    await desk.redis.xadd(desk.keys.stream("telegram"), {"e": b"no event"}, id=LARGEST)
    await give_xp(producer, 1)

    await Relay(resources).step()
    await settling.step()
    await arrive(resources, desk, 2)

    assert await desk.unacknowledged("telegram") == 0


async def test_two_relays_recreate_a_stream_once(
    resources: Resources, settings, community, stop, keys, desk: Desk, producer: Producer
):
    await desk.add("telegram", *(xp_payload(1, entity_id=f"f{n}") for n in range(5)))
    await desk.redis.xadd(desk.keys.stream("telegram"), {"e": b"no event"}, id=LARGEST)
    async with open_resources(settings, community, stop, keys=keys) as other:
        await resources.rebuild("telegram")
        length = await desk.stream_length("telegram")
        await other.rebuild("telegram")

    assert await desk.stream_length("telegram") == length == 6


async def test_pages_of_a_pass_find_room_on_a_stream_that_takes_no_more_ids(
    resources: Resources, desk: Desk, producer: Producer
):
    await give_xp(producer, 1)
    await arrive(resources, desk, 1)
    async with opened(resources) as role:
        await desk.redis.xadd(desk.keys.snapshots.stream, {"e": b"no page"}, id=LARGEST)

        report = await a_pass(role, resources.pool)

    assert report.status == "finished"
    assert report.members > 0


async def test_entries_are_buried_although_the_dead_letters_take_no_more_ids(
    resources: Resources, desk: Desk
):
    await desk.redis.xadd(desk.keys.dead, {"e": "x"}, id=LARGEST)
    await desk.add("telegram", b"no event", xp_payload(1))

    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 1
    assert await desk.unacknowledged("telegram") == 0
    assert len(await desk.failures()) == 1


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, -60_000], ids=["ahead", "caught up with"])
async def test_a_backlog_behind_an_id_from_the_future_is_not_published_again(
    resources: Resources, desk: Desk, producer: Producer, pool: asyncpg.Pool, ahead_ms: int
):
    """An id does not tell when its entry was added, neither before its time nor after."""
    first = f"{int(time.time() * 1_000) + ahead_ms}-0"
    stream = desk.keys.stream("telegram")
    await desk.redis.xadd(stream, {"e": xp_payload(1, entity_id="foreign")}, id=first)
    for number in range(20):
        await give_xp(producer, number)
    await published(desk)
    await pool.execute("UPDATE sync_events SET published_at = now() - interval '10 min'")
    rebuild = Rebuild(resources.pool, resources.redis, resources.keys)

    assert [await rebuild.look_for_lost("telegram") for _ in range(3)] == [0, 0, 0]

    await arrive(resources, desk, 21)
    assert await desk.stream_length("telegram") == 21


@pytest.mark.parametrize("place", [LARGEST, "99999999999999-0", "$"])
async def test_a_group_that_was_set_too_far_ahead_gets_its_events(
    resources: Resources, desk: Desk, producer: Producer, place: str
):
    await give_xp(producer, 1)
    await published(desk)
    await desk.redis.xgroup_setid(*desk.keys.subscription("telegram"), place)

    await arrive(resources, desk, 1)
    await give_xp(producer, 2)
    await published(desk)
    await arrive(resources, desk, 2)

    # A group that was set to `$` never gets older entries, so their events are published again.
    assert await desk.stream_length("telegram") == (3 if place == "$" else 2)


async def test_a_group_of_pages_that_was_set_too_far_ahead_is_put_back(
    resources: Resources, desk: Desk, producer: Producer
):
    await give_xp(producer, 1)
    await arrive(resources, desk, 1)
    async with opened(resources):
        await desk.redis.xgroup_setid(*desk.keys.snapshots, LARGEST)
    async with opened(resources) as role:
        assert (await a_pass(role, resources.pool)).status == "finished"


async def taken_by_another_program(redis: Client, key: str) -> None:
    await redis.delete(key)
    await redis.set(key, "another program's")


async def test_a_key_of_another_type_costs_its_own_direction_only(
    resources: Resources, settings, community, stop, keys, desk: Desk, producer: Producer
):
    await taken_by_another_program(desk.redis, keys.stream("telegram"))
    for number in range(3):
        await give_xp(producer, number)
        await give_xp(producer, number, source="discord")
    await producer.close()
    await desk.redis.xtrim(keys.stream("discord"), maxlen=0, approximate=False)
    async with open_resources(settings, community, stop, keys=keys) as resources:
        relay = Relay(resources)
        relay._look_for_lost_at = 0.0
        assert await relay.step() == 3
        await Settling("discord", resources).step()
        await Cleanup(resources).step()
        assert await desk.total_xp("telegram") == 6

        await desk.redis.delete(keys.stream("telegram"))
        await arrive(resources, desk, 3)


async def test_what_cannot_be_published_does_not_starve_the_other_platform(
    resources: Resources, desk: Desk, producer: Producer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("consumers.relay.role.EVENTS_PER_STEP", 2)
    await taken_by_another_program(desk.redis, desk.keys.stream("telegram"))
    for number in range(4):
        await give_xp(producer, number)
    await desk.redis.delete(desk.keys.stream("discord"))
    await give_xp(producer, 1, source="discord")
    await resources.rebuild("discord")

    assert await Relay(resources).step() == 1

    assert await desk.stream_length("discord") == 1


async def test_consumers_may_have_any_names(resources: Resources, desk: Desk):
    stream, group = desk.keys.subscription("telegram")
    await desk.redis.xgroup_createconsumer(stream, group, b"\xff\xfe")
    await desk.redis.xgroup_create(stream, b"\xff", id="0")
    await desk.add("telegram", xp_payload(1))

    await Settling("telegram", resources).step()
    await Cleanup(resources).step()
    await resources.rebuild.look_for_lost("telegram")

    assert await group_exists(desk.redis, desk.keys.subscription("telegram"))
    assert await desk.xp("discord") == 1
