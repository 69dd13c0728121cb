"""The dead letters: events that were buried, why, and sending them again.

The record is `sync_events` with status `failed`; the stream `sync:dead` only mirrors it. Sending
again cannot double anything: the idempotency key is in the ledger for ever.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

_ENTRY_KEY_PREFIX = "entry:"


class DeadEvent(NamedTuple):
    """One buried event, or one buried entry that no event could be made of."""

    id: int
    idempotency_key: str
    source: Platform
    """The platform on whose stream it was found. What the payload says of itself may be forged."""
    type: str
    error_message: str
    created_at: datetime
    is_recorded: bool
    """Whether the event stands in its origin's ledger; if not, it exists only as this payload."""
    payload: bytes

    @property
    def is_entry(self) -> bool:
        """Tell an entry whose key could not be believed from an event with one of its own."""
        return self.idempotency_key.startswith(_ENTRY_KEY_PREFIX)


async def find_dead(
    conn: asyncpg.Connection,
    *,
    ids: Sequence[int] | None = None,
    reason: str = "",
    after: int = 0,
    limit: int,
) -> list[DeadEvent]:
    """Return buried events, oldest first: those with these ids, or all; from beyond id `after` on.

    `reason` keeps those whose error message contains it, in any case.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT id, idempotency_key, source, type, error_message, created_at,
                member_id IS NOT NULL, payload
            FROM sync_events
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
            SELECT count(*) FROM sync_events
            WHERE status = 'failed' AND strpos(lower(error_message), lower($1)) > 0
            """,
            reason,
        )
    return count


async def send_again(conn: asyncpg.Connection, ids: Sequence[int]) -> list[int]:
    """Make recorded events pending, so that the relay publishes them. Returns the ids that were.

    One that is not buried (any more) is left alone, so asking twice changes nothing.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            UPDATE sync_events SET status = 'pending', published_at = NULL
            WHERE id = ANY ($1::bigint[]) AND status = 'failed' AND member_id IS NOT NULL
            RETURNING id
            """,
            list(ids),
        )
    return sorted(row["id"] for row in rows)


async def discard(conn: asyncpg.Connection, ids: Sequence[int]) -> list[int]:
    """Remove buried entries that no event was ever recorded for. Returns the ids that were.

    A recorded event is kept, because its origin counts it and the other side does not.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            DELETE FROM sync_events
            WHERE id = ANY ($1::bigint[]) AND status = 'failed' AND member_id IS NULL
            RETURNING id
            """,
            list(ids),
        )
    return sorted(row["id"] for row in rows)


async def forget_entry(conn: asyncpg.Connection, dead_id: int) -> None:
    """Remove a buried entry that was put on its stream anew; the new entry has its own fate."""
    with mapped_errors():
        await conn.execute(
            """
            DELETE FROM sync_events
            WHERE id = $1 AND status = 'failed' AND starts_with(idempotency_key, $2)
            """,
            dead_id,
            _ENTRY_KEY_PREFIX,
        )
