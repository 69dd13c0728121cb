"""What the bots themselves say they committed, in tables that nothing but this package knows.

A row of `chaos_committed` is written in the transaction that records the event where the bot has
one, and after the producer's answer where it has not. So it is never wrong, whatever reply was lost
and whoever was killed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from bus import Source

TABLES = """
    CREATE TABLE chaos_committed (
        idempotency_key text PRIMARY KEY,
        source text NOT NULL,
        account_id bigint NOT NULL,
        delta_xp bigint NOT NULL,
        delta_balance bigint NOT NULL,
        achievement text
    );
    CREATE TABLE chaos_rolled_back (idempotency_key text PRIMARY KEY)
"""


class Committed(NamedTuple):
    """One event, in the words of the bot that made it."""

    idempotency_key: str
    source: Source
    account_id: int
    delta_xp: int
    delta_balance: int
    achievement: str | None


async def prepare(conn: asyncpg.Connection) -> None:
    """Create the tables."""
    await conn.execute(TABLES)


async def note_committed(conn: asyncpg.Connection, events: Sequence[Committed]) -> None:
    """Write down what this transaction commits. Noting an event again changes nothing."""
    await conn.executemany(
        """
        INSERT INTO chaos_committed VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (idempotency_key) DO NOTHING
        """,
        # In one order, so that two who note the same events do not wait for each other.
        sorted(events, key=lambda event: event.idempotency_key),
    )


async def note_rolled_back(conn: asyncpg.Connection, keys: Sequence[str]) -> None:
    """Write down what was rolled back for good: no trace of it may be found."""
    await conn.executemany(
        "INSERT INTO chaos_rolled_back VALUES ($1) ON CONFLICT DO NOTHING",
        [(key,) for key in sorted(keys)],
    )
