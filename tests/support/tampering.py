"""Changes of the ledger that an intruder with the owner's login could make, for the tests."""

from typing import Any

import asyncpg


async def tamper(pool: asyncpg.Pool, statement: str, *args: Any) -> None:
    """Run a statement that the triggers of the ledger would refuse."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("ALTER TABLE transactions DISABLE TRIGGER USER")
        await conn.execute(statement, *args)
        await conn.execute("ALTER TABLE transactions ENABLE TRIGGER USER")
