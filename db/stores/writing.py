"""Writing to a platform's own table: one row that it refuses costs that row and no other.

The table, its triggers and its policies are another program's, so it may refuse anything. Whether
the row or the table is at fault does not follow from the error, so the store is asked:

1. Changes are applied together, in a savepoint. If the store raises, they are halved until what it
   refuses stands alone; the others are applied.
2. Another row is changed in a savepoint that is rolled back. If the store takes no other row, the
   table is closed: everything for it waits, because waiting loses nothing. If there is no other row
   to ask, that is the answer as well.
3. If it takes one, what was refused is tried once more. What it refuses then is the row's own.

A row that another transaction has locked for too long is not refused. It is not applied now, and
its caller owes it.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

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
from .port import Change, Holding, Store, read_holding
from .table import TableStore

#: How long the first attempt waits for other transactions' locks, in milliseconds. It is longer
#: than Postgres takes to find a deadlock (1 s), and short enough for what waits behind it.
LOCK_WAIT_MS: Final = 2_000
#: And every further one: a lock that was held so long is rarely released a moment later.
LOCK_WAIT_AGAIN_MS: Final = 50
#: So many neighbouring rows are asked at each place of the table.
ROWS_PER_PLACE: Final = 3
#: Among so many of the newest events, members are looked for whose rows were changed lately.
EVENTS_LOOKED_AT: Final = 200

LOCKED: Final = "another transaction holds a lock on the row"

_MENDS: Final = {
    "42501": "grant the user of DATABASE_URL SELECT and UPDATE on it, and see which of its rows"
    " row-level security lets this user change",
    "42P01": "create it again, or name the right one in twinstream.toml",
    "42703": "add the column again, or name the right one in twinstream.toml",
    "55P03": "end the transaction that holds the lock; pg_stat_activity and pg_locks show it",
}


class Written(NamedTuple):
    """What became of changes. All that are named in neither are applied."""

    unapplied: Mapping[int, str]
    """Accounts whose row was not changed and may be later: it is not there, or locked. And why."""
    refused: Mapping[int, RowRefused]
    """Accounts whose row the table refuses, while it takes others."""

    def require(self) -> None:
        """Raise what was refused, if anything was.

        Raises:
            RowRefused: names every account that was.
        """
        if self.refused:
            first = next(iter(self.refused.values()))
            more = len(self.refused) - 1
            text = f"{first} and {more} more" if more else str(first)
            raise RowRefused(first.rule, text, tuple(self.refused)) from first


class Rows(NamedTuple):
    """Rows by account, and why others cannot be read. An account without a row is in neither."""

    holdings: Mapping[int, Holding]
    unreadable: Mapping[int, str]


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

    The caller owns the transaction. With `check_deferred`, constraints and triggers that wait for
    the commit are run now, so that what they refuse is judged as well. That is not for a
    transaction of another program's, which may break its own constraints until it commits.

    Raises:
        StoreClosed: the store takes no row now; nothing is to be taken for refused.
        Contention, StorageUnavailable: as ever.
    """
    if not changes:
        return Written({}, {})
    with mapped_errors():
        writing = _Writing(conn, platform, store, lock_wait_ms, check_deferred=check_deferred)
        return await writing.write(changes)


async def read(
    conn: asyncpg.Connection,
    platform: Platform,
    store: Store,
    after: int,
    limit: int,
    among: Sequence[int] | None = None,
    *,
    lock_wait_ms: int = LOCK_WAIT_MS,
) -> list[Holding]:
    """Read rows as `Store.snapshot` does. The caller owns the transaction.

    Raises:
        StoreClosed: they cannot be read.
        Contention, StorageUnavailable: as ever.
    """
    with mapped_errors():
        try:
            async with _savepoint(conn, lock_wait_ms):
                found = await store.snapshot(conn, after, limit, among)
                return [read_holding(one) for one in found]
        except Exception as error:
            if not may_concern_a_row(error):
                raise
            what = _told(platform, store, "cannot be read", error)
            raise StoreClosed(f"{what}; {_mend(error)}") from error


async def read_rows(
    conn: asyncpg.Connection, platform: Platform, store: Store, accounts: Sequence[int]
) -> Rows:
    """Read the rows of these accounts, and tell those that cannot be read from the others.

    Raises:
        StoreClosed: no row of the table can be read.
        Contention, StorageUnavailable: as ever.
    """
    holdings: dict[int, Holding] = {}
    unreadable: dict[int, str] = {}
    lock_wait_ms = LOCK_WAIT_MS
    parts = [sorted(accounts)] if accounts else []
    while parts:
        part = parts.pop()
        try:
            found = await read(
                conn, platform, store, part[0] - 1, len(part), part, lock_wait_ms=lock_wait_ms
            )
        except StoreClosed as error:
            if lock_wait_ms == LOCK_WAIT_MS:
                lock_wait_ms = LOCK_WAIT_AGAIN_MS
                if await anext(_rows_about(conn, platform, store, part[0]), None) is None:
                    raise
            if len(part) == 1:
                unreadable[part[0]] = str(error)
            else:
                middle = len(part) // 2
                parts += [part[:middle], part[middle:]]
        else:
            holdings |= {holding.account_id: holding for holding in found}
    return Rows(holdings, unreadable)


