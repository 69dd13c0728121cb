"""The dead letters: events that were buried, why, and sending them again.

The record is `sync_events` with status `failed`; the stream `sync:dead` only mirrors it. Sending a
dead letter again cannot count it twice, because the ledger keeps its idempotency key for ever.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

_ENTRY_KEY_PREFIX = "entry:"


class DeadEvent(NamedTuple):
    """One buried event, or one buried entry of a stream that could not be decoded to an event."""

    id: int
    idempotency_key: str
    source: Platform
    """The platform on whose stream it was found. The source in the payload may be forged."""
    type: str
    error_message: str
    created_at: datetime
    is_recorded: bool
    """Whether the origin's ledger has the event. If not, it exists only as this payload."""
    payload: bytes


async def find_dead(
    conn: asyncpg.Connection,
    *,
    ids: Sequence[int] | None = None,
    reason: str = "",
    after: int = 0,
    limit: int,
) -> list[DeadEvent]:
    """Return up to `limit` buried events with ids above `after`, oldest first.

    With `ids`, only events with these ids. With `reason`, only events whose error message contains
    it, in upper or lower case.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT id, idempotency_key, source, type, error_message, created_at,
                account_id IS NOT NULL, payload
            FROM twinstream.sync_events
            WHERE status = 'failed' AND ($1::bigint[] IS NULL OR id = ANY ($1))
                AND strpos(lower(error_message), lower($2)) > 0 AND id > $3
            ORDER BY id LIMIT $4
            """,
            None if ids is None else list(ids),
            reason,
            after,
            limit,
        )
    return [DeadEvent._make((*row[:7], row["payload"].encode())) for row in rows]


async def count_dead(conn: asyncpg.Connection, *, reason: str = "") -> int:
    """Count the buried events whose error message contains `reason`."""
    with mapped_errors():
        count: int = await conn.fetchval(
            """
            SELECT count(*) FROM twinstream.sync_events
            WHERE status = 'failed' AND strpos(lower(error_message), lower($1)) > 0
            """,
            reason,
        )
    return count


async def send_again(conn: asyncpg.Connection, ids: Sequence[int]) -> list[int]:
    """Make recorded events pending, so that the relay publishes them. Returns their ids.

    An event that is not buried, or no longer, stays as it is, so a second call changes nothing. The
    reason of its burial stays until the event is completed.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            UPDATE twinstream.sync_events SET status = 'pending', published_at = NULL
            WHERE id = ANY ($1::bigint[]) AND status = 'failed' AND account_id IS NOT NULL
            RETURNING id
            """,
            list(ids),
        )
    return sorted(row["id"] for row in rows)


async def discard(conn: asyncpg.Connection, ids: Sequence[int]) -> list[int]:
    """Delete buried entries for which no event was ever recorded. Returns their ids.

    A recorded event is kept, because its origin counts it and the other platform does not yet.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            DELETE FROM twinstream.sync_events
            WHERE id = ANY ($1::bigint[]) AND status = 'failed' AND account_id IS NULL
            RETURNING id
            """,
            list(ids),
        )
    return sorted(row["id"] for row in rows)


async def is_reserved(conn: asyncpg.Connection, idempotency_key: str) -> bool:
    """Tell whether a key is for events of twinstream's own processes only."""
    with mapped_errors():
        reserved: bool = await conn.fetchval("SELECT twinstream.is_reserved($1)", idempotency_key)
    return reserved


async def forget_entry(conn: asyncpg.Connection, dead_id: int) -> None:
    """Delete a buried entry after its payload was published again as a new entry."""
    with mapped_errors():
        await conn.execute(
            """
            DELETE FROM twinstream.sync_events
            WHERE id = $1 AND status = 'failed' AND starts_with(idempotency_key, $2)
            """,
            dead_id,
            _ENTRY_KEY_PREFIX,
        )
