"""The bots' journal of their commits, in tables that only this package uses.

If the bot has its own transaction, that transaction writes the row of `chaos_committed`. Otherwise
the bot writes the row after the producer's answer. So the journal never holds an event that was not
committed, whatever reply was lost and whatever process was killed. It may lack a committed event;
the audit finds that one in the origin's ledger.
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
    CREATE TABLE chaos_rolled_back (idempotency_key text PRIMARY KEY);
    CREATE TABLE chaos_earned (source text NOT NULL, account_id bigint NOT NULL, xp bigint NOT NULL)
"""


class Committed(NamedTuple):
    """One event, as the bot recorded it."""

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
    """Add the events that this transaction commits. Adding one again changes nothing."""
    if not events:
        return
    await conn.execute(
        """
        INSERT INTO chaos_committed
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]
        ) AS noted (idempotency_key)
        -- In key order, so that two transactions with the same events do not deadlock.
        ORDER BY noted.idempotency_key
        ON CONFLICT (idempotency_key) DO NOTHING
        """,
        *map(list, zip(*events, strict=True)),
    )


async def note_rolled_back(conn: asyncpg.Connection, keys: Sequence[str]) -> None:
    """Add keys that were rolled back and are not retried: the ledger must not hold them."""
    if not keys:
        return
    await conn.execute(
        """
        INSERT INTO chaos_rolled_back SELECT * FROM unnest($1::text[]) AS noted (idempotency_key)
        -- In key order, so that two transactions with the same events do not deadlock.
        ORDER BY noted.idempotency_key
        ON CONFLICT (idempotency_key) DO NOTHING
        """,
        keys,
    )


async def note_earned(conn: asyncpg.Connection, source: Source, account_id: int, xp: int) -> None:
    """Add what this transaction adds to a window."""
    await conn.execute("INSERT INTO chaos_earned VALUES ($1, $2, $3)", source, account_id, xp)
