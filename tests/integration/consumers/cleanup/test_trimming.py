"""Trimming removes entries that every group has settled, and keeps those that a group needs."""

import asyncio
import time

import msgspec
import pytest
from structlog.testing import capture_logs

from bus import Client, ensure_group
from config import Community
from consumers.cleanup import role as cleanup
from consumers.cleanup.role import Cleanup
from consumers.runtime.resources import Resources, open_resources
from consumers.settling.role import Settling
from db.ledger import delivery_attempts
from db.links import offers
from tests.support.patience import PATIENCE_S
from tests.support.settling import Desk, until, xp_payload


@pytest.fixture
def community(community: Community) -> Community:
    """Nothing is kept for people to look at."""
    limits = msgspec.structs.replace(community.consumers, keep_finished_ms=0)
    return msgspec.structs.replace(community, consumers=limits)


async def test_settled_entries_are_trimmed_and_logged(resources: Resources, desk: Desk):
    await desk.add("telegram", *(xp_payload(1, entity_id=str(number)) for number in range(20)))
    await Settling("telegram", resources).step()

    with capture_logs() as logs:
        assert await Cleanup(resources).step() > 0

    # Redis keeps the last one: the group's place is the floor.
    assert await desk.stream_length("telegram") <= 1
    [told] = [line for line in logs if line["event"] == "stream.trimmed"]
    assert told["removed"] + told["left"] == 20


async def test_entries_that_are_not_settled_are_never_trimmed(resources: Resources, desk: Desk):
    """Neither unread entries nor those of a dead consumer, although `keep_finished_ms` is 0."""
    stream, group = desk.keys.subscription("telegram")
    await desk.add("telegram", *(xp_payload(1, entity_id=str(number)) for number in range(4)))
    await desk.redis.xreadgroup(group, "to-discord-9", {stream: ">"}, count=2)

    await Cleanup(resources).step()

    assert await desk.stream_length("telegram") == 4
    settling = Settling("telegram", resources)
    async with asyncio.timeout(PATIENCE_S):
        while await desk.xp("discord") < 4:
            await settling.step()


async def test_finished_entries_stay_for_a_while_to_be_looked_at(
    settings, community: Community, stop, keys, desk: Desk
):
    limits = msgspec.structs.replace(community.consumers, keep_finished_ms=600_000)
    community = msgspec.structs.replace(community, consumers=limits)
    async with open_resources(settings, community, stop, keys=keys) as resources:
        await desk.add("telegram", xp_payload(1, entity_id="1"), xp_payload(1, entity_id="2"))
        await Settling("telegram", resources).step()

        assert await Cleanup(resources).step() == 0

    assert await desk.stream_length("telegram") == 2


async def test_finished_entries_with_ids_from_the_future_are_trimmed_in_time(
    settings, community: Community, stop, keys, desk: Desk
):
    """A clock that was ahead for a while gives such ids; the entries must not stay for as long."""
    limits = msgspec.structs.replace(community.consumers, keep_finished_ms=1_000)
    community = msgspec.structs.replace(community, consumers=limits)
    ahead = f"{int(time.time() * 1_000) + 3 * 3_600_000}-0"
    await desk.redis.xadd(keys.stream("telegram"), {"e": xp_payload(1, entity_id="0")}, id=ahead)
    async with open_resources(settings, community, stop, keys=keys) as resources:
        await desk.add("telegram", *(xp_payload(1, entity_id=str(n)) for n in range(1, 5)))
        await Settling("telegram", resources).step()
        role = Cleanup(resources)

        with capture_logs() as logs:
            assert await role.step() == 0

            async def trimmed() -> bool:
                await role.step()
                return await desk.stream_length("telegram") == 1

            await until(trimmed, what="entries that were seen a second ago are trimmed")

    told = [line["why"] for line in logs if line["event"] == "stream.postdated"]
    assert len(told) == 1
    assert "has ids 2 hours ahead of the Redis clock" in told[0]


