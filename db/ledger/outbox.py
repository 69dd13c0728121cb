"""The outbox: recorded events on their way to their stream, and back into it when Redis loses them.

An event is `pending` until it is known to be on its stream, then `published`. The producer and the
relay mark events; the rebuild makes those pending again that their stream lost.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Events that one step of `unpublish` makes pending, in one transaction. A step takes a second at
#: most, so a rebuild of millions delays no other transaction for longer.
UNPUBLISH_STEP = 20_000


async def mark_published(
    conn: asyncpg.Connection, keys: Sequence[str], *, fresh: bool = False
) -> None:
    """Note that these events are on their stream. One that got further meanwhile stays there.

    With `fresh`, the caller published them just after recording them, without holding their rows
    as `take_unpublished` does. Then the stream may have been lost since, and with it what was
    published: an event for which `unpublish` has said so stays pending.

    It waits for nobody. A row that is locked is being settled or published at this moment, and
    whoever does it notes what became of it.
    """
    with mapped_errors():
        await conn.execute(
            """
            WITH marked AS (
                SELECT id FROM sync_events
                WHERE idempotency_key = ANY ($1::text[]) AND status = 'pending'
                    AND (stream_losses = 0 OR NOT $2)
                ORDER BY id
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE sync_events AS e SET status = 'published', published_at = statement_timestamp()
            FROM marked WHERE e.id = marked.id
            """,
            list(keys),
            fresh,
        )


async def find_pending(conn: asyncpg.Connection, keys: Collection[str]) -> dict[str, bytes]:
    """Return the payloads of those events that are in the record and not known to be on a stream.

    Inside a transaction that includes what it has recorded itself and not rolled back.
    """
    rows = await conn.fetch(
        """
        SELECT idempotency_key, payload FROM sync_events
        WHERE idempotency_key = ANY ($1::text[]) AND status = 'pending'
        """,
        list(keys),
    )
    return {key: payload.encode() for key, payload in rows}


class Unpublished(NamedTuple):
    """An event that is committed and not known to be on its stream."""

    idempotency_key: str
    source: Platform
    payload: bytes


async def take_unpublished(
    conn: asyncpg.Connection, source: Platform, *, older_than_s: float, limit: int
) -> list[Unpublished]:
    """Lock and return the oldest events of `source` that stayed pending. Several relays share them.

    The rows stay locked until the caller's transaction ends; others skip them.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT idempotency_key, source, payload FROM sync_events
            WHERE status = 'pending' AND source = $1
                AND created_at < now() - make_interval(secs => $2)
            ORDER BY id LIMIT $3
            FOR UPDATE SKIP LOCKED
            """,
            source,
            older_than_s,
            limit,
        )
    return [Unpublished(key, source, payload.encode()) for key, source, payload in rows]


async def unpublish(
    conn: asyncpg.Connection, source: Platform, *, step: int = UNPUBLISH_STEP
) -> int:
    """Make every unfinished event of `source` pending again, because its stream was lost.

    Call it before the stream is made anew, and outside of a transaction: each step of so many
    events commits by itself, so that a million of them hold nobody up. After a failure in between,
    call it again. Returns how many of them had been published. Those that were delivered after all
    take effect once all the same.
    """
    published = 0
    with mapped_errors():
        # Pending ones count as well: some are on the lost stream, and only their mark is late. They
        # come first, because from then on whatever turns to published does so in the second loop.
        for page in (_PENDING_PAGE, _PUBLISHED_PAGE):
            seen, last_id = step, 0
            while seen == step:
                seen, last_id, of_them_published = await conn.fetchrow(
                    _UNPUBLISH.format(page=page), source, last_id, step
                )
                published += of_them_published
    return published


_PENDING_PAGE = """
    SELECT id FROM sync_events WHERE status = 'pending' AND source = $1 AND id > $2
    ORDER BY id LIMIT $3
"""
# These are published no more once they were on a page, so the next page begins with others.
_PUBLISHED_PAGE = """
    SELECT id FROM sync_events WHERE status = 'published' AND source = $1 AND $2::bigint >= 0
    ORDER BY published_at LIMIT $3
"""
_UNPUBLISH = """
    WITH page AS MATERIALIZED ({page}), unfinished AS (
        SELECT id, status FROM sync_events
        WHERE id = ANY (ARRAY (SELECT id FROM page)) AND status IN ('pending', 'published')
        ORDER BY id
        FOR NO KEY UPDATE
    ), lost AS (
        UPDATE sync_events AS e SET status = 'pending', published_at = NULL,
            stream_losses = e.stream_losses + 1
        FROM unfinished WHERE e.id = unfinished.id
    )
    SELECT (SELECT count(*) FROM page), (SELECT coalesce(max(id), 0) FROM page),
        (SELECT count(*) FROM unfinished WHERE status = 'published')
"""


async def unpublish_old(
    conn: asyncpg.Connection, source: Platform, *, published_s_ago: float, limit: int
) -> int:
    """Make events of `source` pending again that were marked as published before so many seconds.

    For those that are known to be on no stream any more; the oldest `limit` of them, and none that
    somebody else holds. Returns how many there are.
    """
    with mapped_errors():
        count: int = await conn.fetchval(
            """
            WITH old AS (
                SELECT id FROM sync_events
                WHERE status = 'published' AND source = $1
                    AND published_at < clock_timestamp() - make_interval(secs => $2)
                ORDER BY published_at LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED
            ), lost AS (
                UPDATE sync_events AS e SET status = 'pending', published_at = NULL
                FROM old WHERE e.id = old.id
            )
            SELECT count(*) FROM old
            """,
            source,
            published_s_ago,
            limit,
        )
    return count
