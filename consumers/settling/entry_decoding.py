"""Decoding entries: separates those that carry an event from those that never can. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import schemas
from bus import Entry
from db import IdempotencyConflict, Platform, RuleBroken
from db.ledger.envelopes import Envelope


class Delivery(NamedTuple):
    """An entry and the event that it carries."""

    entry: Entry
    envelope: Envelope


class Refusal(NamedTuple):
    """An entry that can never take effect, the reason, and the key under which it is recorded."""

    entry: Entry
    reason: str
    idempotency_key: str
    type: str = "unknown"
    unread: bool = False
    """The event was not decoded, so its key is unknown, and `idempotency_key` is the entry's."""
    claimed_key: str | None = None
    """The key that an unread event claims to have. Its record, if any, is under that key."""


def sort_out(entries: Sequence[Entry], source: Platform) -> tuple[list[Delivery], list[Refusal]]:
    """Separate entries that carry an event of `source` from those that do not. Pure."""
    deliveries: list[Delivery] = []
    refusals: list[Refusal] = []
    for entry in entries:
        if entry.payload is None:
            reason = (
                f"the entry has {entry.payloads} fields `e`, and carries one event at most"
                if entry.payloads
                else "the entry has no field `e` with an event in it"
            )
            refusals.append(Refusal(entry, reason, key_of(entry)))
            continue
        try:
            event = schemas.decode(entry.payload)
        except schemas.SchemaError as error:
            claimed = schemas.claimed_key(entry.payload)
            refusal = Refusal(
                entry,
                str(error),
                key_of(entry),
                unread=claimed is not None,
                claimed_key=claimed,
            )
            refusals.append(refusal)
            continue
        if event.source != source:
            reason = f"the event says source {event.source}, but it came on {entry.stream}"
            refusals.append(Refusal(entry, reason, key_of(entry), event.type))
            continue
        deliveries.append(Delivery(entry, Envelope(event, entry.payload)))
    return deliveries, refusals


def refusal_of(delivery: Delivery, error: RuleBroken | IdempotencyConflict) -> Refusal:
    """Return the refusal of a delivery that Postgres refused with `error`. Pure.

    If the key belongs to another event, the failure must not be written to that event's row.
    """
    event = delivery.envelope.event
    conflict = isinstance(error, IdempotencyConflict)
    key = key_of(delivery.entry) if conflict else event.idempotency_key
    return Refusal(delivery.entry, str(error), key, event.type)


def key_of(entry: Entry) -> str:
    """Return the key for an entry whose own key, if it has one, must not be believed. Pure."""
    return f"entry:{entry.stream}:{entry.id}"


def evidence(entry: Entry) -> bytes:
    """Return the bytes of an entry that Postgres keeps. Pure."""
    if entry.payload is not None:
        return entry.payload
    return b", ".join(b"%s=%s" % field for field in entry.fields)
