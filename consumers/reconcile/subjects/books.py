"""The books of one platform, our own: `sync_state`, achievements and totals against the ledger."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from consumers.reconcile.decisions.differences import still_differs, with_in_flight
from consumers.reconcile.port import Repair
from db import Platform
from db.reconcile import comparison_queries, corrections
from db.reconcile.compared_fields import Field, FieldKind
from db.reconcile.comparison_queries import BooksView
from db.reconcile.drift import Finding
from schemas import SnapshotRow
from schemas.snapshots import SubjectName, Value

from .book_repairs import GONE, HELD, Broken, repair_books

#: The value of a key that one ledger has and the other has not.
ENTERED: Final = "entered"

_XP: Final = FieldKind.XP.value
_BALANCE: Final = FieldKind.BALANCE.value
_DISCORD_XP: Final = FieldKind.DISCORD_XP.value
_DISCORD_BALANCE: Final = FieldKind.DISCORD_BALANCE.value
_RANK: Final = FieldKind.RANK.value
_WANTED_RANK: Final = FieldKind.WANTED_RANK.value
_TOTAL_XP: Final = FieldKind.TOTAL_XP.value
_TOTAL_BALANCE: Final = FieldKind.TOTAL_BALANCE.value


class BooksSubject:
    """Compares and corrects one platform's books. The totals are compared with Telegram's.

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
        return await comparison_queries.members_after(conn, after, limit)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Read these members' books, in one view."""
        found = await comparison_queries.books(conn, self.platform, ids)
        rows = [self._row(books) for books in found]
        differing = [row.id for row in rows if row.seen != row.expected]
        in_flight = (
            await comparison_queries.in_flight(conn, self.platform, differing) if differing else {}
        )
        return [with_in_flight(row, in_flight.get(row.id)) for row in rows]

    def _row(self, books: BooksView) -> SnapshotRow:
        seen: dict[str, Value] = {}
        expected: dict[str, Value] = {_XP: books.expected_xp, _BALANCE: books.expected_balance}
        if books.is_there:
            seen = {_XP: books.seen_xp, _BALANCE: books.seen_balance}
            # Fields that nearly always agree are on the page only if they do not. Rank follows from
            # XP, so as long as XP differs no rank is compared.
            if books.seen_xp == books.expected_xp and books.seen_rank != books.expected_rank:
                seen[_RANK], expected[_RANK] = books.seen_rank, books.expected_rank
            elif books.wanted_rank not in (None, books.seen_rank):
                seen[_WANTED_RANK], expected[_WANTED_RANK] = books.wanted_rank, books.seen_rank
            if books.seen_discord_xp != books.expected_discord_xp:
                seen[_DISCORD_XP] = books.seen_discord_xp
                expected[_DISCORD_XP] = books.expected_discord_xp
            if books.seen_discord_balance != books.expected_discord_balance:
                seen[_DISCORD_BALANCE] = books.seen_discord_balance
                expected[_DISCORD_BALANCE] = books.expected_discord_balance
        expected |= {Field(FieldKind.ACHIEVEMENT, name).text: HELD for name in books.missing}
        seen |= {Field(FieldKind.ACHIEVEMENT, name).text: HELD for name in books.additional}
        expected |= {Field(FieldKind.ENTRY, key).text: ENTERED for key in books.unentered}
        if self.platform == "telegram":
            seen |= {_TOTAL_XP: books.seen_total_xp, _TOTAL_BALANCE: books.seen_total_balance}
            expected[_TOTAL_XP] = books.expected_total_xp
            expected[_TOTAL_BALANCE] = books.expected_total_balance
        return SnapshotRow(
            id=books.member_id,
            member_id=books.member_id,
            account_id=books.account_id,
            is_there=books.is_there,
            seen=seen,
            expected=expected,
        )

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Correct the books, or record as an event what people changed on Telegram."""
        what = finding.difference
        if not await corrections.lock_member(conn, what.subject_id):
            return GONE
        [books] = await comparison_queries.books(conn, self.platform, [what.subject_id])
        if not still_differs(what, self._row(books)):
            return GONE
        # A link may have given the member an account since the page was read.
        finding = finding._replace(difference=what._replace(account_id=books.account_id))
        return await repair_books(conn, Broken(finding, books, are_the_truth=self._are_the_truth))
