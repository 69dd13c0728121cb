"""Figures for operators: how many events are in each state, and which were buried and why."""

from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors

UNCOMPLETED = ("pending", "published", "failed")


class Failure(NamedTuple):
    """An event that was buried, and why."""

    idempotency_key: str
    error_message: str


async def events_by_status(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the events of each status; a status without events is left out."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT status, count(*) FROM twinstream.sync_events GROUP BY status ORDER BY status"
        )
    return dict(rows)


async def uncompleted_events(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the events of each status except `completed`, from indexes that hold no others.

    Counting completed events would read the whole table.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT 'pending', count(*) FROM twinstream.sync_events WHERE status = 'pending'
            UNION ALL SELECT 'published', count(*) FROM twinstream.sync_events
                WHERE status = 'published'
            UNION ALL SELECT 'failed', count(*) FROM twinstream.sync_events WHERE status = 'failed'
            """
        )
    return dict(rows)


async def newest_failures(conn: asyncpg.Connection, *, limit: int) -> list[Failure]:
    """Return the events buried last, newest first."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT idempotency_key, error_message FROM twinstream.sync_events
            WHERE status = 'failed' ORDER BY id DESC LIMIT $1
            """,
            limit,
        )
    return [Failure(*row) for row in rows]


async def ledger_rows(conn: asyncpg.Connection, idempotency_key: str) -> int:
    """Count an event's rows in the ledger: one while it is on its way, two once it has arrived."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT count(*) FROM twinstream.transactions WHERE idempotency_key = $1",
            idempotency_key,
        )
    return count
