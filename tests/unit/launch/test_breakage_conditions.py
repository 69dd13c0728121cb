"""A breakage on the page, from the press of its button to its healing."""

import pytest

from launch.play.breaks.company import step_between_ranks
from launch.play.breaks.condition import WELL, Condition, Look, Tally


def broken(at: float = 100.0) -> Condition:
    return Condition().prepared().struck(at)


def test_it_is_broken_once_at_a_time_and_again_once_it_has_healed():
    assert Condition().may_be_struck
    for under_way in (Condition().prepared(), broken()):
        assert under_way.is_under_way
        assert not under_way.may_be_struck
    healed = broken().healed(103.456)
    assert (healed.stage, healed.took_s, healed.times) == ("healed", 3.46, 1)
    again = healed.prepared().struck(200.0)
    assert (again.times, again.took_s, again.since) == (2, None, 200.0)


def test_what_failed_can_be_tried_again_and_what_is_out_of_reach_cannot():
    failed = Condition().prepared().failed("the sandbox refused it")
    assert (failed.stage, failed.why, failed.times) == ("failed", "the sandbox refused it", 0)
    assert failed.may_be_struck
    assert not Condition().unavailable("not-ours").may_be_struck


def test_a_look_brings_the_figures_and_what_is_waited_for():
    seen = broken().seen(Look("arrival", "words", "must"), Tally(5, 3, 2), 6)

    assert (seen.waits, seen.detail, seen.hand) == ("arrival", "words", "must")
    assert (seen.asked, seen.recorded, seen.arrived, seen.lost) == (6, 5, 3, 0)
    well = seen.seen(WELL, Tally(5, 5), 6).healed(101.0)
    assert (well.waits, well.detail, well.hand, well.arrived) == ("", "", "none", 5)


def test_an_event_that_neither_arrived_nor_is_on_its_way_is_lost():
    assert Tally(recorded=5, arrived=3, waiting=1).lost == 1
    assert broken().seen(WELL, Tally(5, 3, 1), 0).lost == 1


def test_a_hand_is_taken_while_it_is_needed_and_only_once():
    offered = broken().seen(Look("outside", hand="must"), Tally(), 0)
    assert offered.takes_a_hand
    given = offered.handed("given")
    assert not given.takes_a_hand
    assert given.seen(Look("outside", hand="must"), Tally(), 0).hand == "given"
    assert not broken().takes_a_hand
    assert not offered.healed(101.0).takes_a_hand


def test_a_clock_that_was_set_back_heals_nothing_before_it_broke():
    assert broken(at=100.0).healed(90.0).took_s == 0.0


@pytest.mark.parametrize(
    ("xp", "step"), [(0, 10), (10, 20), (29, 1), (149, 1), (150, -140), (7_000, -6_990)]
)
def test_each_step_leads_to_another_rank(xp, step):
    assert step_between_ranks(xp, [10, 30, 150]) == step
