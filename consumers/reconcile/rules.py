"""The decisions of a pass, all of them pure: what differs, what is refused, what becomes of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from config import ReconcileSetting
from db import Platform
from db.reconcile.agreements import Agreement, Field
from db.reconcile.drift import Difference, HeldFor, Tally
from db.reconcile.pages import PageRecord
from db.reconcile.runs import Run
from db.reconcile.views import UnderWay
from schemas import SnapshotPage, SnapshotRow, page_checksum
from schemas.fields import DELTA_MAX
from schemas.snapshots import SubjectName, Value

from .port import Finding

ROW: Final = "row"
NO_ROW: Final = "no row"
NOTHING: Final = "nothing"
#: The fields that hold amounts; all others hold names, ranks and sets.
AMOUNTS: Final = ("xp", "balance", "total xp", "total balance")


class Place(NamedTuple):
    """The community that this deployment keeps."""

    chat_id: int
    guild_id: int


class Verdict(NamedTuple):
    """What is to become of a finding: a decision with its reason, or a repair."""

    decision: Literal["watched", "held", "left", "repair"]
    why: str = ""


def compare(page: SnapshotPage) -> list[Difference]:
    """List what a page shows to differ, field by field."""
    return [one for row in page.rows for one in differences(page.platform, page.subject, row)]


def differences(platform: Platform, subject: SubjectName, row: SnapshotRow) -> list[Difference]:
    """List in which fields one member differs.

    Where the platform has no row of a member of whom our record has something, that is one
    difference, `row`: what is not there is not zero.
    """
    found: list[tuple[str, str, str, int | None]] = []
    fields = row.seen | row.expected
    if not row.is_there:
        unseen = {field: value for field, value in row.expected.items() if field not in row.seen}
        fields = {field: value for field, value in fields.items() if field not in unseen}
        if expected := {field: value for field, value in unseen.items() if value}:
            found.append((ROW, NO_ROW, _told_all(expected), None))
    for field in fields:
        seen, expects = row.seen.get(field), row.expected.get(field)
        if seen != expects:
            found.append((field, _told(seen), _told(expects), _less(seen, expects)))
    return [
        Difference(platform, subject, row.id, row.member_id, row.account_id, *one, row.in_flight)
        for one in found
    ]


def agreements(page: SnapshotPage) -> list[Agreement]:
    """List the rows of a platform's own table that agree with the ledger, and in which fields.

    Zero and zero is no agreement: a row that its bot has not begun to count in proves nothing.
    """
    if page.subject != "store":
        return []
    found = [
        Agreement(row.id, *(bool(row.expected.get(field)) and row.seen.get(field)
                            == row.expected[field] for field in ("xp", "balance")))
        for row in page.rows if row.is_there
    ]  # fmt: skip
    return [one for one in found if one.xp or one.balance]


def held_for(one: Difference, agreed: Collection[tuple[int, Field]]) -> HeldFor | None:
    """Say why a difference is held by itself, without stopping the pass; None if it is drift.

    `agreed` names the accounts and fields in which a row of the platform's own table agreed with
    the ledger before.
    """
    if one.field not in AMOUNTS:
        return None
    if one.subject == "store" and (one.subject_id, one.field) not in agreed:
        return "history"
    if one.difference is None or abs(one.difference) > DELTA_MAX:
        return "number"
    return None


def stands(finding: Finding, row: SnapshotRow) -> Difference | None:
    """Return the difference of a finding if a fresh look shows the very same one."""
    for one in differences(finding.platform, finding.subject, row):
        if one.field != finding.field or one.difference != finding.difference:
            continue
        if one.difference is not None or one.field == ROW:
            return one
        if (one.seen, one.expected) == (finding.seen, finding.expected):
            return one
    return None


def told(row: SnapshotRow, under_way: UnderWay | None) -> SnapshotRow:
    """Add to a row, in words, what is on its way."""
    if under_way is None:
        return row
    parts = []
    if under_way.events:
        amounts = [
            f"{amount:+d} {what}"
            for amount, what in ((under_way.xp, "XP"), (under_way.balance, "balance"))
            if amount
        ]
        brings = f" with {', '.join(amounts)}" if amounts else ""
        parts.append(f"{under_way.events} more on the way here{brings}")
    if under_way.buried:
        parts.append(f"{under_way.buried} buried, see `dead list`")
    return msgspec.structs.replace(row, in_flight="; ".join(parts))


def _less(seen: Value, expected: Value) -> int | None:
    return seen - expected if isinstance(seen, int) and isinstance(expected, int) else None


def _told(value: Value) -> str:
    return NOTHING if value is None else str(value)


def _told_all(fields: Mapping[str, Value]) -> str:
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
    """Say which limit a pass would exceed if everything that it found were changed; None if none.

    A few members may always differ, so that a small community is not stopped by one mistake.
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
    """Decide about one finding: nothing is repaired that was not seen twice.

    What was held before is held until an operator accepts it. If too much differed at once, that is
    so however few of it are seen at a time.
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
    """Tell an administrator what was seen, in a sentence."""
    who = f"member {one.member_id}" if one.subject == "books" else f"account {one.account_id}"
    where = f"{one.platform.capitalize()}'s {one.subject}"
    under_way = f" ({one.in_flight})" if one.in_flight else ""
    if one.field == "row":
        return f"{where}: {who} has no row; expected are {one.expected}{under_way}."
    by = f" ({one.difference:+d})" if one.difference is not None else ""
    return (
        f"{where}: {one.field} of {who} is {one.seen}{by}, expected is {one.expected}{under_way}."
    )


def held_sentence(one: Difference) -> str:
    """Tell an operator why a finding is held by itself, and what ends that."""
    if one.difference is None:
        return f"{sentence(one)} {NO_WHOLE_NUMBER}"
    if one.held_for == "number":
        return (
            f"{sentence(one)} That is more than one event may carry ({DELTA_MAX}), so it is held by"
            " itself. Nothing was changed. Correct it by hand, or accept it: `python -m consumers"
            " reconcile --now --accept`."
        )
    what = "XP" if one.field == "xp" else one.field
    row = f"{one.platform.capitalize()}'s store: the row of account {one.account_id}"
    numbers = f"(it says {one.seen}, the ledger {one.expected})"
    if one.difference > 0:
        begin = f"{row} had {one.difference} {what} that no entry of the ledger accounts for"
        accepting = "Accepting imports it as an event: the row stays, and both platforms have it"
    else:
        begin = f"{row} has {-one.difference} {what} less than the ledger accounts for"
        accepting = "Accepting adds it to the row, unless the row is below zero"
    return (
        f"{begin} {numbers}. The row was not seen to agree with the ledger yet, so twinstream takes"
        f" that for older than itself. Nothing was changed. {accepting}: `python -m consumers"
        " reconcile --now --accept`. Or correct the row by hand."
    )


NO_WHOLE_NUMBER: Final = (
    "That is no whole number, so nothing can be added to it or compared with it. Nothing was"
    " changed: correct the row by hand."
)
