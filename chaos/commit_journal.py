"""What the bots themselves say they committed, in tables that nothing but this package knows.

A row of `chaos_committed` is written in the transaction that records the event where the bot has
one, and after the producer's answer where it has not. So it never says too much, whatever reply was
lost and whoever was killed; what it leaves out stands in the ledger of the origin.
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
    if not events:
        return
    await conn.execute(
        """
        INSERT INTO chaos_committed
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]
        ) AS noted (idempotency_key)
        -- In one order, so that two who note the same events do not wait for each other.
        ORDER BY noted.idempotency_key
        ON CONFLICT (idempotency_key) DO NOTHING
        """,
        *map(list, zip(*events, strict=True)),
    )


async def note_rolled_back(conn: asyncpg.Connection, keys: Sequence[str]) -> None:
    """Write down what was rolled back for good: no trace of it may be found."""
    if not keys:
        return
    await conn.execute(
        """
        INSERT INTO chaos_rolled_back SELECT * FROM unnest($1::text[]) AS noted (idempotency_key)
        -- In one order, so that two who note the same events do not wait for each other.
        ORDER BY noted.idempotency_key
        ON CONFLICT (idempotency_key) DO NOTHING
        """,
        keys,
    )
