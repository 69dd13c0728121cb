"""Transactions of the consumers' own, with every error in db's words."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db import StorageUnavailable
from db.errors import mapped_errors


@contextlib.asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection inside a transaction, which commits when the block ends well.

    Getting the connection and committing fail as statements do: while Postgres is away that is
    StorageUnavailable, and nothing else.
    """
    try:
        with mapped_errors():
            async with pool.acquire() as conn, conn.transaction():
                yield conn
    except asyncpg.InternalClientError as error:
        # When Postgres goes away in the middle of a statement, asyncpg may trip over the reset of
        # the connection that it is about to drop.
        raise StorageUnavailable(str(error)) from error
