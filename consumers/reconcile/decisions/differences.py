"""The differences that a page shows, field by field, and the words for them. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from consumers.runtime.operator_commands import command
from db import Platform
from db.reconcile.agreeing_rows import Agreement
from db.reconcile.compared_fields import Field, FieldKind
from db.reconcile.comparison_queries import InFlight
from db.reconcile.drift import Difference
from schemas import SnapshotPage, SnapshotRow
from schemas.snapshots import Value

NO_ROW: Final = "no row"
NOTHING: Final = "nothing"


def compare(page: SnapshotPage) -> list[Difference]:
    """List what a page shows to differ, field by field."""
    return [one for row in page.rows for one in differences(page.platform, page.subject, row)]


def differences(platform: Platform, subject: str, row: SnapshotRow) -> list[Difference]:
    """List the fields in which one member differs.

    If the platform has no row of a member of whom our record has something, that is one difference,
    of the kind ROW: a missing row is not zero.
    """
    found = []
    fields = row.seen | row.expected
    if not row.is_there:
        missing = {text: value for text, value in row.expected.items() if text not in row.seen}
        fields = {text: value for text, value in fields.items() if text not in missing}
        if expected := {text: value for text, value in missing.items() if value}:
            found.append(
                _difference(platform, subject, row, Field(FieldKind.ROW), NO_ROW, _texts(expected))
            )
    for text in fields:
        seen, expects = row.seen.get(text), row.expected.get(text)
        if seen != expects:
            found.append(
                _difference(
                    platform,
                    subject,
                    row,
                    Field.parse(text),
                    _text(seen),
                    _text(expects),
                    _less(seen, expects),
                )
            )
    return found


def _difference(
    platform: Platform,
    subject: str,
    row: SnapshotRow,
    field: Field,
    seen: str,
    expected: str,
    amount: int | None = None,
) -> Difference:
    return Difference(
        platform=platform,
        subject=subject,
        subject_id=row.id,
        member_id=row.member_id,
        account_id=row.account_id,
        field=field,
        seen=seen,
        expected=expected,
        amount=amount,
        in_flight=row.in_flight,
    )


def agreements(page: SnapshotPage) -> list[Agreement]:
    """List the rows of a platform's own table that agree with the ledger, and in which fields.

    Zero and zero is no agreement: a row in which its bot has not begun to count proves nothing.
    """
    if page.subject != "store":
        return []
    found = [
        Agreement(row.id, xp=_agrees(row, FieldKind.XP), balance=_agrees(row, FieldKind.BALANCE))
        for row in page.rows
        if row.is_there
    ]
    return [one for one in found if one.xp or one.balance]


def _agrees(row: SnapshotRow, kind: FieldKind) -> bool:
    expected = row.expected.get(kind.value)
    return bool(expected) and row.seen.get(kind.value) == expected


def still_differs(found: Difference, row: SnapshotRow) -> bool:
    """Tell whether a row that was read once more shows the very same difference."""
    for one in differences(found.platform, found.subject, row):
        if (one.field, one.amount) != (found.field, found.amount):
            continue
        is_number_or_row = one.amount is not None or one.field.kind is FieldKind.ROW
        if is_number_or_row or (one.seen, one.expected) == (found.seen, found.expected):
            return True
    return False


def with_in_flight(row: SnapshotRow, in_flight: InFlight | None) -> SnapshotRow:
    """Add to a row, in words, what is on its way."""
    if in_flight is None:
        return row
    parts = []
    if in_flight.events:
        amounts = [
            f"{amount:+d} {what}"
            for amount, what in ((in_flight.xp, "XP"), (in_flight.balance, "balance"))
            if amount
        ]
        brings = f" with {', '.join(amounts)}" if amounts else ""
        parts.append(f"{in_flight.events} more on the way here{brings}")
    if in_flight.buried:
        parts.append(f"{in_flight.buried} buried, see {command('dead', 'list')}")
    return msgspec.structs.replace(row, in_flight="; ".join(parts))


def _less(seen: Value, expected: Value) -> int | None:
    return seen - expected if isinstance(seen, int) and isinstance(expected, int) else None


def _text(value: Value) -> str:
    return NOTHING if value is None else str(value)


def _texts(fields: Mapping[str, Value]) -> str:
    return ", ".join(f"{field} {value}" for field, value in fields.items())


def sentence(one: Difference) -> str:
    """Describe a difference for an administrator, in a sentence."""
    who = f"member {one.member_id}" if one.subject == "books" else f"account {one.account_id}"
    where = f"{one.platform.capitalize()}'s {one.subject}"
    on_its_way = f" ({one.in_flight})" if one.in_flight else ""
    if one.field.kind is FieldKind.ROW:
        return f"{where}: {who} has no row; expected are {one.expected}{on_its_way}."
    by = f" ({one.amount:+d})" if one.amount is not None else ""
    return (
        f"{where}: {one.field.text} of {who} is {one.seen}{by}, expected is"
        f" {one.expected}{on_its_way}."
    )
