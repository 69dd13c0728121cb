"""A pool that counts statements, each of which is a round trip to Postgres."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg


class CountingPool:
    """A pool that counts the statements on the connections that it lends."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.statements: list[str] = []
        self.get_max_size = pool.get_max_size

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._pool.acquire() as conn:
            with conn.query_logger(self._note):
                yield conn

    def _note(self, record: Any) -> None:
        self.statements.append(record.query)
