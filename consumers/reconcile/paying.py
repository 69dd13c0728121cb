"""Paying what a platform's own table is owed, as soon as there is a row for it."""

import asyncpg
import structlog

from consumers.transactions import transaction
from db import Platform, RuleBroken, debts
from db.stores import Store

log = structlog.get_logger("twinstream.reconcile")

MEMBERS_AT_ONCE = 500


class Paying:
    """Goes round those who are owed something on one platform, a bounded step at a time."""

    def __init__(self, pool: asyncpg.Pool, platform: Platform, store: Store) -> None:
        self._pool = pool
        self._platform = platform
        self._store = store
        self._after = 0
        self._limit = MEMBERS_AT_ONCE

    async def step(self) -> int:
        """Pay the next members whose row exists by now. Returns how many were paid.

        One whose row refuses what it is owed is passed over, and tried again in the next round.
        """
        try:
            async with transaction(self._pool) as conn:
                payment = await debts.pay(
                    conn, self._platform, self._store, after=self._after, limit=self._limit
                )
        except RuleBroken as error:
            if self._limit > 1:
                self._limit = max(1, self._limit // 8)
                return 1
            log.error("debt.refused", platform=self._platform, after=self._after, why=str(error))
            await self._pass_over()
            return 1
        self._after = payment.upto or 0
        if payment.upto is None:
            self._limit = MEMBERS_AT_ONCE
        if payment.paid:
            log.info("debts.paid", platform=self._platform, members=payment.paid)
        return payment.paid

    async def _pass_over(self) -> None:
        async with transaction(self._pool) as conn:
            self._after = await debts.next_owed(conn, self._platform, self._after) or 0
