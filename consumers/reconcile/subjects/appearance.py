"""What members really wear on a platform, against what was shown to them there: roles and tags.

Only what stands still is compared: who was shown something after the look began, is about to be,
or is in somebody's hands shows nothing that could be told from drift. Who is not there wears
nothing, which is no drift either.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from consumers.reconcile.port import CannotLook, Finding, Repair
from db import Platform
from db.errors import mapped_errors
from db.surfaces import observed
from db.surfaces.observed import Appearance
from db.surfaces.returns import put_back, seen_again
from schemas import SnapshotRow
from schemas.snapshots import SubjectName, Value

#: Looking at a page may wait for the platform's limits, but a transaction is open meanwhile.
PAGE_S_MAX: Final = 60.0
#: A repair looks at one member only.
REPAIR_LOOK_S_MAX: Final = 20.0
#: Postgres ends a transaction in which nothing happens for long.
STIR_S: Final = 10.0

W = TypeVar("W")


class Words(NamedTuple):
    """What is worn and what should be, both as an administrator would say it."""

    seen: str
    expected: str


class Looks(NamedTuple, Generic[W]):
    """What a look at some accounts showed. Whom nothing can be said of is in none."""

    worn: Mapping[int, W]
    absent: Collection[int]
    """Those of whom the platform said that they are not there."""
    exempt: Collection[int]
    """Those who are there, and cannot wear anything of ours."""


class Wardrobe(Protocol[W]):
    """A platform that can be asked what members wear."""

    @property
    def platform(self) -> Platform: ...
    @property
    def name(self) -> SubjectName: ...
    @property
    def field(self) -> str:
        """What a finding calls it."""
        ...

    @property
    def place(self) -> str:
        """Where it is worn, in words that follow "in"."""
        ...

    @property
    def page_rows(self) -> int: ...
    @property
    def slice_rows_max(self) -> int | None: ...
    def describe(self) -> Mapping[str, object]: ...

    async def look(self, account_ids: Sequence[int], *, known_absent: Collection[int]) -> Looks[W]:
        """Ask what these wear, in account order.

        Raises:
            CannotLook: the platform cannot be asked, or answers only in part.
        """
        ...

    def words(self, worn: W, numbers: Mapping[str, int]) -> Words | None:
        """Say what is worn and what should be; None if there is nothing to compare. Pure."""
        ...


class Worn(Generic[W]):
    """What a platform's members wear, as a subject of reconcile. Its ids are accounts."""

    def __init__(self, wardrobe: Wardrobe[W], pool: asyncpg.Pool) -> None:
        self._wardrobe = wardrobe
        self._pool = pool

    @property
    def platform(self) -> Platform:
        """Where it is worn."""
        return self._wardrobe.platform

    @property
    def name(self) -> SubjectName:
        """What it is."""
        return self._wardrobe.name

    @property
    def page_rows(self) -> int:
        """How many are looked at for one page."""
        return self._wardrobe.page_rows

    @property
    def slice_rows_max(self) -> int | None:
        """How many at most a pass looks at of those whom nothing has touched."""
        return self._wardrobe.slice_rows_max

    def describe(self) -> Mapping[str, object]:
        """Say how it is looked at."""
        return self._wardrobe.describe()

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` accounts above `after` that have something to show."""
        return await observed.accounts_after(conn, self.platform, after, limit)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Look at these accounts; leave out those about whom something is changing.

        What is shown is read on another connection: `conn` sees the record as it was before the
        look. Who turns out to be gone, or back, is noted as such: that is no repair but news.

        Raises:
            CannotLook: the platform cannot be asked, or not fully.
        """
        async with _stirring(conn):
            moment = await observed.clock(self._pool)
            looks = await self._look(ids, moment, PAGE_S_MAX)
            now = await observed.appearances(self._pool, self.platform, ids, moment)
            await self._note_presence(looks, now, moment)
        rows = (self._row(account_id, looks, now.get(account_id)) for account_id in sorted(ids))
        return [row for row in rows if row is not None]

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Have it put back by the role that shows ranks here, if it is still as it was found.

        That role visits the member when nobody waits for anything more urgent.
        """
        account_id = finding.account_id or finding.subject_id
        try:
            async with _stirring(conn):
                moment = await observed.clock(self._pool)
                looks = await self._look([account_id], moment, REPAIR_LOOK_S_MAX)
        except CannotLook as error:
            return Repair("left", f"It could not be looked at again: {error}.")
        now = await observed.appearances(conn, self.platform, [account_id], moment)
        row = self._row(account_id, looks, now.get(account_id))
        if row is None:
            return Repair("gone", "It is about to be shown anew anyway.")
        if not row.is_there:
            return Repair("gone", f"Nothing is shown of the member in {self._wardrobe.place}.")
        found = row.seen.get(finding.field), row.expected.get(finding.field)
        if found != (finding.seen, finding.expected):
            return Repair("gone", "Another look did not find the same again.")
        with mapped_errors():
            await put_back(conn, self.platform, account_id)
        return Repair(
            "repaired",
            f"People changed it by hand in {self._wardrobe.place}, or a write was lost there. The"
            " worker that shows ranks puts it back when nobody waits for anything more urgent.",
        )

    async def _look(self, ids: Sequence[int], moment: datetime, limit_s: float) -> Looks[W]:
        before = await observed.appearances(self._pool, self.platform, ids, moment)
        still = [one for one in sorted(before) if before[one].is_still or before[one].is_absent]
        absent = frozenset(one for one in still if before[one].is_absent)
        try:
            async with asyncio.timeout(limit_s):
                return await self._wardrobe.look(still, known_absent=absent)
        except TimeoutError:
            raise CannotLook(f"looking at {len(still)} members took too long") from None

    async def _note_presence(
        self, looks: Looks[W], now: Mapping[int, Appearance], moment: datetime
    ) -> None:
        gone = [one for one in looks.absent if one in now and not now[one].is_absent]
        if gone:
            why = f"is not in {self._wardrobe.place}"
            await observed.note_absent(self._pool, self.platform, gone, moment, why=why)
        for account_id in (*looks.worn, *looks.exempt):
            if account_id in now and now[account_id].is_absent:
                async with self._pool.acquire() as conn:
                    await seen_again(conn, self.platform, account_id)

    def _row(
        self, account_id: int, looks: Looks[W], appearance: Appearance | None
    ) -> SnapshotRow | None:
        """Say what was seen of an account; None while that tells nothing."""
        if appearance is None:
            return None
        if account_id in looks.absent or account_id in looks.exempt:
            return SnapshotRow(account_id, appearance.member_id, account_id, False, {}, {})
        if account_id not in looks.worn or not appearance.is_still or appearance.is_absent:
            return None
        words = self._wardrobe.words(looks.worn[account_id], appearance.numbers)
        field = self._wardrobe.field
        seen: dict[str, Value] = {} if words is None else {field: words.seen}
        expected: dict[str, Value] = {} if words is None else {field: words.expected}
        return SnapshotRow(account_id, appearance.member_id, account_id, True, seen, expected)


@contextlib.asynccontextmanager
async def _stirring(conn: asyncpg.Connection) -> AsyncIterator[None]:
    """Keep the transaction of somebody who waits for us from being ended as idle."""
    done = asyncio.Event()

    async def stir() -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STIR_S):
                    await done.wait()
                    return
            await observed.clock(conn)

    stirring = asyncio.create_task(stir())
    try:
        yield
    finally:
        done.set()
        await stirring
