"""Row refusals: decides whether one row of a platform's own table is to blame, or the table.

A row that the table refuses costs that row and no other.

The table, its triggers and its policies are another program's, so it may refuse anything. The error
does not say whether the row or the table is at fault, so the store is probed:

1. Changes are applied together, in a savepoint. If the store raises, they are halved until the
   refused change stands alone; the others are applied.
2. Another row is changed in a savepoint that is rolled back. If the store takes no other row, the
   table is closed: every change for it waits, because waiting loses nothing. If there is no other
   row to probe, the table counts as closed too.
3. If it takes one, the refused change is tried once more. If it is refused again, the row is at
   fault.

A row that another transaction has locked for too long is not refused. Its change is not applied
now, and the caller owes it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..connections import LOCK_WAIT_AGAIN_MS, LOCK_WAIT_MS
from ..errors import (
    RowRefused,
    StoreClosed,
    is_about_amount,
    is_locked,
    mapped_errors,
    may_concern_a_row,
    store_rule,
)
from ..platforms import Platform
from .error_texts import described, remedy
from .port import Change, Store
from .row_reading import ROWS_PER_PLACE, rows_about
from .savepoint import savepoint

#: Newest events among which members are looked for whose rows were changed lately.
EVENTS_LOOKED_AT: Final = 200

LOCKED: Final = "another transaction holds a lock on the row"


class Written(NamedTuple):
    """The outcome of changes. A change whose account is in neither is applied."""

    unapplied: Mapping[int, str]
    """Accounts whose row was not changed and may be later, and why: it is not there, or locked."""
    refused: Mapping[int, RowRefused]
    """Accounts whose row the table refuses, while it takes others."""

    def require(self) -> None:
        """Raise the refusals, if there are any.

        Raises:
            RowRefused: names every refused account.
        """
        if self.refused:
            first = next(iter(self.refused.values()))
            more = len(self.refused) - 1
            text = f"{first} and {more} more" if more else str(first)
            raise RowRefused(first.rule, text, tuple(self.refused)) from first


async def write(
    conn: asyncpg.Connection,
    platform: Platform,
    store: Store,
    changes: Sequence[Change],
    *,
    lock_wait_ms: int = LOCK_WAIT_MS,
    check_deferred: bool = True,
) -> Written:
    """Apply changes: one for an account at most, in account order.

    The caller owns the transaction. With `check_deferred`, deferred constraints and triggers run
    now, so that their refusals are judged as well. Without, they run at the commit, as another
    program's transaction needs, because it may break its own constraints until then.

    Raises:
        StoreClosed: the store takes no row now, so no change counts as refused.
        Contention, StorageUnavailable: Postgres cannot serve now.
    """
    if not changes:
        return Written({}, {})
    with mapped_errors():
        writing = _Writing(conn, platform, store, lock_wait_ms, check_deferred=check_deferred)
        return await writing.write(changes)


class _Hindrance(NamedTuple):
    """A change that was not applied, and the error that the store raised."""

    change: Change
    error: Exception


class _Writing:
    """One write: the changes that were hindered so far, and the probes that judge them."""

    def __init__(
        self,
        conn: asyncpg.Connection,
        platform: Platform,
        store: Store,
        lock_wait_ms: int,
        *,
        check_deferred: bool,
    ) -> None:
        self._conn = conn
        self._platform = platform
        self._store = store
        self._lock_wait_ms = lock_wait_ms
        self._check_deferred = check_deferred
        self._absent: set[int] = set()
        self._hindered: dict[int, _Hindrance] = {}

    async def write(self, changes: Sequence[Change]) -> Written:
        await self._apply(changes)
        if self._hindered:
            # The table may have been closed since the first hindrance was judged.
            await self._require_open()
            for hindrance in list(self._hindered.values()):
                await self._apply([hindrance.change])
        unapplied = dict.fromkeys(self._absent, "it has no row, or its row was not changed")
        refused = {}
        for account_id, (_, error) in self._hindered.items():
            if is_locked(error):
                unapplied[account_id] = LOCKED
            else:
                refused[account_id] = RowRefused(
                    store_rule(error),
                    f"{self._described(error)}; account {account_id} of {self._platform}",
                    (account_id,),
                )
        return Written(unapplied, refused)

    async def _apply(self, changes: Sequence[Change]) -> None:
        try:
            async with savepoint(self._conn, self._lock_wait_ms):
                absent = await self._store_takes(changes)
        except Exception as error:
            if not may_concern_a_row(error):
                raise
            self._lock_wait_ms = LOCK_WAIT_AGAIN_MS
            await self._narrow(changes, error)
        else:
            self._absent |= absent
            for change in changes:
                self._hindered.pop(change.account_id, None)

    async def _store_takes(self, changes: Sequence[Change]) -> set[int]:
        """Apply changes; return the accounts whose row was not changed."""
        absent = set(await self._store.apply(self._conn, changes))
        if self._check_deferred:
            await self._conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return absent

    async def _narrow(self, changes: Sequence[Change], error: Exception) -> None:
        if len(changes) > 1:
            middle = len(changes) // 2
            await self._apply(changes[:middle])
            await self._apply(changes[middle:])
            return
        [change] = changes
        is_first = not self._hindered
        self._hindered[change.account_id] = _Hindrance(change, error)
        if is_first:  # otherwise every row of a closed table would be tried alone
            await self._require_open()

    async def _require_open(self) -> None:
        """Probe whether the store takes any other row.

        Raises:
            StoreClosed: it takes none, or there is none.
        """
        asked = 0
        async for account_id in self._other_rows():
            asked += account_id not in self._hindered
            if await self._takes(account_id):
                return
        _, error = next(reversed(self._hindered.values()))
        no_other = "has no other row by which to tell whether it takes any"
        others = "takes no other row" if asked else no_other
        raise StoreClosed(
            f"{self._described(error)}; it {others} now, so every change waits and nothing is"
            f" buried: {remedy(error)}"
        ) from error

    def _described(self, error: Exception) -> str:
        return described(self._platform, self._store, "refuses the change", error)

    async def _takes(self, account_id: int) -> bool:
        """Change a row by the least amount that proves anything, and roll the change back.

        If the store refused values only, the probe keeps the row's value, because the refusal says
        nothing about other values. Any other refusal may show only where something changes, so the
        probe changes the row by one.
        """
        hindered = self._hindered.values()
        least = 0 if all(is_about_amount(error) for _, error in hindered) else 1
        probe = Change(
            account_id,
            least if any(change.delta_xp for change, _ in hindered) else 0,
            least if any(change.delta_balance for change, _ in hindered) else 0,
        )
        try:
            async with savepoint(self._conn, LOCK_WAIT_AGAIN_MS, keep=False):
                return account_id not in await self._store_takes([probe])
        except Exception as error:
            if not may_concern_a_row(error):
                raise
            return False

    async def _other_rows(self) -> AsyncIterator[int]:
        """Yield accounts whose rows show whether the table takes any row.

        They come from several places, so that a few members cannot make a table look closed. The
        hindered accounts come last: a row that refuses only the amount takes another amount.
        """
        asked = set(self._hindered)
        for account_id in await self._changed_lately():
            if account_id not in asked:
                asked.add(account_id)
                yield account_id
        near = min(self._hindered)
        async for account_id in rows_about(self._conn, self._platform, self._store, near):
            if account_id not in asked:
                asked.add(account_id)
                yield account_id
        for account_id in list(self._hindered)[:ROWS_PER_PLACE]:
            yield account_id

    async def _changed_lately(self) -> list[int]:
        """Return a few accounts of members whose events were completed lately."""
        rows = await self._conn.fetch(
            "SELECT * FROM twinstream.accounts_changed_lately($1, $2, $3, $4)",
            self._platform,
            EVENTS_LOOKED_AT,
            list(self._hindered),
            ROWS_PER_PLACE,
        )
        return [account_id for (account_id,) in rows]
