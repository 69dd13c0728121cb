"""Fields as pages and the table `drift` carry them, and the events rebuilt from ledger rows."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from consumers.reconcile.decisions.differences import differences
from consumers.reconcile.subjects.book_repairs import event_of
from db.ledger.entries import LedgerRow
from db.ledger.envelopes import Envelope
from db.reconcile.compared_fields import Field, FieldKind
from schemas import SnapshotRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PARTS: schemas.EventParts = {
    "user_id": 1001,
    "source": "telegram",
    "reason": "game",
    "entity_id": "7",
    "occurred_at": NOON,
    "idempotency_key": "tg_game_1001_7",
}
EVENTS = [
    schemas.xp_changed(delta_xp=-5, **PARTS),
    schemas.balance_changed(delta_balance=5, **PARTS),
    schemas.achievement_unlocked(achievement="lucky", **PARTS),
]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("xp", Field(FieldKind.XP)),
        ("rank to show", Field(FieldKind.WANTED_RANK)),
        ("achievement:first_win", Field(FieldKind.ACHIEVEMENT, "first_win")),
        ("entry:tg_game_1001_a:b", Field(FieldKind.ENTRY, "tg_game_1001_a:b")),
        ("row", Field(FieldKind.ROW)),
        ("streak", Field(FieldKind.UNKNOWN, "streak")),
        ("achievement", Field(FieldKind.UNKNOWN, "achievement")),
        ("unknown", Field(FieldKind.UNKNOWN, "unknown")),
    ],
)
def test_a_field_is_read_from_its_text(text: str, field: Field):
    assert Field.parse(text) == field


kinds = st.sampled_from(list(FieldKind))


@given(st.text() | kinds | st.builds("{}:{}".format, kinds, st.text()))
def test_a_field_is_written_as_it_was_read(text: str):
    assert Field.parse(text).text == str(text)


def test_a_field_that_a_newer_release_compares_is_a_difference_like_any_other():
    row = SnapshotRow(1, 1, 1001, True, {"streak": 3}, {"streak": 4})

    [found] = differences("telegram", "books", row)

    assert (found.field.text, found.amount) == ("streak", -1)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_rebuilt_from_its_ledger_row(event: schemas.Event):
    assert event_of(Envelope(event, b"").as_row()) == event


def test_every_type_of_event_can_be_rebuilt():
    assert {type(event) for event in EVENTS} == set(get_args(schemas.Event))


def test_an_event_of_a_new_type_is_never_rebuilt_as_another_one():
    row = Envelope(EVENTS[0], b"").as_row()._replace(type="streak.extended")

    with pytest.raises(schemas.UnknownEvent, match=r"streak\.extended"):
        event_of(row)


def test_a_row_without_the_effect_of_its_type_is_refused():
    row: LedgerRow = Envelope(EVENTS[0], b"").as_row()._replace(type="balance.changed")

    with pytest.raises(schemas.MalformedEvent):
        event_of(row)
