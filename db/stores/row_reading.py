"""Reading a platform's own table: a row that cannot be read costs that row and no other."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..connections import LOCK_WAIT_AGAIN_MS, LOCK_WAIT_MS
from ..errors import StoreClosed, mapped_errors, may_concern_a_row
from ..platforms import Platform
from .error_texts import described, remedy
from .port import Holding, Store, read_holding
from .savepoint import savepoint

#: Neighbouring rows that are probed at each place of the table.
ROWS_PER_PLACE: Final = 3


class Rows(NamedTuple):
    """Rows by account, and why others cannot be read. An account without a row is in neither."""

    holdings: Mapping[int, Holding]
    unreadable: Mapping[int, str]


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
        Contention, StorageUnavailable: Postgres cannot serve now.
    """
    with mapped_errors():
        try:
            async with savepoint(conn, lock_wait_ms):
                found = await store.snapshot(conn, after, limit, among)
                return [read_holding(one) for one in found]
        except Exception as error:
            if not may_concern_a_row(error):
                raise
            what = described(platform, store, "cannot be read", error)
            raise StoreClosed(f"{what}; {remedy(error)}") from error


async def read_rows(
    conn: asyncpg.Connection, platform: Platform, store: Store, accounts: Sequence[int]
) -> Rows:
    """Read the rows of these accounts, and tell those that cannot be read from the others.

    Raises:
        StoreClosed: no row of the table can be read.
        Contention, StorageUnavailable: Postgres cannot serve now.
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
                if await anext(rows_about(conn, platform, store, part[0]), None) is None:
                    raise
            if len(part) == 1:
                unreadable[part[0]] = str(error)
            else:
                middle = len(part) // 2
                parts += [part[:middle], part[middle:]]
        else:
            holdings |= {holding.account_id: holding for holding in found}
    return Rows(holdings, unreadable)


async def rows_about(
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
