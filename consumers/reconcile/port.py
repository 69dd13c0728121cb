"""What a pass proves: one subject on one platform, such as the roles that members have on Discord.

The pass itself knows only this seam. It chooses whom to look at, puts what was seen on the stream
in pages, compares, judges, and asks the subject to repair what it decided to repair.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, cast

import asyncpg

from db import Platform
from db.reconcile.drift import Difference, HeldFor
from schemas import SnapshotRow
from schemas.snapshots import SubjectName

RepairDecision = Literal["repaired", "gone", "left"]


class CannotLook(Exception):
    """The platform cannot be asked now, or answers only in part; says why.

    The pass leaves this subject out: nothing of it is compared, repaired or forgotten.
    """


class Finding(NamedTuple):
    """One field of one member in which a platform differs from our record."""

    run_id: int
    finding_id: int
    platform: Platform
    subject: SubjectName
    subject_id: int
    """The member for books, the account for every other subject."""
    member_id: int | None
    account_id: int | None
    field: str
    seen: str
    expected: str
    difference: int | None
    """Seen less expected, where both are numbers."""
    in_flight: str
    held_for: HeldFor | None = None
    """Why it was held by itself until an operator accepted it, if it was."""


def finding_of(run_id: int, finding_id: int, what: Difference) -> Finding:
    """Name a difference as a finding of a pass."""
    values = what._asdict() | {"subject": cast("SubjectName", what.subject)}
    return Finding(run_id, finding_id, **values)


class Repair(NamedTuple):
    """What became of a finding: `repaired`, `gone` (not there any more) or `left`, and why."""

    decision: RepairDecision
    why: str
    idempotency_key: str | None = None


class Subject(Protocol):
    """One subject on one platform. Ids are members for books, accounts for every other subject."""

    @property
    def platform(self) -> Platform: ...
    @property
    def name(self) -> SubjectName: ...
    @property
    def page_rows(self) -> int:
        """How many are looked at for one page. A page should take a few seconds at most."""
        ...

    @property
    def slice_rows_max(self) -> int | None:
        """How many at most a pass looks at of those whom nothing has touched; None for any number.

        For a subject whose every look costs a call to the platform. It holds for a pass over
        everybody as well, which then goes on where the last one ended, and for those who were
        touched, of whom the slices come to the rest.
        """
        ...

    def describe(self) -> Mapping[str, object]:
        """Say in a few words what is looked at, for the start line."""
        ...

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return up to `limit` ids above `after`, in order: the whole community, bit by bit."""
        ...

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Look at these, and return a row for each of whom something can be said, in id order.

        `conn` is in a transaction of one consistent view (REPEATABLE READ, read only). One who is
        in flux is left out: what was found of them before stays as it is. An id that stands for
        nobody any more is left out as well.

        Raises:
            CannotLook: the platform cannot be asked, or not fully.
        """
        ...

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Bring about what our record says, or make known what people did; after another look.

        In a transaction of the caller's that also notes the decision: both happen or neither. It
        does nothing (`gone`) unless exactly this difference still stands.
        """
        ...
