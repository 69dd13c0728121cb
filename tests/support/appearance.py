"""Reading and repairing the roles and tags of members, as a pass does it."""

from collections.abc import Sequence

import asyncpg

from consumers.reconcile.port import Repair, Subject
from db.reconcile.compared_fields import Field
from db.reconcile.drift import Difference, Finding
from schemas import SnapshotRow


class WornDesk:
    """One subject of reconcile, and connections to hand it."""

    def __init__(self, pool: asyncpg.Pool, subject: Subject) -> None:
        self._pool = pool
        self._subject = subject

    async def read(self, *ids: int) -> Sequence[SnapshotRow]:
        """Read in a view of the record that is older than the look."""
        async with (
            self._pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            await conn.fetchval("SELECT count(*) FROM surfaces")
            return await self._subject.read(conn, ids)

    async def repair(self, row: SnapshotRow) -> Repair:
        """Repair the differences that a row shows."""
        async with self._pool.acquire() as conn, conn.transaction():
            return await self._subject.repair(conn, self._finding(row))

    async def ids(self) -> Sequence[int]:
        """The accounts with a surface that has something to show."""
        async with self._pool.acquire() as conn:
            return await self._subject.ids_after(conn, 0, 1_000)

    async def parked(self) -> list[str]:
        """The causes for which surfaces are parked."""
        rows = await self._pool.fetch("SELECT parked FROM surfaces WHERE parked IS NOT NULL")
        return [parked for (parked,) in rows]

    def _finding(self, row: SnapshotRow) -> Finding:
        [field] = row.expected
        difference = Difference(
            platform=self._subject.platform,
            subject=self._subject.name,
            subject_id=row.id,
            member_id=row.member_id,
            account_id=row.account_id,
            field=Field.parse(field),
            seen=str(row.seen[field]),
            expected=str(row.expected[field]),
            amount=None,
            in_flight=row.in_flight,
        )
        return Finding(run_id=1, id=1, difference=difference)
