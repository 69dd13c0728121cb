"""Payments of the debts to a platform's own table, as soon as there is a row that takes them."""

import asyncio

import asyncpg
import structlog

from consumers.runtime.transactions import transaction
from db import Platform, StoreClosed
from db.stores import store_debts
from db.stores.port import Store

log = structlog.get_logger("twinstream.reconcile")

#: Members paid in one transaction.
MEMBERS_AT_ONCE = 500
#: How long the role leaves a table alone that takes no row, in seconds: at first, and at most.
CLOSED_S_FIRST = 1.0
CLOSED_S_MAX = 60.0


class DebtPayer:
    """Pays what one platform's table is owed, some members at a time, in account order."""

    def __init__(self, pool: asyncpg.Pool, platform: Platform, store: Store) -> None:
        self._pool = pool
        self._platform = platform
        self._store = store
        self._after = 0
        self._clock = asyncio.get_running_loop().time
        #: While the table takes no row: when to try again, and how long to wait after that.
        self._closed_until = 0.0
        self._closed_s = CLOSED_S_FIRST

    async def step(self) -> int:
        """Pay the next members whose row exists by now. Returns how many were paid.

        A debt that its row does not take is set aside. A table that takes no row at all is left
        alone for a while; passes go on meanwhile.
        """
        if self._clock() < self._closed_until:
            return 0
        try:
            async with transaction(self._pool) as conn:
                payment = await store_debts.pay(
                    conn, self._platform, self._store, after=self._after, limit=MEMBERS_AT_ONCE
                )
        except StoreClosed as error:
            log.warning(
                "debts.deferred", platform=self._platform, retry_s=self._closed_s, why=str(error)
            )
            self._closed_until = self._clock() + self._closed_s
            self._closed_s = min(self._closed_s * 2, CLOSED_S_MAX)
            return 0
        self._closed_s = CLOSED_S_FIRST
        self._after = payment.upto or 0
        for account_id, why in payment.set_aside.items():
            log.error("debt.set_aside", platform=self._platform, account_id=account_id, why=why)
        if payment.paid:
            log.info("debts.paid", platform=self._platform, members=payment.paid)
        return payment.paid
