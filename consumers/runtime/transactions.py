"""Transactions of the consumers' own, with every error in db's words."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db.errors import mapped_errors


@contextlib.asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection inside a transaction, which commits when the block ends well.

    Getting the connection and committing fail as statements do: while Postgres is away that is
    StorageUnavailable, and nothing else.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            yield conn
