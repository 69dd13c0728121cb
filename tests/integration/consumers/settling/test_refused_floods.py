"""Many refused events cost about what as many good ones do, and hold up no honest one."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from consumers.runtime.resources import Resources
from consumers.runtime.runner import Deferred
from consumers.settling.role import Settling
from tests.support.counted_statements import CountingPool
from tests.support.settling import Desk, edited, until, xp_payload
from tests.support.variants import variants

#: Statements that a batch of one refused event takes, and a batch of eighty.
STATEMENTS_MAX = 60
EVENTS = 80


class Counted:
    """A consumer whose statements are counted."""

    def __init__(self, resources: Resources) -> None:
        self.pool = CountingPool(resources.pool)
        counted: Any = self.pool
        self.role = Settling("telegram", replace(resources, pool=counted))


@pytest.fixture
def counted(resources: Resources) -> Counted:
    return Counted(resources)


def overdraft(number: int) -> bytes:
    return xp_payload(-1, entity_id=f"o{number}", user_id=2_000 + number % 7)


def reserved(number: int) -> bytes:
    return xp_payload(1, entity_id=f"r{number}", reason="reconcile")


def of_another(number: int) -> bytes:
    """An event with the key of another member's event."""
    key = f"tg_game_guess_{3_000 + number}_1"
    return edited(xp_payload(1, user_id=4_000 + number), idempotency_key=key)


def conflict(number: int) -> bytes:
    """The second event with a key; the first one is settled before the flood."""
    return edited(xp_payload(1, entity_id=f"c{number}"), delta_xp=2)


def no_event(number: int) -> bytes:
    return b"no event %d" % number


def unreadable(number: int) -> bytes:
    """It claims a key, so the record is asked whose it is."""
    return edited(xp_payload(1, entity_id=f"v{number}"), v=99)


def elsewhere(number: int) -> bytes:
    """An event with the key of an event that Discord recorded."""
    return edited(xp_payload(1, entity_id=f"e{number}"), idempotency_key=f"elsewhere.{number}")


FLOODS = (overdraft, reserved, of_another, conflict, no_event, unreadable, elsewhere)


async def prepare(desk: Desk, resources: Resources, flood: Callable[[int], bytes]) -> None:
    """Settle what a flood refers to."""
    if flood is conflict:
        await desk.add("telegram", *(xp_payload(1, entity_id=f"c{n}") for n in range(EVENTS)))
        await Settling("telegram", resources).step()
    if flood is elsewhere:
        theirs = [xp_payload(1, source="discord", entity_id=f"e{n}") for n in range(EVENTS)]
        keyed = [edited(p, idempotency_key=f"elsewhere.{n}") for n, p in enumerate(theirs)]
        await desk.add("discord", *keyed)
        await Settling("discord", resources).step()


@pytest.mark.parametrize(
    "flood",
    variants(
        ((flood.__name__, (flood,)) for flood in FLOODS),
        every_day=("overdraft", "conflict", "no_event"),
    ),
)
async def test_the_number_of_statements_does_not_grow_with_the_number_of_refused_events(
    counted: Counted, resources: Resources, desk: Desk, flood: Callable[[int], bytes]
):
    await prepare(desk, resources, flood)
    before = await desk.statuses()
    await desk.add("telegram", *(flood(number) for number in range(EVENTS)))
    await desk.add("telegram", xp_payload(15, user_id=77))

    assert await counted.role.step() == EVENTS + 1

    assert len(counted.pool.statements) <= STATEMENTS_MAX
    assert await desk.xp("discord", user_id=77) == 15
    assert len(await desk.failures()) == EVENTS
    assert (await desk.statuses())["completed"] == before.get("completed", 0) + 1
    assert len(await desk.dead()) == EVENTS
    assert await desk.unacknowledged("telegram") == 0


async def test_all_kinds_of_refused_events_in_one_batch_leave_the_good_ones_alone(
    resources: Resources, desk: Desk
):
    for flood in FLOODS:
        await prepare(desk, resources, flood)
    settled = (await desk.statuses())["completed"]
    payloads = []
    for number in range(10):
        payloads += [flood(number) for flood in FLOODS]
        payloads.append(xp_payload(1, user_id=77, entity_id=str(number)))
    await desk.add("telegram", *payloads)

    await Settling("telegram", resources).step()

    assert await desk.xp("discord", user_id=77) == 10
    assert await desk.statuses() == {"completed": settled + 10, "failed": 10 * len(FLOODS)}


async def test_each_debit_is_judged_by_what_the_ones_before_it_left(
    resources: Resources, desk: Desk
):
    """Credits of the same batch count first. A debit that is not covered takes nothing."""
    amounts = {"too_much": -100, "first": -6, "second": -5, "third": -4, "credit": 10}
    await desk.add("telegram", *(xp_payload(xp, entity_id=key) for key, xp in amounts.items()))

    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 0
    assert sorted(await desk.failures()) == [
        "tg_game_guess_1001_second",
        "tg_game_guess_1001_too_much",
    ]


@pytest.mark.nightly
async def test_an_honest_event_behind_three_thousand_refused_ones_arrives_in_few_statements(
    counted: Counted, desk: Desk
):
    await desk.add("telegram", *(overdraft(number) for number in range(3_000)))
    await desk.add("telegram", xp_payload(15, user_id=77))

    while await counted.role.step():
        pass

    assert await desk.xp("discord", user_id=77) == 15
    assert len(await desk.failures()) == 3_000
    assert len(counted.pool.statements) <= 7 * STATEMENTS_MAX


async def test_a_flood_in_two_lanes_holds_up_no_honest_event(resources: Resources, desk: Desk):
    """The debits of one lane wait for those of the other."""
    limits = msgspec.structs.replace(resources.community.consumers, batch_entries_max=10)
    community = msgspec.structs.replace(resources.community, consumers=limits)
    lanes = [Settling("telegram", replace(resources, community=community, lane=n)) for n in (1, 2)]
    await desk.add("telegram", *(overdraft(number) for number in range(60)))
    await desk.add("telegram", xp_payload(15, user_id=77))

    async def step(lane: Settling) -> None:
        with contextlib.suppress(Deferred):
            await lane.step()

    async def all_is_judged() -> bool:
        await asyncio.gather(*map(step, lanes))
        return await desk.statuses() == {"completed": 1, "failed": 60}

    await until(all_is_judged, what="60 debits are refused, and one event is settled")
    assert await desk.xp("discord", user_id=77) == 15
