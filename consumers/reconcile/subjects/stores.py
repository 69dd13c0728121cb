"""A platform's own table of members against the ledger, where one is configured: a Store."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec
import structlog

from config.community import StoreSetting
from consumers.reconcile.port import CannotLook, Finding, Repair
from consumers.reconcile.rules import NO_WHOLE_NUMBER, ROW, stands, told
from db import Platform, StoreClosed, find_member
from db.reconcile import agreements, corrections, drift, views
from db.reconcile.agreements import Agreement
from db.reconcile.views import StoreSide
from db.stores import debts, writing
from db.stores.port import Change, Holding, Store
from schemas import SnapshotRow
from schemas.fields import USER_ID_MAX as ACCOUNT_ID_MAX
from schemas.snapshots import SubjectName

from .books import GONE
from .manual_changes import tell

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


def identity(setting: StoreSetting | None) -> str:
    """Tell a platform's own table from any other, by how twinstream.toml names it. Pure.

    The setting may hold secrets, so only its hash is kept.
    """
    if setting is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(setting, order="deterministic")).hexdigest()[:16]


class Stored:
    """Compares a platform's own table with the ledger less what is owed."""

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
        """Return the next accounts that the table or we know."""
        ours = await views.accounts_after(conn, self.platform, after, limit)
        try:
            rows = await writing.read(conn, self.platform, self._store, after, limit)
        except StoreClosed as error:
            # One row may be at fault. `read` finds out, for those that we know.
            log.warning("rows.unreadable", platform=self.platform, after=after, why=str(error))
            rows = []
        theirs = [row.account_id for row in rows if _is_account_id(row.account_id)]
        # A row that is held may be gone, and nothing else would lead a pass there.
        held = await drift.held_after(conn, self.platform, self.name, after, limit)
        return sorted({*ours, *theirs, *held})[:limit]

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Look at these accounts' rows, in the view in which the ledger is added up.

        Raises:
            CannotLook: the table cannot be read, or is empty, and yet it should not be.
        """
        try:
            rows = await self._look(conn, ids)
            if not any(row.is_there for row in rows) and any(
                any(row.expected.values()) for row in rows
            ):
                await self._require_anything(conn)
        except StoreClosed as error:
            raise CannotLook(str(error)) from error
        differing = [
            row.member_id for row in rows if row.seen != row.expected and row.member_id is not None
        ]
        under_way = await views.under_way(conn, self.platform, differing) if differing else {}
        return [told(row, under_way.get(row.member_id or 0)) for row in rows]

    async def _look(self, conn: asyncpg.Connection, ids: Sequence[int]) -> list[SnapshotRow]:
        """Return these accounts' rows, but for those that cannot be read.

        Raises:
            StoreClosed: no row of the table can be read.
        """
        found = await writing.read_rows(conn, self.platform, self._store, ids)
        for account_id, why in found.unreadable.items():
            log.warning("row.unreadable", platform=self.platform, account_id=account_id, why=why)
        wanted = sorted({*ids} - {*found.unreadable})
        sides = await views.store_side(conn, self.platform, wanted)
        return [_row(side, found.holdings.get(side.account_id)) for side in sides]

    async def _require_anything(self, conn: asyncpg.Connection) -> None:
        if not await writing.read(conn, self.platform, self._store, 0, 1):
            raise CannotLook("its table is empty, while the community is not")

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Tell as an event what people changed on Telegram, or correct Discord's table.

        A row that never agreed with the ledger comes here once an operator has accepted it. Then
        nothing that it holds is taken away, on either platform.
        """
        try:
            return await self._repair(conn, finding)
        except StoreClosed as error:
            return left_because(str(error))

    async def _repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        # Another finding of the same row may have made the member just now.
        member_id = await find_member(conn, self.platform, finding.subject_id)
        if member_id is not None:
            await corrections.hold_member(conn, member_id, paying=self.platform)
        rows = await self._look(conn, [finding.subject_id])
        if not rows:
            return left_because("its row cannot be read")
        [row] = rows
        if row.member_id != member_id or stands(finding, row) is None:
            return GONE
        if finding.field == ROW:
            await agreements.forget(conn, self.platform, finding.subject_id)
            return await self._owe(conn, row)
        if finding.difference is None:
            return NO_NUMBER
        agreed = await agreements.agreed(conn, self.platform, self._identity, [finding.subject_id])
        is_history = (finding.subject_id, finding.field) not in agreed
        if is_history != (finding.held_for == "history"):
            return GONE  # as what it was found, it is there no more
        repair = await self._put_right(conn, finding, row)
        if repair.decision == "repaired":
            now = Agreement(finding.subject_id, finding.field == "xp", finding.field == "balance")
            await agreements.note(conn, self.platform, self._identity, [now])
        return repair

    async def _put_right(
        self, conn: asyncpg.Connection, finding: Finding, row: SnapshotRow
    ) -> Repair:
        is_history = finding.held_for == "history"
        difference = finding.difference or 0
        if is_history and difference > 0:
            return await tell(conn, finding)
        if is_history:
            seen = row.seen[finding.field]
            if not isinstance(seen, int) or seen < 0:
                return BELOW_ZERO
            return await self._add(conn, finding, ADDED)
        if self.platform == "telegram":
            return await tell(conn, finding)
        return await self._add(conn, finding, CORRECTED)

    async def _add(self, conn: asyncpg.Connection, finding: Finding, done: Repair) -> Repair:
        """Add to the row what it lacks, or has too much."""
        amount = -(finding.difference or 0)
        change = (amount, 0) if finding.field == "xp" else (0, amount)
        written = await writing.write(
            conn, self.platform, self._store, [Change(finding.subject_id, *change)]
        )
        for error in written.refused.values():
            return left_because(str(error))
        for why in written.unapplied.values():
            return left_because(why)
        return done

    async def _owe(self, conn: asyncpg.Connection, row: SnapshotRow) -> Repair:
        assert row.member_id is not None, "of an unknown account nothing is expected"
        owed = {name: value for name, value in row.expected.items() if isinstance(value, int)}
        amounts = debts.Amounts(owed.get("xp", 0), owed.get("balance", 0))
        await debts.owe(conn, self.platform, {row.member_id: amounts})
        return OWED


def left_because(why: str) -> Repair:
    """Say what keeps a row from being corrected; a later pass tries again."""
    return Repair("left", f"It cannot be corrected now, so it is left as it is: {why}.")


def _is_account_id(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= ACCOUNT_ID_MAX


def _row(side: StoreSide, holding: Holding | None) -> SnapshotRow:
    return SnapshotRow(
        id=side.account_id,
        member_id=side.member_id,
        account_id=side.account_id,
        is_there=holding is not None,
        seen={} if holding is None else {"xp": holding.xp, "balance": holding.balance},
        expected={"xp": side.xp, "balance": side.balance},
    )
