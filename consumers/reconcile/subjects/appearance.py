"""The roles and tags that members have on a platform, against those that were shown there.

Members with a display change in flight are skipped: if something was shown after the platform was
asked, is about to be, or is being shown by a worker, it would look like drift. An account that is
not on the platform shows nothing; that is no drift either.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from consumers.reconcile.port import CannotRead, Repair
from db import Platform
from db.errors import mapped_errors
from db.reconcile.compared_fields import Field
from db.reconcile.drift import Finding
from db.surfaces import observed
from db.surfaces.observed import Appearance, put_back, seen_again
from schemas import SnapshotRow
from schemas.snapshots import SubjectName, Value

#: How long reading a page may take, in seconds: calls wait for the platform's limits, and a
#: transaction is open meanwhile.
PAGE_S_MAX: Final = 60.0
#: How long reading before a repair may take, in seconds: it asks about one member only.
REPAIR_READ_S_MAX: Final = 20.0
#: The open transaction runs a statement this often, in seconds, because Postgres ends one that is
#: idle for long (connections.IDLE_IN_TRANSACTION_TIMEOUT_S).
KEEPALIVE_S: Final = 10.0

#: The answer of a platform about one account: its roles, or its tag.
W = TypeVar("W")


class Wording(NamedTuple):
    """The roles or tag that an account has and should have, as an administrator says it."""

    seen: str
    expected: str


class Observation(NamedTuple, Generic[W]):
    """The answer of a platform about some accounts. Accounts of unknown state are in no set."""

    shown: Mapping[int, W]
    absent: Collection[int]
    """Accounts of which the platform said that they are not there."""
    exempt: Collection[int]
    """Accounts that are there, and cannot be given a role or tag of ours."""


class AppearanceReader(Protocol[W]):
    """Asks one platform for the roles or tags of its members."""

    @property
    def platform(self) -> Platform: ...
    @property
    def name(self) -> SubjectName: ...
    @property
    def field(self) -> Field:
        """The field of a finding."""
        ...

    @property
    def place(self) -> str:
        """The platform's place, in words that follow "in"."""
        ...

    @property
    def page_rows(self) -> int: ...
    @property
    def slice_rows_max(self) -> int | None: ...
    def describe(self) -> Mapping[str, object]: ...

    async def observe(
        self, account_ids: Sequence[int], *, known_absent: Collection[int]
    ) -> Observation[W]:
        """Ask for the roles or tags of these accounts, in account order.

        Raises:
            CannotRead: the platform cannot be asked, or answers only in part.
        """
        ...

    def wording(self, shown: W, numbers: Mapping[str, int]) -> Wording | None:
        """Say what is shown and what should be; None if there is nothing to compare. Pure.

        `numbers` are the numbers that were shown last, by surface.
        """
        ...


