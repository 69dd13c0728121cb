"""A bot's access to Postgres: one connection at a time, for the functions of `db`."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db.errors import mapped_errors
from schemas import Source

#: Seconds that an answer waits for a free connection of the pool. Longer, and a member would take
#: the silence for a broken bot: they are told instead that Postgres is unavailable.
CONNECTION_WAIT_S = 5.0


class Database:
    """Postgres as the bot of one platform uses it."""

    def __init__(self, pool: asyncpg.Pool, platform: Source) -> None:
        self.platform = platform
        self._pool = pool

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for the block. Errors of Postgres in it are raised as `db.DbError`.

        Raises:
            StorageUnavailable: Postgres cannot be reached, or no connection is free in time.
        """
        with mapped_errors():
            async with self._pool.acquire(timeout=CONNECTION_WAIT_S) as conn:
                yield conn
