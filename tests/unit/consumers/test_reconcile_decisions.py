"""The pure decisions of a pass, and the pages on which they are made."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from config import ReconcileSetting
from consumers.reconcile.decisions.differences import compare
from consumers.reconcile.decisions.page_plan import slice_size
from consumers.reconcile.decisions.repair_limits import too_much
from consumers.reconcile.decisions.verdicts import verdict
from db.reconcile.compared_fields import Field, FieldKind
from db.reconcile.drift import Difference, Tally
from db.reconcile.passes import Run
from db.reconcile.sweep_positions import Slice, Sweep, moved
from schemas import SnapshotPage, SnapshotRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = Run(7, "interval", None, False, False, False, NOON, None)
FOUND = Difference("discord", "books", 1, 1, 2001, Field(FieldKind.XP), "5", "3", 2, "")


def page(*rows: SnapshotRow) -> SnapshotPage:
    return schemas.seal(
        SnapshotPage(
            run=7,
            platform="discord",
            subject="books",
            part="slice",
            page=0,
            after=0,
            upto=10,
            looked_at=len(rows),
            is_last=True,
            count=len(rows),
            taken_at=NOON,
            chat_id=-1,
            guild_id=1,
            rows=rows,
        )
    )


values = st.dictionaries(st.sampled_from(["xp", "balance", "rank"]), st.integers() | st.text())
rows = st.builds(
    SnapshotRow,
    id=st.integers(1, 10),
    member_id=st.integers(1, 10) | st.none(),
    account_id=st.integers(1) | st.none(),
    is_there=st.booleans(),
    seen=values,
    expected=values,
)


@given(st.lists(rows, max_size=5))
def test_a_page_comes_out_of_the_wire_as_it_went_in(some: list[SnapshotRow]):
    sent = page(*some)

    received = schemas.decode_page(schemas.encode_page(sent))

    assert received == sent
    assert schemas.page_checksum(received) == received.checksum


@given(st.lists(rows, min_size=1, max_size=5), st.data())
def test_whatever_is_changed_on_the_way_the_checksum_tells(
    some: list[SnapshotRow], data: st.DataObject
):
    sent = page(*some)
    changed: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"rows": sent.rows[1:]},
                {"run": 8},
                {"platform": "telegram"},
                {"upto": 11},
                {"count": 99},
                {"guild_id": 2},
            ]
        )
    )

    received = msgspec.structs.replace(sent, **changed)

    assert schemas.page_checksum(received) != received.checksum


@given(st.binary(max_size=200))
def test_what_is_no_page_is_said_to_be_none(junk: bytes):
    with pytest.raises(schemas.MalformedPage):
        schemas.decode_page(junk)


@given(rows)
def test_equal_sides_differ_in_nothing(row: SnapshotRow):
    same = msgspec.structs.replace(row, expected=row.seen, is_there=True)

    assert compare(page(same)) == []


def test_what_is_not_there_is_one_difference_and_not_zeros():
    missing = SnapshotRow(1, 1, 2001, False, {}, {"xp": 5, "balance": 0})

    [found] = compare(page(missing))

    assert (found.field.text, found.seen, found.expected, found.amount) == (
        "row",
        "no row",
        "xp 5",
        None,
    )


def test_of_whom_nothing_is_expected_nothing_is_missing():
    assert compare(page(SnapshotRow(1, 1, None, False, {}, {"xp": 0, "balance": 0}))) == []


@pytest.mark.parametrize(
    ("before", "run", "decision"),
    [
        (None, RUN, "watched"),
        ("watched", RUN, "repair"),
        ("held", RUN, "held"),
        ("held", RUN._replace(accepted=True), "repair"),
        (None, RUN._replace(accepted=True), "watched"),
        ("watched", RUN._replace(dry_run=True), "left"),
    ],
)
def test_nothing_is_repaired_that_was_not_seen_before(before: str | None, run: Run, decision: str):
    assert verdict(FOUND, before=before, run=run).decision == decision


@pytest.mark.parametrize(
    ("tally", "stops"),
    [
        (Tally("discord", "books", 1_000, 20, 100, 0), False),
        (Tally("discord", "books", 1_000, 21, 100, 0), True),
        (Tally("discord", "books", 10, 10, 100, 0), False),
        (Tally("discord", "books", 10, 1, 100_001, 0), True),
        (Tally("discord", "store", 10, 1, 0, 100_001), True),
    ],
)
def test_a_pass_stops_where_too_much_would_change(tally: Tally, stops: bool):
    assert (too_much([tally], ReconcileSetting()) is not None) == stops


class Anything:
    page_rows = 500
    slice_rows_max = None


@pytest.mark.parametrize(
    ("walk", "size"),
    [
        (Sweep(0, 0, 0, 0.0), 500),
        (Sweep(0, 0, 1_000_000, 0.0), 11_459),
        (Sweep(90, 50, 1_000_000, 80_000.0), None),
    ],
)
def test_slices_are_as_large_as_the_day_asks_for(walk: Sweep, size: int | None):
    assert slice_size(RUN, Anything(), walk, ReconcileSetting()) == size


@pytest.mark.parametrize(
    ("before", "done", "after"),
    [
        (Sweep(0, 0, 0, 0), Slice("discord", "books", 0, 9, 9, True), (0, 0, 9, True)),
        (Sweep(0, 0, 9, 0), Slice("discord", "books", 0, 4, 4, False), (4, 4, 9, True)),
        (Sweep(4, 4, 9, 0), Slice("discord", "books", 4, 8, 4, False), (8, 8, 9, False)),
        (Sweep(8, 8, 9, 0), Slice("discord", "books", 8, 9, 1, True), (0, 0, 9, True)),
        (Sweep(9, 9, 0, 0), Slice("discord", "books", 0, 4, 4, False), (4, 4, 9, True)),
    ],
)
def test_the_rolling_look_goes_on_where_it_was(before: Sweep, done: Slice, after: tuple[int, ...]):
    assert moved(before, done) == after
