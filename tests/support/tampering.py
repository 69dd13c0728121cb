"""Changes of the ledger that an intruder with the owner's login could make, for the tests."""

from typing import Any

import asyncpg


async def tamper(pool: asyncpg.Pool, statement: str, *args: Any) -> None:
    """Run a statement that the trigger of the ledger would refuse."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("ALTER TABLE transactions DISABLE TRIGGER ledger_is_only_added_to")
        await conn.execute(statement, *args)
        await conn.execute("ALTER TABLE transactions ENABLE TRIGGER ledger_is_only_added_to")
