"""The plan of a pass: which ids its pages cover, also when another process takes the pass over."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast

from hypothesis import given
from hypothesis import strategies as st

from config import ReconcileSetting
from consumers.reconcile.decisions.page_plan import Stretch, plan
from db.reconcile.pages import PageRecord, gap_in
from db.reconcile.passes import Run
from db.reconcile.sweep_positions import Sweep
from schemas import SnapshotPage
from schemas.snapshots import Part

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = ReconcileSetting(interval_ms=900_000, whole_within_ms=86_400_000)
PASS = Run(1, "interval", None, False, False, False, NOON, None)
FRESH = Sweep(after_id=7, passed=0, passed_last_time=0, age_s=0.0)


class Sized(NamedTuple):
    page_rows: int = 2
    slice_rows_max: int | None = None


class Page(NamedTuple):
    """The fields of a page that the plan reads."""

    upto: int
    looked_at: int
    is_last: bool

    @property
    def sent(self) -> SnapshotPage:
        return cast("SnapshotPage", self)


def record(part: str, after_id: int, upto_id: int, *, is_last=False, page=0, ids=2) -> PageRecord:
    return PageRecord(
        "discord", "books", page, part, after_id, upto_id, ids, ids, is_last, "", NOON
    )


def test_a_pass_looks_at_those_touched_those_watched_and_a_slice_behind_the_last_one():
    assert plan(PASS, Sized(), FRESH, [], LIMITS) == [
        Stretch("touched", 0, None),
        Stretch("watched", 0, None),
        Stretch("slice", 7, 2, may_restart=True),
    ]


def test_a_pass_for_one_member_looks_at_nobody_else():
    assert plan(PASS._replace(member_id=3), Sized(), FRESH, [], LIMITS) == [
        Stretch("touched", 0, None)
    ]


def test_a_pass_over_everybody_begins_at_the_first_id():
    whole = PASS._replace(everybody=True)

    assert plan(whole, Sized(), FRESH, [], LIMITS) == [Stretch("slice", 0, None)]


def test_a_pass_that_is_taken_over_continues_behind_its_last_page():
    known = [record("touched", 0, 5), record("watched", 0, 4, page=1)]

    assert plan(PASS, Sized(), FRESH, known, LIMITS) == [
        Stretch("watched", 4, None),
        Stretch("slice", 7, 2, may_restart=True),
    ]


def test_what_is_left_of_a_limit_counts_the_pages_that_are_there():
    known = [record("slice", 7, 9)]
    late = Sized(slice_rows_max=5)

    assert plan(PASS._replace(cause="alarm"), late, FRESH, known, LIMITS) == [
        Stretch("slice", 9, 3)
    ]


def test_a_part_whose_last_page_is_there_is_done():
    known = [record("touched", 0, 5, is_last=True)]

    assert [one.part for one in plan(PASS, Sized(), FRESH, known, LIMITS)] == ["watched", "slice"]


def test_a_subject_that_was_left_out_stays_so():
    assert plan(PASS, Sized(), FRESH, [record("left out", 0, 0)], LIMITS) == []


def test_a_slice_begins_at_the_first_id_when_none_is_left_above_the_sweep():
    behind_all = Stretch("slice", 7, 4, may_restart=True)

    assert behind_all.behind(None) == Stretch("slice", 0, 4)
    assert behind_all.behind(Page(9, 2, False).sent) == Stretch("slice", 9, 2)
    assert Stretch("slice", 9, 2).behind(None) is None


class Community(NamedTuple):
    """The ids of each part, and how a pass looks at them."""

    touched: Sequence[int]
    watched: Sequence[int]
    everybody: Sequence[int]
    subject: Sized
    run: Run
    sweep: Sweep

    def ids_after(self, part: Part, after: int) -> Sequence[int]:
        ids = {"touched": self.touched, "watched": self.watched, "slice": self.everybody}[part]
        return [one for one in ids if one > after]

    def taken(self, known: Sequence[PageRecord], most: int) -> list[PageRecord]:
        """Take up to `most` pages behind the known ones, as one process does."""
        pages = [*known]
        for stretch in plan(self.run, self.subject, self.sweep, known, LIMITS):
            rest: Stretch | None = stretch
            while rest is not None:
                if len(pages) - len(known) == most:
                    return pages
                page = self._read(rest)
                if page is not None:
                    pages.append(
                        record(
                            rest.part, rest.after, page.upto,
                            is_last=page.is_last, page=len(pages), ids=page.looked_at,
                        )
                    )  # fmt: skip
                rest = rest.behind(page.sent if page is not None else None)
        return pages

    def _read(self, stretch: Stretch) -> Page | None:
        limit = self.subject.page_rows
        if stretch.left is not None:
            limit = min(limit, stretch.left)
        ids = self.ids_after(stretch.part, stretch.after)
        return Page(ids[:limit][-1], len(ids[:limit]), len(ids) <= limit) if ids else None


some_ids = st.lists(st.integers(1, 20), unique=True, max_size=12).map(sorted)
runs = st.builds(
    PASS._replace,
    cause=st.sampled_from(["interval", "alarm"]),
    member_id=st.sampled_from([None, None, 3]),
    everybody=st.booleans(),
)
communities = st.builds(
    Community,
    some_ids,
    some_ids,
    some_ids,
    st.builds(Sized, st.integers(1, 5), st.none() | st.integers(1, 8)),
    runs,
    st.builds(Sweep, st.integers(0, 22), st.just(0), st.integers(0, 20), st.just(0.0)),
)


@given(communities, st.lists(st.integers(0, 4), max_size=5))
def test_the_pages_are_the_same_however_often_the_pass_is_taken_over(
    community: Community, deaths: list[int]
):
    pages: list[PageRecord] = []
    for most in deaths:
        pages = community.taken(pages, most)

    assert community.taken(pages, 1_000) == community.taken([], 1_000)


@given(communities)
def test_a_whole_pass_leaves_nobody_out_and_no_gap(community: Community):
    pages = community.taken([], 1_000)

    assert gap_in(pages) is None
    if community.run.everybody and community.run.member_id is None:
        limit = community.subject.slice_rows_max
        looked_at = sum(page.looked_at for page in pages if page.part == "slice")
        if limit is None:
            assert looked_at == len(community.everybody)
        else:
            assert looked_at <= limit
