"""The books of one platform, our own: `sync_state`, achievements and totals against the ledger."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

import schemas
from consumers.reconcile.port import Finding, Repair
from consumers.reconcile.rules import ROW, stands, told
from db import Platform, RuleBroken
from db.ledger.entries import LedgerRow
from db.reconcile import corrections, views
from db.reconcile.views import BooksLook
from schemas import SnapshotRow
from schemas.snapshots import SubjectName, Value

from .manual_changes import tell

ACHIEVEMENT: Final = "achievement:"
ENTRY: Final = "entry:"
HELD: Final = "held"
ENTERED: Final = "entered"
RANK: Final = "rank"
WANTED: Final = "rank to show"
TOTAL_XP: Final = "total xp"
TOTAL_BALANCE: Final = "total balance"

GONE: Final = Repair("gone", "Under lock it was not there any more.")
CORRECTED: Final = Repair("repaired", "The books were corrected to what the ledger adds up to.")


class Books:
    """Compares and corrects one platform's books. The totals are looked at with Telegram's.

    `are_the_truth` says whether people's own changes are made here: on Telegram, unless a table of
    the bot's holds its books.
    """

    name: SubjectName = "books"
    slice_rows_max = None

    def __init__(self, platform: Platform, *, page_rows: int, are_the_truth: bool) -> None:
        self.platform = platform
        self.page_rows = page_rows
        self._are_the_truth = are_the_truth

    def describe(self) -> Mapping[str, object]:
        """Name the tables."""
        return {"compares": "sync_state, achievements"}

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return the next members."""
        return await views.members_after(conn, after, limit)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Look at these members, in one view."""
        looks = await views.books(conn, self.platform, ids)
        rows = [self._row(look) for look in looks]
        differing = [row.id for row in rows if row.seen != row.expected]
        under_way = await views.under_way(conn, self.platform, differing) if differing else {}
        return [told(row, under_way.get(row.id)) for row in rows]

    def _row(self, look: BooksLook) -> SnapshotRow:
        seen: dict[str, Value] = {}
        expected: dict[str, Value] = {"xp": look.expected_xp, "balance": look.expected_balance}
        if look.is_there:
            seen = {"xp": look.seen_xp, "balance": look.seen_balance}
            # What is right nearly always is on the page only when it is not. Rank follows from XP,
            # so as long as that differs there is nothing to say of rank.
            if look.seen_xp == look.expected_xp and look.seen_rank != look.expected_rank:
                seen[RANK], expected[RANK] = look.seen_rank, look.expected_rank
            elif look.wanted_rank not in (None, look.seen_rank):
                seen[WANTED], expected[WANTED] = look.wanted_rank, look.seen_rank
        expected |= {f"{ACHIEVEMENT}{name}": HELD for name in look.missing}
        seen |= {f"{ACHIEVEMENT}{name}": HELD for name in look.additional}
        expected |= {f"{ENTRY}{key}": ENTERED for key in look.unentered}
        if self.platform == "telegram":
            seen |= {TOTAL_XP: look.seen_total_xp, TOTAL_BALANCE: look.seen_total_balance}
            expected[TOTAL_XP] = look.expected_total_xp
            expected[TOTAL_BALANCE] = look.expected_total_balance
        return SnapshotRow(
            id=look.member_id,
            member_id=look.member_id,
            account_id=look.account_id,
            is_there=look.is_there,
            seen=seen,
            expected=expected,
        )

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Correct the books, or tell as an event what people changed on Telegram."""
        member_id = finding.subject_id
        if not await corrections.hold_member(conn, member_id):
            return GONE
        [look] = await views.books(conn, self.platform, [member_id])
        if stands(finding, self._row(look)) is None:
            return GONE
        # The account may have come by a link since the pass looked.
        finding = finding._replace(account_id=look.account_id)
        if finding.field in (RANK, WANTED):
            await corrections.want_rank(conn, self.platform, member_id)
        elif finding.field == ROW:
            await corrections.add_to_books(
                conn,
                self.platform,
                member_id,
                xp=look.expected_xp,
                balance=look.expected_balance,
            )
        elif finding.field in (TOTAL_XP, TOTAL_BALANCE):
            return await self._correct_total(conn, finding)
        elif finding.field.startswith(ENTRY):
            return await _send_again(conn, finding.field.removeprefix(ENTRY))
        elif finding.field.startswith(ACHIEVEMENT):
            return await self._repair_achievement(conn, finding)
        elif self._are_the_truth and finding.account_id is not None:
            return await self._tell(conn, finding)
        else:
            await self._add(conn, finding, -(finding.difference or 0))
        return CORRECTED

    async def _add(self, conn: asyncpg.Connection, finding: Finding, amount: int) -> None:
        xp, balance = (amount, 0) if finding.field == "xp" else (0, amount)
        await corrections.add_to_books(
            conn, self.platform, finding.subject_id, xp=xp, balance=balance
        )

    async def _tell(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Take the change out of the books, because recording it adds it again."""
        savepoint = conn.transaction()
        await savepoint.start()
        await self._add(conn, finding, -(finding.difference or 0))
        told_or_not = await tell(conn, finding)
        if told_or_not.decision == "repaired":
            await savepoint.commit()
        else:
            await savepoint.rollback()
        return told_or_not

    async def _correct_total(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        amount = -(finding.difference or 0)
        xp, balance = (amount, 0) if finding.field == TOTAL_XP else (0, amount)
        try:
            async with conn.transaction():
                await corrections.add_to_totals(conn, finding.subject_id, xp=xp, balance=balance)
        except RuleBroken as error:
            return Repair("left", f"It cannot be corrected, so it is left as it is: {error}.")
        return CORRECTED

    async def _repair_achievement(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        name = finding.field.removeprefix(ACHIEVEMENT)
        if finding.seen != HELD:
            await corrections.unlock(conn, self.platform, finding.subject_id, name)
            return Repair("repaired", "An achievement is held for ever, so it was put back.")
        if self.platform == "telegram" and finding.account_id is not None:
            return await tell(conn, finding)
        await corrections.lock(conn, self.platform, finding.subject_id, name)
        return CORRECTED


async def _send_again(conn: asyncpg.Connection, key: str) -> Repair:
    row = await corrections.origin_row(conn, key)
    if row is None:
        return GONE
    try:
        payload = schemas.encode(_event_of(row))
    except schemas.SchemaError as error:
        return Repair("left", f"It cannot be sent again, so it is left as it is: {error}.")
    await corrections.send_again(conn, row, payload)
    return Repair("repaired", "The event is sent again, and takes effect when it arrives.", key)


def _event_of(row: LedgerRow) -> schemas.Event:
    """Make the event anew that a ledger row was made of."""
    parts: schemas.EventParts = {
        "user_id": row.account_id,
        "source": row.source,
        "reason": row.reason,
        "entity_id": row.entity_id,
        "occurred_at": row.occurred_at,
        "idempotency_key": row.idempotency_key,
    }
    if row.achievement is not None:
        return schemas.achievement_unlocked(achievement=row.achievement, **parts)
    if row.delta_xp:
        return schemas.xp_changed(delta_xp=row.delta_xp, **parts)
    return schemas.balance_changed(delta_balance=row.delta_balance, **parts)
