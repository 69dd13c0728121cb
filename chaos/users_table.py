"""The table in which the Telegram bot of a run keeps its members, as many bots do.

It has a row for every account from the beginning. An event changes the row in the transaction that
enters it into Telegram's books: the producer's at the origin, the consumer's on arrival. The row is
owed what a link brings or takes.
"""

from collections.abc import Iterable
from typing import Final

import asyncpg

from db import PLATFORMS, Platform, Store
from db.stores.table import TableNames, TableStore

PLATFORM: Final = PLATFORMS[0]
STORES: Final[dict[Platform, Store]] = {
    PLATFORM: TableStore(TableNames("users", "id", "xp", "balance"))
}
#: Statements of a program that keeps the table to itself, or the rows of half of the members.
LOCKS: Final = (
    "LOCK TABLE users IN ACCESS EXCLUSIVE MODE",
    "SELECT FROM users WHERE id % 2 = 0 FOR UPDATE",
)


async def prepare(conn: asyncpg.Connection, accounts: Iterable[int]) -> None:
    """Create the table, with a row of zeros for each account."""
    await conn.execute(
        """
        CREATE TABLE users (
            id bigint PRIMARY KEY, xp bigint NOT NULL DEFAULT 0, balance bigint NOT NULL DEFAULT 0
        )
        """
    )
    await conn.execute("INSERT INTO users (id) SELECT unnest($1::bigint[])", list(accounts))


async def add(conn: asyncpg.Connection, account_id: int, xp: int, balance: int) -> None:
    """Change a row as a bot does that records its events by SQL."""
    await conn.execute(
        "UPDATE users SET xp = xp + $2, balance = balance + $3 WHERE id = $1",
        account_id,
        xp,
        balance,
    )
