"""The rules of a pass, all pure: what differs, what is refused, what becomes of a finding."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from config import ReconcileSetting
from db import Platform
from db.reconcile.agreements import AgreedField, Agreement
from db.reconcile.drift import Decision, Difference, HeldFor, Tally
from db.reconcile.fields import AMOUNTS, Field, FieldKind
from db.reconcile.pages import PageRecord
from db.reconcile.runs import Run
from db.reconcile.views import InFlight
from schemas import SnapshotPage, SnapshotRow, page_checksum
from schemas.fields import DELTA_MAX
from schemas.snapshots import Value

NO_ROW: Final = "no row"
NOTHING: Final = "nothing"
NO_WHOLE_NUMBER: Final = (
    "That is no whole number, so nothing can be added to it or compared with it. Nothing was"
    " changed: correct the row by hand."
)


class Place(NamedTuple):
    """The community that this deployment serves."""

    chat_id: int
    guild_id: int


class Verdict(NamedTuple):
    """The verdict on a finding: a decision with its reason, or that it is to be repaired."""

    decision: Literal["watched", "held", "left", "repair"]
    why: str = ""


class Stop(NamedTuple):
    """Why a pass is stopped, and what is decided about its undecided findings."""

    why: str
    decision: Decision = "stopped"


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


def held_for(one: Difference, agreed: Collection[AgreedField]) -> HeldFor | None:
    """Say why a difference is held by itself, without stopping the pass; None if it is drift.

    `agreed` are the fields in which a row of the platform's own table agreed with the ledger
    before.
    """
    if one.field.kind not in AMOUNTS:
        return None
    if one.subject == "store" and AgreedField(one.subject_id, one.field.kind) not in agreed:
        return "history"
    if one.amount is None or abs(one.amount) > DELTA_MAX:
        return "number"
    return None


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
        parts.append(f"{in_flight.buried} buried, see `dead list`")
    return msgspec.structs.replace(row, in_flight="; ".join(parts))


def _less(seen: Value, expected: Value) -> int | None:
    return seen - expected if isinstance(seen, int) and isinstance(expected, int) else None


def _text(value: Value) -> str:
    return NOTHING if value is None else str(value)


def _texts(fields: Mapping[str, Value]) -> str:
    return ", ".join(f"{field} {value}" for field, value in fields.items())


def refusal(
    page: SnapshotPage, record: PageRecord, place: Place, now: datetime, *, age_s_max: float
) -> str | None:
    """Say why nothing may be concluded from a page; None if everything may."""
    if page_checksum(page) != page.checksum:
        return "its checksum is wrong: it was changed or cut short on its way"
    if (page.chat_id, page.guild_id) != place:
        return (
            f"it is of another community (chat {page.chat_id}, server {page.guild_id});"
            f" this one is chat {place.chat_id}, server {place.guild_id}"
        )
    if page.count != len(page.rows) or page.count != record.rows:
        return f"it should have {record.rows} rows, says {page.count}, and has {len(page.rows)}"
    if any(not page.after < row.id <= page.upto for row in page.rows) and page.part != "touched":
        return f"it has rows outside of its range, {page.after} to {page.upto}"
    age = now - page.taken_at
    if age > timedelta(seconds=age_s_max):
        return f"it was taken {age.total_seconds():.0f} s ago, more than {age_s_max:.0f} s"
    return None


def too_much(tallies: Sequence[Tally], limits: ReconcileSetting) -> str | None:
    """Say which limit a pass would exceed if it repaired everything it found; None if none.

    `members_always` members may differ in any case, so that one mistake does not stop the pass over
    a small community.
    """
    for one in tallies:
        allowed = max(limits.members_always, limits.members_share_max * one.looked_at)
        where = f"{one.platform} {one.subject}"
        if one.differing > allowed:
            return (
                f"{where}: {one.differing} of {one.looked_at} members differ, more than"
                f" members_share_max = {limits.members_share_max} allows"
            )
        if one.xp > limits.xp_max:
            return f"{where}: {one.xp} XP would change, more than xp_max = {limits.xp_max}"
        if one.balance > limits.balance_max:
            return (
                f"{where}: {one.balance} of balance would change, more than"
                f" balance_max = {limits.balance_max}"
            )
    return None


def verdict(one: Difference, *, before: str | None, run: Run) -> Verdict:
    """Decide about one finding: a difference is repaired when a second pass sees it.

    A finding that was held before stays held until an operator accepts it. After too much differed
    at once, that holds however few of the findings later passes see at a time.
    """
    if run.dry_run:
        return Verdict("left", f"{sentence(one)} Only looked at: it was a dry run.")
    if one.held_for is not None and (before is None or not run.accepted):
        return Verdict("held", held_sentence(one))
    if before is None:
        return Verdict("watched", f"{sentence(one)} Seen for the first time.")
    if before == "held" and not run.accepted:
        return Verdict("held", f"{sentence(one)} It waits for an operator, with --accept.")
    return Verdict("repair")


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


def held_sentence(one: Difference) -> str:
    """Explain to an operator why a finding is held by itself, and how to end that."""
    if one.amount is None:
        return f"{sentence(one)} {NO_WHOLE_NUMBER}"
    if one.held_for == "number":
        return (
            f"{sentence(one)} That is more than one event may carry ({DELTA_MAX}), so it is held by"
            " itself. Nothing was changed. Correct it by hand, or accept it: `python -m consumers"
            " reconcile --now --accept`."
        )
    what = "XP" if one.field.kind is FieldKind.XP else one.field.text
    row = f"{one.platform.capitalize()}'s store: the row of account {one.account_id}"
    numbers = f"(it says {one.seen}, the ledger {one.expected})"
    if one.amount > 0:
        begin = f"{row} had {one.amount} {what} that no entry of the ledger accounts for"
        accepting = "Accepting imports it as an event: the row stays, and both platforms have it"
    else:
        begin = f"{row} has {-one.amount} {what} less than the ledger accounts for"
        accepting = "Accepting adds it to the row, unless the row is below zero"
    return (
        f"{begin} {numbers}. The row was not seen to agree with the ledger yet, so twinstream takes"
        f" the difference for older than itself. Nothing was changed. {accepting}: `python -m"
        " consumers reconcile --now --accept`. Or correct the row by hand."
    )
