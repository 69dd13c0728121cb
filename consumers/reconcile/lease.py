"""The lease on a pass: one process owns the pass; another takes over when the lease expires."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from bus import BusError
from consumers.runtime.transactions import transaction
from db.errors import DbError
from db.reconcile import passes

#: Renewals per lease, so that a single one that fails does not cost the pass.
RENEWALS_PER_LEASE = 4


class LeaseLost(Exception):
    """The pass has ended, or another process owns it by now."""


class Lease:
    """Renews the lease of one owner on whichever pass it has."""

    def __init__(self, pool: asyncpg.Pool, *, owner: str, lease_s: float) -> None:
        self._pool = pool
        self.owner = owner
        self.lease_s = lease_s

    async def renew(self, run_id: int) -> None:
        """Extend the lease by its full length.

        Raises:
            LeaseLost: the pass has ended, or another process owns it.
        """
        async with transaction(self._pool) as conn:
            renewed = await passes.renew(conn, run_id, owner=self.owner, lease_s=self.lease_s)
        if not renewed:
            raise LeaseLost

    @contextlib.asynccontextmanager
    async def kept(self, run_id: int) -> AsyncIterator[None]:
        """Renew the lease now, and again while the block lasts.

        Raises:
            LeaseLost: at the beginning, if this owner has lost the pass.
        """
        await self.renew(run_id)
        renewing = asyncio.create_task(self._renew_on(run_id))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew_on(self, run_id: int) -> None:
        while True:
            await asyncio.sleep(self.lease_s / RENEWALS_PER_LEASE)
            # The work in the block meets the same error, and reports it.
            with contextlib.suppress(DbError, BusError, LeaseLost):
                await self.renew(run_id)
