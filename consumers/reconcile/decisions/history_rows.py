"""Rows with history: the amounts that are imported, and those left alone with the reason. Pure."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

import schemas
from consumers.runtime.operator_commands import command
from db import Platform
from db.reconcile.agreeing_rows import AgreedField
from db.reconcile.compared_fields import FieldKind
from schemas import SnapshotRow
from schemas.fields import DELTA_MAX
from schemas.snapshots import Value

#: The reason of the events by which history is imported, for `/why` and the ledger.
REASON: Final = "import"
#: The object of these events. An account's history is imported once, so it is always the same.
ENTITY_ID: Final = "history"

DRIFT: Final = "changed since it agreed with the ledger: the next passes of reconcile repair that"
LESS: Final = (
    f"less than the ledger accounts for: {command('reconcile', '--now', '--accept')} adds to the"
    " row what it lacks"
)
BELOW_ZERO: Final = "below zero, and no event explains that: correct the row by hand"
NO_WHOLE_NUMBER: Final = "no whole number: correct the row by hand"
TOO_MUCH: Final = f"more than one event may carry ({DELTA_MAX}): correct the row by hand"


class Surplus(NamedTuple):
    """An amount from before twinstream: what one field of a row has beyond the ledger."""

    account_id: int
    kind: FieldKind
    """XP or BALANCE."""
    amount: int


class LeftAlone(NamedTuple):
    """A field of a row, or a whole row, that is not imported."""

    account_id: int
    why: str
    """The same text for every row with the same cause, so that rows can be counted by it."""


class SortedRow(NamedTuple):
    """The fields of one row that differ from the ledger."""

    surplus: list[Surplus]
    left: list[LeftAlone]


def sort_row(row: SnapshotRow, agreed: Collection[AgreedField]) -> SortedRow:
    """Tell what a row of a platform's own table holds that is to be imported.

    `agreed` are the fields in which rows of the table agreed with the ledger once: a difference in
    such a field is drift, and no history.
    """
    sorted_row = SortedRow([], [])
    if not row.is_there:
        return sorted_row
    for kind in (FieldKind.XP, FieldKind.BALANCE):
        seen, expected = row.seen.get(kind.value), row.expected.get(kind.value)
        if seen == expected:
            continue
        if why := _why_left(seen, expected, has_agreed=AgreedField(row.id, kind) in agreed):
            sorted_row.left.append(LeftAlone(row.id, f"{_name(kind)} {why}"))
        elif isinstance(seen, int) and isinstance(expected, int):
            sorted_row.surplus.append(Surplus(row.id, kind, seen - expected))
    return sorted_row


def _why_left(seen: Value, expected: Value, *, has_agreed: bool) -> str | None:
    if not (isinstance(seen, int) and isinstance(expected, int)):
        return NO_WHOLE_NUMBER
    if has_agreed:
        return DRIFT
    if seen < expected:
        return BELOW_ZERO if seen < 0 else LESS
    return TOO_MUCH if seen - expected > DELTA_MAX else None


def _name(kind: FieldKind) -> str:
    return "XP" if kind is FieldKind.XP else kind.value


def import_key(platform: Platform, account_id: int, kind: FieldKind) -> str:
    """Return the key of the event that imports an account's history in one field.

    There is one for each account and field, so a row is imported once, whatever becomes of it.
    """
    return f"import:{platform}:{account_id}:{kind.value}"


def event_of(platform: Platform, one: Surplus, occurred_at: datetime) -> schemas.Event:
    """Build the event that imports a surplus.

    Raises:
        MalformedEvent: the record holds no such account or amount.
    """
    parts: schemas.EventParts = {
        "user_id": one.account_id,
        "source": platform,
        "reason": REASON,
        "entity_id": ENTITY_ID,
        "occurred_at": occurred_at,
        "idempotency_key": import_key(platform, one.account_id, one.kind),
    }
    if one.kind is FieldKind.XP:
        return schemas.xp_changed(delta_xp=one.amount, **parts)
    return schemas.balance_changed(delta_balance=one.amount, **parts)
