"""The port between a pass and its subjects, such as the roles that members have on Discord.

The pass chooses which ids to look at, puts the rows that a subject reads on the stream in pages,
compares, judges, and asks the subject to repair what it decided to repair. Subjects know nothing
of passes.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import asyncpg

from db import Platform
from db.reconcile.drift import Finding
from schemas import SnapshotRow
from schemas.snapshots import SubjectName

RepairDecision = Literal["repaired", "gone", "left"]


class CannotRead(Exception):
    """A subject cannot be read now, or only in part; the message says why.

    The pass leaves this subject out: nothing of it is compared, repaired or closed.
    """


class Repair(NamedTuple):
    """The outcome of a repair: `repaired`, `gone` (not there any more) or `left`, and why."""

    decision: RepairDecision
    why: str
    idempotency_key: str | None = None
    """The key of the event that the repair recorded or sent again, if it did."""


class Subject(Protocol):
    """One subject on one platform. Ids are members for books, accounts for every other subject."""

    @property
    def platform(self) -> Platform: ...
    @property
    def name(self) -> SubjectName: ...
    @property
    def page_rows(self) -> int:
        """How many ids a page has at most. Reading them should take a few seconds at most."""
        ...

    @property
    def slice_rows_max(self) -> int | None:
        """The most ids that a pass looks at in its slice; None for no limit.

        It is set for a subject that costs calls to the platform. It also limits a pass over
        everybody, which then continues where the last slice ended, and the touched members of a
        pass: those beyond the limit wait for the slices.
        """
        ...

    def describe(self) -> Mapping[str, object]:
        """Say in a few words what is compared, for the start line."""
        ...

    async def ids_after(self, conn: asyncpg.Connection, after: int, limit: int) -> Sequence[int]:
        """Return the next ids above `after`, up to `limit`, in order."""
        ...

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        """Read these ids, and return a row for each whose state is known, in id order.

        `conn` is in a transaction of one consistent view (REPEATABLE READ, read only). An id whose
        state is about to change is left out: earlier findings about it stay as they are. So is an
        id that no member or account has any more.

        Raises:
            CannotRead: the subject cannot be read, or not fully.
        """
        ...

    async def repair(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        """Bring about what our record says, or record what people did as an event.

        It reads once more, and does nothing (`gone`) unless exactly this difference still exists.
        `conn` is in a transaction that also records the decision: both happen or neither.

        Raises:
            CannotRead: the subject cannot be read again.
        """
        ...
