"""Transactions of the consumers, which fail with the errors of `db` only."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db.connections import limit_lock_waits
from db.errors import mapped_errors


@contextlib.asynccontextmanager
async def transaction(
    pool: asyncpg.Pool, *, lock_wait_ms: int | None = None
) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection inside a transaction, which commits when the block ends without an error.

    Its isolation is READ COMMITTED, whatever the login's default is. With `lock_wait_ms`, a
    statement that waits longer for a lock raises `Locked`.

    Acquiring the connection and committing raise the same errors as statements do: while Postgres
    is away, only StorageUnavailable.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction(isolation="read_committed"):
            if lock_wait_ms is not None:
                await limit_lock_waits(conn, lock_wait_ms)
            yield conn
