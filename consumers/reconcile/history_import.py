"""The import of history: what a bot's own table held before twinstream becomes events.

Rows are looked at in pages, in account order. The rows of a page that hold history are locked: no
event is recorded or settled for their members, and no debt is paid to them, until the page commits.
Under these locks the table and the ledger are read once more, so the event carries exactly what the
row has beyond the ledger, although members play meanwhile: a win before the page is in both, and a
win after it is added to both.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

import asyncpg

import schemas
from config.community import StoreSetting
from consumers.runtime.operator_commands import command
from consumers.runtime.transactions import transaction
from db import Contention, IdempotencyConflict, Platform, RuleBroken, Store, stop_signs
from db.connections import LOCK_WAIT_AGAIN_MS, LOCK_WAIT_MS
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.reconcile import agreeing_rows, drift, imports
from db.reconcile.agreeing_rows import Agreement
from db.reconcile.compared_fields import FieldKind
from db.reconcile.imports import RankChange
from db.upkeep import status

from .decisions.history_rows import LeftAlone, Surplus, event_of, import_key, sort_row
from .subjects.stores import StoreSubject, identity

#: Accounts of one page. Its members wait for its transaction, some tenths of a second.
PAGE_ROWS: Final = 500
#: Attempts at one page while other transactions are in the way.
ATTEMPTS_MAX: Final = 5
#: Events on their way, at most, before the next page is imported: Redis holds them all.
UNDER_WAY_MAX: Final = 20_000
#: Accounts that are kept as examples of rows that are left alone for one reason.
EXAMPLES_MAX: Final = 3

UNREADABLE: Final = "the row cannot be read"
#: Accounts of a page that other transactions keep, before the rest of it is left as well.
HELD_MAX: Final = 10
IN_USE: Final = "another transaction holds the member: run the import again"
IMPORTED_BEFORE: Final = (
    f"imported before: look at the row, then {command('reconcile', '--now', '--accept')}, or"
    " correct it by hand"
)


@dataclass(slots=True)
class Totals:
    """The sums of an import so far. Their size does not grow with the table."""

    looked_at: int = 0
    members: int = 0
    """Members with history that is imported."""
    new_members: int = 0
    """Those of them of whom twinstream knew nothing."""
    xp: int = 0
    balance: int = 0
    ranks: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How many members come from one rank to another, by both."""
    left: Counter[str] = field(default_factory=Counter)
    """How many fields of rows are left alone, by reason."""
    examples: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Some accounts whose rows are left alone, by reason."""

    def add(self, page: "Page") -> None:
        """Add a page that was imported, or looked at."""
        self.looked_at += page.looked_at
        self.members += len({one.account_id for one in page.imported})
        self.new_members += page.new_members
        self.xp += sum(one.amount for one in page.imported if one.kind is FieldKind.XP)
        self.balance += sum(one.amount for one in page.imported if one.kind is FieldKind.BALANCE)
        for change in page.ranks:
            self.ranks[change.before, change.after] += change.members
        for one in page.left:
            self.left[one.why] += 1
            if len(self.examples[one.why]) < EXAMPLES_MAX:
                self.examples[one.why].append(one.account_id)


class Page(NamedTuple):
    """The outcome of one page: imported, or only looked at."""

    looked_at: int
    imported: Sequence[Surplus]
    left: Sequence[LeftAlone]
    new_members: int
    ranks: Sequence[RankChange]


class _Sorted(NamedTuple):
    surplus: list[Surplus]
    left: list[LeftAlone]


class HistoryImport:
    """Imports what one platform's own table held before twinstream, page by page.

    It may be stopped and begun again at any point: each page commits as a whole, and the key of an
    account's event is the same in every run. Two imports at once do the same.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        platform: Platform,
        store: Store,
        *,
        setting: StoreSetting | None,
        dry_run: bool = False,
        page_rows: int = PAGE_ROWS,
        forget_secret: str | None = None,
    ) -> None:
        self._forget_secret = forget_secret
        self._pool = pool
        self._platform = platform
        self._identity = identity(setting)
        self._subject = StoreSubject(platform, store, setting=setting, page_rows=page_rows)
        self.dry_run = dry_run
        self._after = 0
        self.totals = Totals()

    async def has_room(self) -> bool:
        """Tell whether few enough events are on their way for another page."""
        async with transaction(self._pool) as conn:
            counts = await status.uncompleted_events(conn)
        return counts["pending"] + counts["published"] < UNDER_WAY_MAX

    async def step(self) -> bool:
        """Import the next page, or look at it in a dry run. False once there are no more rows.

        Raises:
            Paused: the stop sign of this release is set; pages that were imported stay.
            StoreClosed: the table cannot be read.
            Contention: other transactions were in the way each time; begin again.
            StorageUnavailable: Postgres is away; begin again.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._step()
            except Contention:
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _step(self) -> bool:
        async with transaction(self._pool) as conn:
            if not self.dry_run:
                await stop_signs.obey(conn)
            ids = await self._subject.ids_after(conn, self._after, self._subject.page_rows)
            if not ids:
                return False
            page = await (self._look(conn, ids) if self.dry_run else self.import_page(conn, ids))
        # After the commit: a page that was rolled back is taken again.
        self.totals.add(page)
        self._after = ids[-1]
        return True

    async def _look(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Page:
        found = await self._sort(conn, ids)
        wanted = _accounts(found.surplus)
        known = await imports.known_accounts(conn, self._platform, wanted)
        ranks = await self._rank_changes(conn, found.surplus, is_recorded=False)
        return Page(len(ids), found.surplus, found.left, len({*wanted} - known), ranks)

    async def import_page(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Page:
        """Import what these accounts' rows hold, in the caller's transaction (READ COMMITTED)."""
        found = await self._sort(conn, ids)
        wanted = _accounts(found.surplus)
        known = await imports.known_accounts(conn, self._platform, wanted)
        locked = await self._lock(conn, wanted, wait_ms=LOCK_WAIT_MS, held=[])
        # The rows may have changed while this transaction waited for the locks.
        again = await self._sort(conn, sorted(locked))
        imported, refused = await self._record(conn, again.surplus)
        await self._note(conn, imported)
        ranks = await self._rank_changes(conn, imported, is_recorded=True)
        left = [
            *(one for one in found.left if one.account_id not in locked),
            *(LeftAlone(one, IN_USE) for one in wanted if one not in locked),
            *again.left,
            *refused,
        ]
        return Page(len(ids), imported, left, len({*_accounts(imported)} - known), ranks)

    async def _sort(self, conn: asyncpg.Connection, ids: Sequence[int]) -> _Sorted:
        rows = await self._subject.rows(conn, ids)
        agreed = await agreeing_rows.agreed(conn, self._platform, self._identity, ids)
        readable = {row.id for row in rows}
        sorted_rows = [sort_row(row, agreed) for row in rows]
        return _Sorted(
            [one for row in sorted_rows for one in row.surplus],
            [one for row in sorted_rows for one in row.left]
            + [LeftAlone(one, UNREADABLE) for one in ids if one not in readable],
        )

    async def _lock(
        self, conn: asyncpg.Connection, accounts: Sequence[int], *, wait_ms: int, held: list[int]
    ) -> set[int]:
        """Lock these accounts' rows; return those that no other transaction keeps for itself.

        Accounts that others keep are added to `held`. Beyond HELD_MAX of them the rest is left, or
        the members who are locked already would wait for the search.
        """
        if not accounts or len(held) >= HELD_MAX:
            return set()
        try:
            await imports.lock_rows(conn, self._platform, accounts, wait_ms=wait_ms)
        except Contention:
            if len(accounts) == 1:
                held += accounts
                return set()
            middle = len(accounts) // 2
            return {
                account
                for half in (accounts[:middle], accounts[middle:])
                for account in await self._lock(conn, half, wait_ms=LOCK_WAIT_AGAIN_MS, held=held)
            }
        return {*accounts}

    async def _record(
        self, conn: asyncpg.Connection, surplus: Sequence[Surplus]
    ) -> tuple[list[Surplus], list[LeftAlone]]:
        """Record events; halve those that the record refuses until the one at fault is alone."""
        if not surplus:
            return [], []
        try:
            now = datetime.now(UTC)
            built = [event_of(self._platform, one, now) for one in surplus]
            async with conn.transaction():
                receipts = await events.record_ours(
                    conn,
                    self._platform,
                    [Envelope(event, schemas.encode(event)) for event in built],
                    is_left_to_relay=True,
                    forget_secret=self._forget_secret,
                )
        except (RuleBroken, IdempotencyConflict, schemas.SchemaError) as error:
            if len(surplus) == 1:
                return [], [LeftAlone(surplus[0].account_id, _why_refused(error))]
            middle = len(surplus) // 2
            imported, left = await self._record(conn, surplus[:middle])
            more_imported, more_left = await self._record(conn, surplus[middle:])
            return imported + more_imported, left + more_left
        # A key that is in the ledger counted already, so the row holds its amount once more.
        together = list(zip(surplus, receipts, strict=True))
        return [one for one, receipt in together if receipt.created], [
            LeftAlone(one.account_id, IMPORTED_BEFORE)
            for one, receipt in together
            if not receipt.created
        ]

    async def _note(self, conn: asyncpg.Connection, imported: Sequence[Surplus]) -> None:
        """Note that these fields agree with the ledger now, and close what was held of them."""
        kinds = defaultdict[int, set[FieldKind]](set)
        for one in imported:
            kinds[one.account_id].add(one.kind)
        agreed = [
            Agreement(account, xp=FieldKind.XP in these, balance=FieldKind.BALANCE in these)
            for account, these in kinds.items()
        ]
        await agreeing_rows.note(conn, self._platform, self._identity, agreed)
        keys = {
            (one.account_id, one.kind.value): import_key(self._platform, one.account_id, one.kind)
            for one in imported
        }
        await drift.note_imported(conn, self._platform, self._subject.name, keys)

    async def _rank_changes(
        self, conn: asyncpg.Connection, surplus: Sequence[Surplus], *, is_recorded: bool
    ) -> list[RankChange]:
        xp = {one.account_id: one.amount for one in surplus if one.kind is FieldKind.XP}
        return await imports.rank_changes(conn, self._platform, xp, is_recorded=is_recorded)


def _why_refused(error: RuleBroken | IdempotencyConflict | schemas.SchemaError) -> str:
    """Name the rule only: the text of an error has numbers of its row, and rows are counted."""
    if isinstance(error, RuleBroken):
        return f"the record refuses it ({error.rule}): correct the row by hand"
    if isinstance(error, IdempotencyConflict):
        return IMPORTED_BEFORE
    return "no event can carry it: correct the row by hand"


def _accounts(surplus: Iterable[Surplus]) -> list[int]:
    return sorted({one.account_id for one in surplus})
