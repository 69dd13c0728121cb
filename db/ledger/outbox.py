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
    """Mark these events as published. An event that is completed or buried by now stays so.

    With `fresh`, the caller published them just after recording them, without locking their rows
    as `take_unpublished` does. The stream may have been lost since then, with these events on it:
    an event that `unpublish` has counted as lost stays pending.

    It waits for no lock. A locked row is being settled or published at this moment, and that
    transaction writes the row's status. Events of a platform that the login may not act for stay
    as they are.
    """
    with mapped_errors():
        await conn.execute("SELECT twinstream.mark_published($1, $2)", list(keys), fresh)


async def find_pending(conn: asyncpg.Connection, keys: Collection[str]) -> dict[str, bytes]:
    """Return the payloads of those events that are recorded and not known to be on a stream.

    Inside a transaction they include events that it recorded itself and did not roll back.
    """
    rows = await conn.fetch("SELECT * FROM twinstream.find_pending($1)", list(keys))
    return {key: payload.encode() for key, payload in rows}


class Unpublished(NamedTuple):
    """An event that is committed and not known to be on its stream."""

    idempotency_key: str
    source: Platform
    payload: bytes


async def take_unpublished(
    conn: asyncpg.Connection, source: Platform, *, older_than_s: float, limit: int
) -> list[Unpublished]:
    """Lock and return the oldest events of `source` that no producer is about to publish.

    These are the events that were left to the relay, and all others that are pending for
    `older_than_s` seconds. The rows stay locked until the caller's transaction ends. Other relays
    skip locked rows, so several relays share the work. An event from the future was recorded while
    the clock of Postgres was ahead, so its age is unknown and no producer is waited for.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT idempotency_key, source, payload FROM twinstream.sync_events
            WHERE status = 'pending' AND source = $1
                AND (
                    left_to_relay OR created_at < now() - make_interval(secs => $2)
                    -- Its age is unknown: the clock was set back since.
                    OR created_at > clock_timestamp()
                )
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

    Call it before the stream is created again, and outside of a transaction: each step of `step`
    events commits by itself, so that a million events delay no other transaction for long. After a
    failure in between, call it again. Returns how many events had been published. An event that
    was delivered before the loss still takes effect only once.
    """
    published = 0
    with mapped_errors():
        # Pending events are included: some are on the lost stream, and only their mark is late.
        # They come first, so that an event marked meanwhile is found by the second loop.
        for page in (_PENDING_PAGE, _PUBLISHED_PAGE):
            seen, last_id = step, 0
            while seen == step:
                seen, last_id, of_them_published = await conn.fetchrow(
                    _UNPUBLISH.format(page=page), source, last_id, step
                )
                published += of_them_published
    return published


_PENDING_PAGE = """
    SELECT id FROM twinstream.sync_events WHERE status = 'pending' AND source = $1 AND id > $2
    ORDER BY id LIMIT $3
"""
# Events that were on a page are pending afterwards, so the next page begins with other events.
_PUBLISHED_PAGE = """
    SELECT id FROM twinstream.sync_events WHERE status = 'published' AND source = $1
        AND $2::bigint >= 0
    ORDER BY published_at LIMIT $3
"""
_UNPUBLISH = """
    WITH page AS MATERIALIZED (
        -- Read without locks, in the order of an index. It decides where the next step begins.
        {page}
    ), unfinished AS (
        -- Locked in id order, as settling does. Rows that were completed meanwhile drop out.
        SELECT id, status FROM twinstream.sync_events
        WHERE id = ANY (ARRAY (SELECT id FROM page)) AND status IN ('pending', 'published')
        ORDER BY id
        FOR NO KEY UPDATE
    ), lost AS (
        -- The count keeps a late `mark_published` from hiding the loss.
        UPDATE twinstream.sync_events AS e SET status = 'pending', published_at = NULL,
            stream_losses = e.stream_losses + 1
        FROM unfinished WHERE e.id = unfinished.id
    )
    SELECT (SELECT count(*) FROM page), (SELECT coalesce(max(id), 0) FROM page),
        (SELECT count(*) FROM unfinished WHERE status = 'published')
"""


async def unpublish_old(
    conn: asyncpg.Connection, source: Platform, *, published_s_ago: float | None, limit: int
) -> int:
    """Make events of `source` pending again that are on no stream any more.

    The caller knows that no stream holds an event that was published at least `published_s_ago`
    seconds ago and is unfinished; with None, that the stream holds no unfinished event at all.
    Takes the oldest `limit` of them, and skips rows that another transaction has locked. Returns
    how many events became pending.
    """
    with mapped_errors():
        count: int = await conn.fetchval(
            """
            WITH old AS (
                SELECT id FROM twinstream.sync_events
                WHERE status = 'published' AND source = $1
                    AND ($2::float8 IS NULL
                        OR published_at < clock_timestamp() - make_interval(secs => $2))
                ORDER BY published_at LIMIT $3
                FOR NO KEY UPDATE SKIP LOCKED
            ), lost AS (
                UPDATE twinstream.sync_events AS e SET status = 'pending', published_at = NULL
                FROM old WHERE e.id = old.id
            )
            SELECT count(*) FROM old
            """,
            source,
            published_s_ago,
            limit,
        )
    return count
