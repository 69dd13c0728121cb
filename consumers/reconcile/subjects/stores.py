"""A platform's own table of members against the ledger, where a Store is configured."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec
import structlog

from config.community import StoreSetting
from consumers.reconcile.decisions.differences import still_differs, with_in_flight
from consumers.reconcile.decisions.verdicts import NO_WHOLE_NUMBER
from consumers.reconcile.port import CannotRead, Repair
from db import Platform, StoreClosed
from db.members.accounts import find_member
from db.reconcile import agreeing_rows, comparison_queries, corrections, drift
from db.reconcile.agreeing_rows import AgreedField, Agreement
from db.reconcile.compared_fields import FieldKind
from db.reconcile.comparison_queries import StoreRowView
from db.reconcile.drift import Difference, Finding
from db.stores import row_reading, store_debts
from db.stores.port import Change, Holding, Store
from db.stores.row_refusals import write
from schemas import SnapshotRow
from schemas.fields import USER_ID_MAX as ACCOUNT_ID_MAX
from schemas.snapshots import SubjectName

from .book_repairs import GONE
from .manual_changes import record_as_event

log = structlog.get_logger("twinstream.reconcile")

CORRECTED: Final = Repair("repaired", "The table was corrected to what the ledger adds up to.")
OWED: Final = Repair(
    "repaired",
    "The row was deleted, which is not zero: what it held is owed, and paid once it is back.",
)
ADDED: Final = Repair("repaired", "It was accepted: what the row lacked was added to it.")
NO_NUMBER: Final = Repair("left", NO_WHOLE_NUMBER)
BELOW_ZERO: Final = Repair(
    "left",
    "It is below zero, and no event explains that, so it cannot be imported: correct the row by"
    " hand.",
)

_XP: Final = FieldKind.XP.value
_BALANCE: Final = FieldKind.BALANCE.value


def identity(setting: StoreSetting | None) -> str:
    """Return an identifier of a platform's own table, made from its setting. Pure.

    The setting may hold secrets, so the identifier is a hash.
    """
    if setting is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(setting, order="deterministic")).hexdigest()[:16]


class StoreSubject:
    """Compares a platform's own table with the ledger less what the table is owed."""

    name: SubjectName = "store"
    slice_rows_max = None

    def __init__(
        self, platform: Platform, store: Store, *, setting: StoreSetting | None, page_rows: int
    ) -> None:
        self.platform = platform
        self._identity = identity(setting)
        self.page_rows = page_rows
        self._store = store

    def describe(self) -> Mapping[str, object]:
        """Name the store."""
        return {"compares": f"the store of {self.platform}"}

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return the next accounts that the table or our record has."""
        ours = await comparison_queries.accounts_after(conn, self.platform, after, limit)
        try:
            rows = await row_reading.read(conn, self.platform, self._store, after, limit)
        except StoreClosed as error:
            # One row may be at fault. `read` finds out, for the accounts of our record.
            log.warning("rows.skipped", platform=self.platform, after=after, why=str(error))
            rows = []
        theirs = [row.account_id for row in rows if _is_account_id(row.account_id)]
        # The row of a held finding may be deleted: then neither the table nor our record has it.
        held = await drift.held_after(conn, self.platform, self.name, after, limit)
        return sorted({*ours, *theirs, *held})[:limit]

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Read these accounts' rows, in the view in which the ledger is added up.

        Raises:
            CannotRead: the table cannot be read, or is empty although it should not be.
        """
        try:
            rows = await self.rows(conn, ids)
            is_empty = not any(row.is_there for row in rows)
            if is_empty and any(any(row.expected.values()) for row in rows):
                await self._require_anything(conn)
        except StoreClosed as error:
            raise CannotRead(str(error)) from error
        return await self._with_in_flight(conn, rows)

    async def _with_in_flight(
        self, conn: asyncpg.Connection, rows: Sequence[SnapshotRow]
    ) -> list[SnapshotRow]:
        differing = [
            row.member_id for row in rows if row.seen != row.expected and row.member_id is not None
        ]
        in_flight = (
            await comparison_queries.in_flight(conn, self.platform, differing) if differing else {}
        )
        return [with_in_flight(row, in_flight.get(row.member_id or 0)) for row in rows]

    async def rows(self, conn: asyncpg.Connection, ids: Sequence[int]) -> list[SnapshotRow]:
        """Return these accounts' rows, without those that cannot be read.

        Raises:
            StoreClosed: no row of the table can be read.
        """
        found = await row_reading.read_rows(conn, self.platform, self._store, ids)
        for account_id, why in found.unreadable.items():
            log.warning("row.skipped", platform=self.platform, account_id=account_id, why=why)
        wanted = sorted({*ids} - {*found.unreadable})
        sides = await comparison_queries.store_rows(conn, self.platform, wanted)
        return [_row(side, found.holdings.get(side.account_id)) for side in sides]

    async def _require_anything(self, conn: asyncpg.Connection) -> None:
        if not await row_reading.read(conn, self.platform, self._store, 0, 1):
            raise CannotRead("its table is empty, while the community is not")

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Record as an event what people changed on Telegram, or correct Discord's table.

        A row that never agreed with the ledger comes here once an operator has accepted it. Then
        nothing that it holds is taken away, on either platform.
        """
        try:
            return await self._repair(conn, finding)
        except StoreClosed as error:
            return left_because(str(error))

    async def _repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        what = finding.difference
        # Another finding about the same row may have made the member just now.
        member_id = await find_member(conn, self.platform, what.subject_id)
        if member_id is not None:
            await corrections.lock_member(conn, member_id, paying=self.platform)
        rows = await self.rows(conn, [what.subject_id])
        if not rows:
            return left_because("its row cannot be read")
        [row] = rows
        if row.member_id != member_id or not still_differs(what, row):
            return GONE
        if what.field.kind is FieldKind.ROW:
            await agreeing_rows.forget(conn, self.platform, what.subject_id)
            return await self._owe(conn, row)
        if what.amount is None:
            return NO_NUMBER
        return await self._repair_amount(conn, finding, row)

    async def _repair_amount(
        self, conn: asyncpg.Connection, finding: Finding, row: SnapshotRow
    ) -> Repair:
        what = finding.difference
        agreed = await agreeing_rows.agreed(conn, self.platform, self._identity, [what.subject_id])
        is_history = AgreedField(what.subject_id, what.field.kind) not in agreed
        if is_history != (what.held_for == "history"):
            return GONE  # it was found as history and agreed since, or the other way round
        repair = await self._put_right(conn, finding, row)
        if repair.decision == "repaired":
            now = Agreement(
                what.subject_id,
                xp=what.field.kind is FieldKind.XP,
                balance=what.field.kind is FieldKind.BALANCE,
            )
            await agreeing_rows.note(conn, self.platform, self._identity, [now])
        return repair

    async def _put_right(
        self, conn: asyncpg.Connection, finding: Finding, row: SnapshotRow
    ) -> Repair:
        what = finding.difference
        is_history = what.held_for == "history"
        amount = what.amount or 0
        if is_history and amount > 0:
            return await self._import(conn, finding)
        if is_history:
            seen = row.seen[what.field.text]
            if not isinstance(seen, int) or seen < 0:
                return BELOW_ZERO
            return await self._add(conn, what, ADDED)
        if self.platform == "telegram":
            return await record_as_event(conn, finding)
        return await self._add(conn, what, CORRECTED)

    async def _import(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Record history as an event, unless `import-history` or a link brought it meanwhile.

        An account without a member cannot be locked before its event is recorded, so the row is
        compared once more after it.
        """
        what = finding.difference
        recording = conn.transaction()
        await recording.start()
        repair = await record_as_event(conn, finding)
        rows = await self.rows(conn, [what.subject_id])
        field = what.field.text
        if repair.decision == "repaired" and any(
            row.seen.get(field) != row.expected[field] for row in rows
        ):
            repair = GONE
        await (recording.commit() if repair.decision == "repaired" else recording.rollback())
        return repair

    async def _add(self, conn: asyncpg.Connection, what: Difference, done: Repair) -> Repair:
        """Add to the row what it lacks, or take from it what it has too much."""
        amount = -(what.amount or 0)
        is_xp = what.field.kind is FieldKind.XP
        change = Change(what.subject_id, amount if is_xp else 0, 0 if is_xp else amount)
        written = await write(conn, self.platform, self._store, [change])
        for error in written.refused.values():
            return left_because(str(error))
        for why in written.unapplied.values():
            return left_because(why)
        return done

    async def _owe(self, conn: asyncpg.Connection, row: SnapshotRow) -> Repair:
        assert row.member_id is not None, "of an unknown account nothing is expected"
        xp, balance = row.expected[_XP], row.expected[_BALANCE]
        amounts = store_debts.Amounts(
            xp if isinstance(xp, int) else 0, balance if isinstance(balance, int) else 0
        )
        await store_debts.owe(conn, self.platform, {row.member_id: amounts})
        return OWED


def left_because(why: str) -> Repair:
    """Leave a row with the reason why it cannot be corrected now; a later pass tries again."""
    return Repair("left", f"It cannot be corrected now, so it is left as it is: {why}.")


def _is_account_id(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= ACCOUNT_ID_MAX


def _row(side: StoreRowView, holding: Holding | None) -> SnapshotRow:
    return SnapshotRow(
        id=side.account_id,
        member_id=side.member_id,
        account_id=side.account_id,
        is_there=holding is not None,
        seen={} if holding is None else {_XP: holding.xp, _BALANCE: holding.balance},
        expected={_XP: side.xp, _BALANCE: side.balance},
    )
