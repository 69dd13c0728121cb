"""Triage: separates entries that carry an event from those that do not, with reasons and keys."""

from datetime import UTC, datetime

import pytest

import schemas
from bus import Entry
from consumers.settling.entry_decoding import Delivery, refusal_of, sort_out
from db import IdempotencyConflict, InsufficientFunds
from db.ledger.envelopes import Envelope

EVENT = schemas.xp_changed(
    user_id=1001,
    delta_xp=15,
    source="telegram",
    reason="game_guess",
    entity_id="1",
    occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
)
PAYLOAD = schemas.encode(EVENT)


def entry(payload: bytes | None, number: int = 1) -> Entry:
    fields = ((b"colour", b"red"),) if payload is None else ()
    return Entry("sync:telegram", f"{number}-0", payload, 1, fields)


def test_entries_keep_their_order_and_their_payload():
    entries = [entry(PAYLOAD, number) for number in range(5)]

    deliveries, refusals = sort_out(entries, "telegram")

    assert [delivery.entry for delivery in deliveries] == entries
    assert deliveries[0].envelope == Envelope(EVENT, PAYLOAD)
    assert refusals == []


def test_an_entry_of_the_other_source_is_refused_under_a_key_of_its_own():
    """Under the event's own key it would mark a good event of the other stream as failed."""
    deliveries, [refusal] = sort_out([entry(PAYLOAD)], "discord")

    assert deliveries == []
    assert refusal.reason == "the event says source telegram, but it came on sync:telegram"
    assert refusal.idempotency_key == "entry:sync:telegram:1-0"
    assert refusal.type == "xp.changed"


@pytest.mark.parametrize("payload", [None, b"", b"{}", b"[]", b"null", b"\xff", b'{"type":"xp"}'])
def test_what_is_no_event_is_refused_with_a_reason(payload):
    deliveries, [refusal] = sort_out([entry(payload)], "telegram")

    assert deliveries == []
    assert refusal.reason
    assert refusal.type == "unknown"


def test_an_overdraft_is_held_against_the_event():
    error = InsufficientFunds("member_xp_not_negative", "less XP than this would take away")

    refusal = refusal_of(Delivery(entry(PAYLOAD), Envelope(EVENT, PAYLOAD)), error)

    assert refusal.idempotency_key == EVENT.idempotency_key
    assert refusal.reason == "less XP than this would take away"


def test_a_conflict_is_not_held_against_the_event_that_owns_the_key():
    error = IdempotencyConflict(EVENT.idempotency_key, "delta_xp 15 is now 16")

    refusal = refusal_of(Delivery(entry(PAYLOAD), Envelope(EVENT, PAYLOAD)), error)

    assert refusal.idempotency_key == "entry:sync:telegram:1-0"
    assert refusal.type == "xp.changed"
