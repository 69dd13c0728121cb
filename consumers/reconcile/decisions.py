"""The decisions of a pass, all of them pure: what differs, what is refused, what becomes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from config import ReconcileSetting
from db.drift import Difference, Tally
from db.reconcile_pages import PageRecord
from schemas import SnapshotPage, SnapshotRow, page_checksum
from schemas.snapshots import Value

NO_ROW: Final = "no row"
NOTHING: Final = "nothing"


class Place(NamedTuple):
    """The community that this deployment keeps."""

    chat_id: int
    guild_id: int


class Verdict(NamedTuple):
    """What is to become of a finding."""

    kind: Literal["watch", "repair", "leave"]
    why: str = ""


def compare(page: SnapshotPage) -> list[Difference]:
    """List what a page shows to differ, field by field.

    One of whom the platform has nothing, and our record something, is one difference: the row.
    """
    return [one for row in page.rows for one in _differences(page, row)]


def _differences(page: SnapshotPage, row: SnapshotRow) -> list[Difference]:
    if not row.is_there:
        owed = {field: value for field, value in row.expected.items() if value}
        seen_anything = {field: value for field, value in row.seen.items() if value}
        if owed and not seen_anything:
            return [_difference(page, row, "row", NO_ROW, _told_all(owed), None)]
    return [
        _difference(page, row, field, _told(seen), _told(expected), _less(seen, expected))
        for field in row.seen | row.expected
        for seen, expected in [(row.seen.get(field), row.expected.get(field))]
        if seen != expected
    ]


def _difference(
    page: SnapshotPage,
    row: SnapshotRow,
    field: str,
    seen: str,
    expected: str,
    difference: int | None,
) -> Difference:
    return Difference(
        platform=page.platform,
        subject=page.subject,
        subject_id=row.id,
        member_id=row.member_id,
        account_id=row.account_id,
        field=field,
        seen=seen,
        expected=expected,
        difference=difference,
        in_flight=row.in_flight,
    )


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


def verdict(one: Difference, *, seen_before: bool, dry_run: bool) -> Verdict:
    """Decide about one finding: nothing is repaired that was not seen twice."""
    if dry_run:
        return Verdict("leave", f"{sentence(one)} Only looked at: it was a dry run.")
    if not seen_before:
        return Verdict("watch", f"{sentence(one)} Seen for the first time.")
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
