"""A fault is over once no event is late any more."""

from benchmarks.recovery import RecoveryTimes, judge

FAULT_AT = 100.0


def test_caught_up_is_when_the_last_late_event_was_applied():
    due = {"before": 99.0, "first": 100.0, "second": 101.0, "after": 106.0}
    applied = {"before": 99.02, "first": 105.0, "second": 105.5, "after": 106.02}

    found = judge(due, applied, FAULT_AT)

    assert found.caught_up_s == 5.5
    assert found.longest_lag_s == 5.0


def test_events_before_the_fault_say_what_is_usual():
    found = judge({"before": 99.0, "after": 101.0}, {"before": 99.5, "after": 103.0}, FAULT_AT)

    assert found.usual_lag_ms == 500.0


def test_a_fault_that_makes_nothing_late_is_over_at_once():
    found = judge({"before": 99.0, "after": 101.0}, {"before": 99.5, "after": 101.5}, FAULT_AT)

    assert found == RecoveryTimes(caught_up_s=0.0, longest_lag_s=0.5, usual_lag_ms=500.0)
