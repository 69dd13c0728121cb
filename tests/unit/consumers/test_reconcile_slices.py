"""The size of a slice, and the id at which it begins."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from config import ReconcileSetting
from consumers.reconcile.decisions.page_plan import begin_after, rows_max
from db.reconcile.passes import Run
from db.reconcile.sweep_positions import Sweep

DAY_S = 86_400.0
LIMITS = ReconcileSetting(interval_ms=900_000, whole_within_ms=86_400_000)
CHEAP = SimpleNamespace(page_rows=500, slice_rows_max=None)
DEAR = SimpleNamespace(page_rows=5, slice_rows_max=100)
FRESH = Sweep(after_id=7_000, passed=0, passed_last_time=96_000, age_s=0.0)


def run(cause="interval", member_id=None, *, everybody=False) -> Run:
    return Run(1, cause, member_id, everybody, False, False, datetime.now(UTC), None)


@pytest.mark.parametrize(
    ("subject", "one", "walk", "expected"),
    [
        pytest.param(CHEAP, run(), FRESH, 1_100, id="a share of all, with some haste"),
        pytest.param(CHEAP, run(), FRESH._replace(passed_last_time=10), 500, id="at least a page"),
        pytest.param(CHEAP, run(), FRESH._replace(age_s=0.95 * DAY_S), None, id="late"),
        pytest.param(CHEAP, run(everybody=True), FRESH, None, id="everybody"),
        pytest.param(CHEAP, run("alarm"), FRESH, 1_100, id="an alarm is about what is worn"),
        pytest.param(DEAR, run(), FRESH, 100, id="no more than may be"),
        pytest.param(DEAR, run(), FRESH._replace(passed_last_time=960), 11, id="a share of few"),
        pytest.param(DEAR, run(), FRESH._replace(age_s=0.95 * DAY_S), 100, id="late and dear"),
        pytest.param(DEAR, run(everybody=True), FRESH, 100, id="everybody, bit by bit"),
        pytest.param(DEAR, run("alarm"), FRESH._replace(passed_last_time=960), 100, id="an alarm"),
    ],
)
def test_the_size_of_a_slice(subject, one, walk, expected):
    assert rows_max(one, subject, "slice", walk, LIMITS) == expected


@pytest.mark.parametrize(
    ("subject", "one", "part", "expected"),
    [
        pytest.param(CHEAP, run(), "touched", None, id="all who were touched"),
        pytest.param(DEAR, run(), "touched", 100, id="some who were touched"),
        pytest.param(DEAR, run(member_id=3), "touched", None, id="whoever was asked for"),
        pytest.param(DEAR, run(), "watched", None, id="all who are watched"),
    ],
)
def test_how_many_of_the_others_are_looked_at(subject, one, part, expected):
    assert rows_max(one, subject, part, FRESH, LIMITS) == expected


@pytest.mark.parametrize(
    ("subject", "one", "part", "expected"),
    [
        pytest.param(CHEAP, run(), "slice", 7_000, id="a slice goes on"),
        pytest.param(CHEAP, run(), "watched", 0, id="the watched are all looked at"),
        pytest.param(CHEAP, run(everybody=True), "slice", 0, id="everybody, from the first on"),
        pytest.param(DEAR, run(everybody=True), "slice", 7_000, id="everybody, bit by bit"),
    ],
)
def test_where_a_part_begins(subject, one, part, expected):
    assert begin_after(one, subject, part, FRESH) == expected
