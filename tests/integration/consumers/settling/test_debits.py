"""A debit from a foreign program waits for every earlier entry, whichever consumer has it."""

import contextlib
from dataclasses import replace

import msgspec
import pytest

from consumers.runtime.resources import Resources
from consumers.runtime.runner import Deferred
from consumers.settling.poison import ATTEMPTS_MAX, SUSPECT_DELIVERIES
from consumers.settling.role import Settling
from tests.support.settling import Desk, until, xp_payload


@pytest.fixture
def to_discord(resources: Resources) -> Settling:
    return Settling("telegram", resources)


async def test_a_foreign_debit_waits_for_the_credit_that_another_consumer_has_in_progress(
    resources: Resources, desk: Desk
):
    """Delivered side by side, the debit would otherwise come first, be refused and be buried."""
    to_discord = Settling("telegram", _patient(resources))
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    other = Settling("telegram", replace(_patient(resources), lane=2))
    await other.read()
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))

    with pytest.raises(Deferred, match="is still in progress"):
        await to_discord.step()
    assert await desk.failures() == {}

    await other.step()
    assert await to_discord.step() == 1
    assert await desk.xp("discord") == 10
    assert await desk.failures() == {}


async def test_a_foreign_debit_does_not_wait_for_ever_for_a_consumer_that_died(
    resources: Resources, to_discord, desk: Desk
):
    """No other consumer is there to claim the entries of the dead one."""
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    await Settling("telegram", replace(resources, lane=2)).read()
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))

    async def both_are_settled() -> bool:
        with contextlib.suppress(Deferred):
            await to_discord.step()
        return await desk.statuses() == {"completed": 2}

    await until(both_are_settled, what="both are settled")
    assert await desk.xp("discord") == 10


async def test_a_foreign_debit_waits_for_a_credit_in_the_same_hand(to_discord, desk: Desk):
    """An entry that was delivered often is settled alone after the rest, which may need it."""
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    await desk.deliver("telegram", "gone", SUSPECT_DELIVERIES)
    await desk.abandon("telegram")
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))

    with pytest.raises(Deferred):
        await to_discord.step()
    await to_discord.step()

    assert await desk.statuses() == {"completed": 2}
    assert await desk.xp("discord") == 10


async def test_waiting_for_earlier_entries_never_makes_an_event_a_suspect(
    resources: Resources, desk: Desk
):
    """Each wait ends with one more delivery, and no consumer died of any."""
    resources = _patient(resources)
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    other = Settling("telegram", replace(resources, lane=2))
    await other.read()
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))
    for _ in range(SUSPECT_DELIVERIES + ATTEMPTS_MAX):
        to_discord = Settling("telegram", resources)  # it begins with the entries that it let go of
        with pytest.raises(Deferred):
            await to_discord.step()
        await to_discord.step()

    await other.step()
    await Settling("telegram", resources).step()

    assert await desk.statuses() == {"completed": 2}


def _patient(resources: Resources) -> Resources:
    """Return resources with which no entry is idle long enough to be claimed during a test."""
    limits = msgspec.structs.replace(resources.community.consumers, claim_idle_ms=600_000)
    return replace(
        resources, community=msgspec.structs.replace(resources.community, consumers=limits)
    )


async def test_many_waiting_debits_hold_up_others_only_once(resources: Resources, desk: Desk):
    to_discord = Settling("telegram", _patient(resources))
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    await Settling("telegram", replace(resources, lane=2)).read()
    for number in range(10):
        await desk.add("telegram", xp_payload(-5, entity_id=f"debit{number}"))
    await desk.add("telegram", xp_payload(5, entity_id="good", user_id=77))

    with pytest.raises(Deferred):
        await to_discord.step()

    assert await desk.xp("discord", user_id=77) == 5
    assert await to_discord.step() == 10
    assert await to_discord.step() == 0


@pytest.mark.parametrize("lost", ["stream", "group"])
async def test_a_foreign_debit_waits_for_a_credit_that_only_another_consumer_still_has(
    resources: Resources, desk: Desk, lost
):
    """The group that is created again does not know the entries lost with the stream."""
    to_discord = Settling("telegram", _patient(resources))
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    other = Settling("telegram", replace(_patient(resources), lane=2))
    await other.read()
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))
    with pytest.raises(Deferred):
        await to_discord.step()
    stream, group = desk.keys.subscription("telegram")
    if lost == "stream":
        await desk.redis.delete(stream)
    else:
        await desk.redis.xgroup_destroy(stream, group)

    await to_discord.step()  # creates again what is lost
    await desk.add("telegram", xp_payload(7, entity_id="more", user_id=77))

    for _ in range(2):
        with contextlib.suppress(Deferred):
            await to_discord.step()
    assert await desk.xp("discord", user_id=77) == 7, "it holds up others"
    assert await desk.failures() == {}
    await other.step()
    await other.step()
    await to_discord.close()

    assert await desk.failures() == {}
    assert await desk.xp("discord") == 10


async def test_a_foreign_debit_whose_stream_was_lost_is_buried_once_no_consumer_can_have_its_credit(
    to_discord, desk: Desk
):
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))
    await to_discord.read()
    await desk.lose_everything()

    async def is_buried() -> bool:
        with contextlib.suppress(Deferred):
            await to_discord.step()
        return await desk.statuses() == {"failed": 1}

    await until(is_buried, what="the debit is buried")


async def test_a_foreign_debit_that_nothing_before_it_can_cover_is_buried(
    resources: Resources, to_discord, desk: Desk
):
    await desk.add("telegram", xp_payload(-5, entity_id="debit"))
    await to_discord.read()
    await desk.add("telegram", xp_payload(15, entity_id="credit"))
    await Settling("telegram", replace(resources, lane=2)).read()

    await to_discord.step()

    [reason] = (await desk.failures()).values()
    assert reason == "the member has less XP than this would take away: user_id 1001"
