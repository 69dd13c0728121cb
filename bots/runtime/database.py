"""A bot's access to Postgres: one connection at a time, for the functions of `db`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from db.errors import Contention, mapped_errors
from schemas import Source

#: Seconds that an answer waits for a free connection of the pool. Longer, and a member would take
#: the silence for a broken bot: they are told instead that Postgres is unavailable.
CONNECTION_WAIT_S = 5.0
#: Attempts where another transaction is in the way, such as the other side's, which takes a moment.
ATTEMPTS_MAX: Final = 5
#: Seconds between two attempts.
ATTEMPT_PAUSE_S: Final = 0.05

T = TypeVar("T")


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

    async def attempt(self, operation: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run an operation, and again where another transaction was in the way.

        Raises:
            Contention: it was in the way of every attempt.
            StorageUnavailable: Postgres cannot be reached, or no connection is free in time.
        """
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                async with self.connection() as conn:
                    return await operation(conn)
            except Contention:
                await asyncio.sleep(ATTEMPT_PAUSE_S)
        async with self.connection() as conn:
            return await operation(conn)
