"""The savepoint around each call of a store: an error or a long wait for a lock costs only it."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg


@contextlib.asynccontextmanager
async def savepoint(
    conn: asyncpg.Connection, lock_wait_ms: int, *, keep: bool = True
) -> AsyncIterator[None]:
    """Run the block in a savepoint in which a wait for a lock ends after `lock_wait_ms`.

    The savepoint is rolled back if the block raises, or without `keep`. It is written in SQL,
    because RELEASE fails after a store has swallowed an error of Postgres, and even then the
    savepoint must be rolled back.
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
