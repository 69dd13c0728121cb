"""Time in voice channels: what counts, and what no member gains by coming and going."""

import random

import pytest

from bots.features.voice.hours import RESTS_MAX, VoiceHours
from bots.features.voice_members import Connected

ANN, BOB, CID = 1, 2, 3
ROOM, OTHER_ROOM = 70, 71
INTERVAL_S = 60.0


def counted(*changes: tuple[float, Connected | int], until: float) -> dict[int, int]:
    """Return the whole intervals of each account, looked at every interval."""
    hours = VoiceHours(INTERVAL_S)
    found: dict[int, int] = {}
    waiting = sorted(changes, key=lambda one: one[0])
    at_s = 0.0
    while at_s < until:
        at_s += INTERVAL_S
        while waiting and waiting[0][0] <= at_s:
            when, change = waiting.pop(0)
            if isinstance(change, Connected):
                hours.set(when, change)
            else:
                hours.leave(when, change)
        for account_id in hours.take(at_s):
            found[account_id] = found.get(account_id, 0) + 1
    return found


def test_two_people_who_talk_earn_each_whole_interval():
    both = (0.0, Connected(ANN, ROOM)), (0.0, Connected(BOB, ROOM))

    assert counted(*both, until=300) == {ANN: 5, BOB: 5}


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        (None, "alone"),
        (Connected(BOB, OTHER_ROOM), "in another channel"),
        (Connected(BOB, ROOM, is_bot=True), "a bot"),
        (Connected(BOB, ROOM, can_hear=False, can_speak=False), "deafened"),
    ],
)
def test_who_has_no_company_earns_nothing(beside, why):
    changes = [(0.0, Connected(ANN, ROOM))]
    if beside is not None:
        changes.append((0.0, beside))

    assert counted(*changes, until=600) == {}, why


@pytest.mark.parametrize(
    "ann",
    [
        Connected(ANN, ROOM, can_speak=False),
        Connected(ANN, ROOM, can_hear=False),
        Connected(ANN, ROOM, earns=False),
        Connected(ANN, ROOM, is_bot=True),
    ],
)
def test_muted_deafened_and_excluded_members_and_bots_earn_nothing(ann):
    assert ANN not in counted((0.0, ann), (0.0, Connected(BOB, ROOM)), until=600)


def test_a_listener_who_is_muted_keeps_others_company():
    listener = Connected(BOB, ROOM, can_speak=False)

    assert counted((0.0, Connected(ANN, ROOM)), (0.0, listener), until=180) == {ANN: 3}


def test_a_crowd_of_deafened_members_earns_nothing():
    crowd = [(0.0, Connected(one, ROOM, can_hear=False, can_speak=False)) for one in range(1, 90)]

    assert counted(*crowd, (0.0, Connected(ANN, ROOM)), until=3_600) == {}


@pytest.mark.parametrize("seed", range(20))
def test_coming_going_and_muting_earns_no_more_than_being_there(seed):
    chance = random.Random(seed)
    changes: list[tuple[float, Connected | int]] = [(0.0, Connected(BOB, ROOM))]
    present_s, since, at_s = 0.0, None, 0.0
    while at_s < 3_600:
        if since is None:
            member = Connected(ANN, ROOM)
            changes.append((at_s, member))
            since = at_s
        else:
            present_s += at_s - since
            since = None
            ways: list[Connected | int] = [ANN, Connected(ANN, ROOM, can_speak=False)]
            gone = chance.choice(ways)
            changes.append((at_s, gone))
        at_s += chance.uniform(0.1, 90)

    honest = counted((0.0, Connected(ANN, ROOM)), (0.0, Connected(BOB, ROOM)), until=3_600)
    flapping = counted(*changes, until=3_600).get(ANN, 0)

    assert flapping <= honest[ANN]
    assert flapping <= (present_s + 90) // INTERVAL_S


def test_time_that_nobody_saw_does_not_count():
    hours = VoiceHours(INTERVAL_S)
    both = [Connected(ANN, ROOM), Connected(BOB, ROOM)]
    hours.restart(0.0, both)
    hours.lose(30.0)  # the connection was last heard then
    assert hours.take(500.0) == []

    hours.restart(500.0, both)

    assert hours.take(529.0) == []
    assert sorted(hours.take(530.0)) == [ANN, BOB]  # 30 s before, 30 s after
    assert hours.take(530.0) == []


def test_who_left_while_nobody_looked_earns_nothing_more():
    hours = VoiceHours(INTERVAL_S)
    hours.restart(0.0, [Connected(ANN, ROOM), Connected(BOB, ROOM)])
    hours.restart(10.0, [Connected(ANN, ROOM)])

    assert hours.take(1_000.0) == []


def test_a_look_pays_for_nothing_after_the_last_sign_of_life():
    hours = VoiceHours(INTERVAL_S)
    hours.restart(0.0, [Connected(ANN, ROOM), Connected(BOB, ROOM)])

    assert hours.take(59.0) == []  # the interval has ended, but Discord was last heard at 59 s
    hours.lose(59.0)
    assert hours.take(200.0) == []


def test_a_late_look_pays_one_interval_and_keeps_two_minutes():
    hours = VoiceHours(INTERVAL_S)
    hours.restart(0.0, [Connected(ANN, ROOM), Connected(BOB, ROOM)])

    paid = [len(hours.take(at_s)) for at_s in (6_000.0, 6_000.0, 6_000.0, 6_000.0, 6_060.0)]

    assert paid == [2, 2, 2, 0, 2]


def test_the_memory_of_members_who_left_is_bounded():
    hours = VoiceHours(INTERVAL_S)
    hours.set(0.0, Connected(BOB, ROOM))
    for one in range(10, RESTS_MAX + 500):
        hours.set(0.0, Connected(one, ROOM))
        hours.leave(1.0, one)

    assert len(hours._times) <= RESTS_MAX + 1
    assert len(hours) == 1
