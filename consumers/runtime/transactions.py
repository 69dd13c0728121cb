"""Transactions of the consumers, which fail with the errors of `db` only."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db.errors import mapped_errors


@contextlib.asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection inside a transaction, which commits when the block ends without an error.

    Acquiring the connection and committing raise the same errors as statements do: while Postgres
    is away, only StorageUnavailable.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            yield conn