class AppearanceSubject(Generic[W]):
    """The roles or tags on one platform, as a subject of reconcile. Its ids are accounts."""

    def __init__(self, reader: AppearanceReader[W], pool: asyncpg.Pool) -> None:
        self._reader = reader
        self._pool = pool

    @property
    def platform(self) -> Platform:
        """The platform that is asked."""
        return self._reader.platform

    @property
    def name(self) -> SubjectName:
        """`roles` or `tags`."""
        return self._reader.name

    @property
    def page_rows(self) -> int:
        """How many accounts a page has at most."""
        return self._reader.page_rows

    @property
    def slice_rows_max(self) -> int | None:
        """The most accounts that a pass looks at in its slice."""
        return self._reader.slice_rows_max

    def describe(self) -> Mapping[str, object]:
        """Name the place."""
        return self._reader.describe()

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` accounts above `after` that have something to show."""
        return await observed.accounts_after(conn, self.platform, after, limit)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Read these accounts; leave out those with a display change in flight.

        The wanted state is read on another connection: `conn` sees the record as it was before the
        platform was asked. An account that turns out to have left, or to be back, is recorded
        as such: that is no repair but news.

        Raises:
            CannotRead: the platform cannot be asked, or not fully.
        """
        async with _kept_alive(conn):
            moment = await observed.clock(self._pool)
            seen = await self._observe(ids, moment, PAGE_S_MAX)
            now = await observed.appearances(self._pool, self.platform, ids, moment)
            await self._record_presence(seen, now, moment)
        rows = (self._row(account_id, seen, now.get(account_id)) for account_id in sorted(ids))
        return [row for row in rows if row is not None]

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Let the display worker show it again, if it is still as it was found.

        The worker visits the member when no visit is more urgent.
        """
        what = finding.difference
        account_id = what.account_id or what.subject_id
        try:
            async with _kept_alive(conn):
                moment = await observed.clock(self._pool)
                seen = await self._observe([account_id], moment, REPAIR_READ_S_MAX)
        except CannotRead as error:
            return Repair("left", f"It could not be looked at again: {error}.")
        now = await observed.appearances(conn, self.platform, [account_id], moment)
        row = self._row(account_id, seen, now.get(account_id))
        if row is None:
            return Repair("gone", "It is about to be shown again anyway.")
        if not row.is_there:
            return Repair("gone", f"Nothing is shown of the member in {self._reader.place}.")
        found = row.seen.get(what.field.text), row.expected.get(what.field.text)
        if found != (what.seen, what.expected):
            return Repair("gone", "Another look did not find the same again.")
        with mapped_errors():
            await put_back(conn, self.platform, account_id)
        return Repair(
            "repaired",
            f"People changed it by hand in {self._reader.place}, or a write was lost there. The"
            " worker that shows ranks puts it back when nobody waits for anything more urgent.",
        )

    async def _observe(
        self, ids: Sequence[int], moment: datetime, limit_s: float
    ) -> Observation[W]:
        before = await observed.appearances(self._pool, self.platform, ids, moment)
        still = [one for one in sorted(before) if before[one].is_still or before[one].is_absent]
        absent = frozenset(one for one in still if before[one].is_absent)
        try:
            async with asyncio.timeout(limit_s):
                return await self._reader.observe(still, known_absent=absent)
        except TimeoutError:
            raise CannotRead(f"looking at {len(still)} members took too long") from None

    async def _record_presence(
        self, seen: Observation[W], now: Mapping[int, Appearance], moment: datetime
    ) -> None:
        gone = [one for one in seen.absent if one in now and not now[one].is_absent]
        if gone:
            why = f"is not in {self._reader.place}"
            await observed.note_absent(self._pool, self.platform, gone, moment, why=why)
        for account_id in (*seen.shown, *seen.exempt):
            if account_id in now and now[account_id].is_absent:
                with mapped_errors():
                    async with self._pool.acquire() as conn:
                        await seen_again(conn, self.platform, account_id)

    def _row(
        self, account_id: int, seen: Observation[W], appearance: Appearance | None
    ) -> SnapshotRow | None:
        """Return an account's row; None while its state is unknown or about to change."""
        if appearance is None:
            return None
        if account_id in seen.absent or account_id in seen.exempt:
            return SnapshotRow(account_id, appearance.member_id, account_id, False, {}, {})
        if account_id not in seen.shown or not appearance.is_still or appearance.is_absent:
            return None
        wording = self._reader.wording(seen.shown[account_id], appearance.numbers)
        field = self._reader.field.text
        shown: dict[str, Value] = {} if wording is None else {field: wording.seen}
        expected: dict[str, Value] = {} if wording is None else {field: wording.expected}
        return SnapshotRow(account_id, appearance.member_id, account_id, True, shown, expected)


@contextlib.asynccontextmanager
async def _kept_alive(conn: asyncpg.Connection) -> AsyncIterator[None]:
    """Keep the caller's transaction from being ended as idle while the block lasts."""
    done = asyncio.Event()

    async def keep_alive() -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE_S):
                    await done.wait()
                    return
            await observed.clock(conn)

    keeping = asyncio.create_task(keep_alive())
    try:
        yield
    finally:
        done.set()
        await keeping