class _Hindrance(NamedTuple):
    """A change that was not applied, and what the store raised."""

    change: Change
    error: Exception


class _Writing:
    """One write: what was hindered so far, and the questions by which it is judged."""

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
            # The table may have been closed since the first of them was judged.
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
                    f"{self._told(error)}; account {account_id} of {self._platform}",
                    (account_id,),
                )
        return Written(unapplied, refused)

    async def _apply(self, changes: Sequence[Change]) -> None:
        try:
            async with _savepoint(self._conn, self._lock_wait_ms):
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
        if is_first:  # else every row of a closed table would be tried alone
            await self._require_open()

    async def _require_open(self) -> None:
        """Ask whether the store takes any other row.

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
            f"{self._told(error)}; it {others} now, so what is for it waits and nothing is buried:"
            f" {_mend(error)}"
        ) from error

    def _told(self, error: Exception) -> str:
        return _told(self._platform, self._store, "refuses the change", error)

    async def _takes(self, account_id: int) -> bool:
        """Change a row by as little as tells, and take it back.

        A refused value says nothing of other values, so then the row keeps its own. Whatever else
        was refused may be refused only where something changes, so then it is changed by one.
        """
        hindered = self._hindered.values()
        least = 0 if all(is_about_amount(error) for _, error in hindered) else 1
        probe = Change(
            account_id,
            least if any(change.delta_xp for change, _ in hindered) else 0,
            least if any(change.delta_balance for change, _ in hindered) else 0,
        )
        try:
            async with _savepoint(self._conn, LOCK_WAIT_AGAIN_MS, keep=False):
                return account_id not in await self._store_takes([probe])
        except Exception as error:
            if not may_concern_a_row(error):
                raise
            return False

    async def _other_rows(self) -> AsyncIterator[int]:
        """Yield accounts by whose rows it can be told whether the table takes any.

        Several, and from several places, so that no few members can make a table look closed. The
        hindered ones come last: what refuses only the amount takes another amount.
        """
        asked = set(self._hindered)
        for account_id in await self._changed_lately():
            if account_id not in asked:
                asked.add(account_id)
                yield account_id
        near = min(self._hindered)
        async for account_id in _rows_about(self._conn, self._platform, self._store, near):
            if account_id not in asked:
                asked.add(account_id)
                yield account_id
        for account_id in list(self._hindered)[:ROWS_PER_PLACE]:
            yield account_id

    async def _changed_lately(self) -> list[int]:
        """Return a few accounts of members for whom events took effect lately."""
        rows = await self._conn.fetch(
            """
            SELECT DISTINCT a.account_id
            FROM (SELECT member_id, status FROM sync_events ORDER BY id DESC LIMIT $2) AS e
            JOIN accounts AS a USING (member_id)
            WHERE e.status = 'completed' AND a.platform = $1 AND a.account_id <> ALL ($3::bigint[])
            LIMIT $4
            """,
            self._platform,
            EVENTS_LOOKED_AT,
            list(self._hindered),
            ROWS_PER_PLACE,
        )
        return [account_id for (account_id,) in rows]


async def _rows_about(
    conn: asyncpg.Connection, platform: Platform, store: Store, near: int
) -> AsyncIterator[int]:
    """Yield accounts that have a row: next to this one, at the beginning, and between the two."""
    for place in (near, 0, max(0, near // 2)):
        after = place
        for _ in range(ROWS_PER_PLACE):
            try:
                found = await read(conn, platform, store, after, 1, lock_wait_ms=LOCK_WAIT_AGAIN_MS)
            except StoreClosed:
                break
            if not found:
                break
            [after] = [holding.account_id for holding in found]
            yield after


@contextlib.asynccontextmanager
async def _savepoint(
    conn: asyncpg.Connection, lock_wait_ms: int, *, keep: bool = True
) -> AsyncIterator[None]:
    """Run the block in a savepoint in which waiting for a lock has an end.

    It is rolled back if the block raises, or without `keep`. It is written as SQL because a class
    that swallowed an error of Postgres's makes RELEASE fail, and it must be rolled back even then.
    """
    before = await conn.fetchval("SELECT current_setting('lock_timeout')")
    await conn.execute(f"SAVEPOINT store; SET LOCAL lock_timeout = {lock_wait_ms}")
    try:
        yield
        if keep:
            await conn.execute(f"SET LOCAL lock_timeout = '{before}'; RELEASE SAVEPOINT store")
    except Exception:
        await conn.execute("ROLLBACK TO SAVEPOINT store; RELEASE SAVEPOINT store")
        raise
    if not keep:
        await conn.execute("ROLLBACK TO SAVEPOINT store; RELEASE SAVEPOINT store")


def _told(platform: Platform, store: Store, what: str, error: Exception) -> str:
    """Say what failed, and what Postgres or the class said of it."""
    said = str(error).encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    if isinstance(store, TableStore):
        return f"the table {store.name} {what}: {said}"
    return f"the store of {platform} failed: {type(error).__name__}: {said}"


def _mend(error: Exception) -> str:
    sqlstate = getattr(error, "sqlstate", None) or ""
    return _MENDS.get(sqlstate, "mend the table, its triggers or its class")