async def test_a_stream_without_its_group_is_left_alone_and_logged_once(
    resources: Resources, desk: Desk
):
    """Its entries may be unread: a group that is created again reads them."""
    subscription = desk.keys.subscription("telegram")
    await desk.add("telegram", xp_payload(1))
    await desk.redis.xgroup_destroy(*subscription)
    role = Cleanup(resources)

    with capture_logs() as logs:
        for _ in range(3):
            assert await role.step() == 0
    told = [line for line in logs if line["event"] == "stream.not_trimmed"]
    assert len(told) == 1
    assert await desk.stream_length("telegram") == 1

    await ensure_group(desk.redis, subscription)
    await role.step()
    await desk.redis.xgroup_destroy(*subscription)
    with capture_logs() as logs:
        await role.step()
    assert [line["event"] for line in logs] == ["stream.not_trimmed"]


async def test_a_missing_stream_does_not_stop_the_trimming_of_others(
    resources: Resources, desk: Desk
):
    await desk.redis.delete(desk.keys.stream("telegram"))
    payloads = [xp_payload(1, source="discord", entity_id=str(number)) for number in range(3)]
    await desk.add("discord", *payloads)
    await Settling("discord", resources).step()

    assert await Cleanup(resources).step() == 2

    assert not await desk.redis.exists(desk.keys.stream("telegram"))


async def test_a_group_of_another_program_that_stops_the_trimming_is_named_once(
    resources: Resources, desk: Desk
):
    stream, _ = desk.keys.subscription("telegram")
    await desk.redis.xgroup_create(stream, "audit", id="0")
    await desk.add("telegram", *(xp_payload(1, entity_id=str(number)) for number in range(3)))
    await Settling("telegram", resources).step()
    role = Cleanup(resources)

    with capture_logs() as logs:
        for _ in range(3):
            await role.step()
    [told] = [line for line in logs if line["event"] == "stream.held"]
    assert (told["stream"], told["held_by"], told["log_level"]) == (stream, "audit", "warning")
    assert await desk.stream_length("telegram") == 3

    await desk.redis.xgroup_destroy(stream, "audit")
    with capture_logs() as logs:
        for _ in range(2):
            await role.step()
    assert [line["event"] for line in logs if line["event"].startswith("stream.")] == [
        "stream.released",
        "stream.trimmed",
    ]


async def test_idle_consumers_are_removed_unless_they_hold_entries(
    resources: Resources, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cleanup, "CONSUMER_IDLE_S", 0)
    stream, group = desk.keys.subscription("telegram")
    await desk.redis.xgroup_createconsumer(stream, group, "to-discord-7")
    await desk.add("telegram", xp_payload(1))
    await desk.redis.xreadgroup(group, "to-discord-9", {stream: ">"})

    with capture_logs() as logs:
        await Cleanup(resources).step()

    assert await consumers_of(desk.redis, stream, group) == ["to-discord-9"]
    [told] = [line for line in logs if line["event"] == "consumers.removed"]
    assert told["names"] == ["to-discord-7"]


async def test_old_attempts_are_forgotten(resources: Resources, desk: Desk):
    async with resources.pool.acquire() as conn:
        for entry_id in ("1-0", "2-0"):
            await delivery_attempts.count_attempt(conn, "stream", entry_id)
    await desk.pool.execute(
        "UPDATE entry_attempts SET first_at = now() - interval '8 days' WHERE entry_id = '1-0'"
    )

    assert await Cleanup(resources).step() == 1

    assert await desk.pool.fetchval("SELECT array_agg(entry_id) FROM entry_attempts") == ["2-0"]


async def test_old_offers_of_links_are_removed(resources: Resources, desk: Desk):
    async with resources.pool.acquire() as conn:
        await offers.start(conn, "telegram", 1001)
        await offers.start(conn, "telegram", 1002)
    await desk.pool.execute(
        "UPDATE link_offers SET created_at = now() - interval '31 days' WHERE account_id = 1001"
    )

    assert await Cleanup(resources).step() == 1

    assert await desk.pool.fetchval("SELECT array_agg(account_id) FROM link_offers") == [1002]


async def consumers_of(redis: Client, stream: str, group: str) -> list[str]:
    return [info["name"].decode() for info in await redis.xinfo_consumers(stream, group)]
