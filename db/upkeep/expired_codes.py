"""Expired codes, old offers and counts of wrong codes: rows that nothing reads any more."""

from typing import Final

import asyncpg

from ..errors import mapped_errors

#: Seconds that a row is kept after it ended: longer than a transaction that still reads it.
KEPT_S: Final = 3_600.0
#: Days for which an offer is remembered: a code that was once given out is no guess.
OFFERS_KEPT_DAYS: Final = 30


async def remove(conn: asyncpg.Connection, *, limit: int) -> int:
    """Delete up to `limit` codes, offers and counts each that are over. Returns how many.

    Rows that another transaction has locked are left for the next time.
    """
    with mapped_errors():
        removed: int = await conn.fetchval(
            """
            WITH codes AS (
                DELETE FROM twinstream.link_codes WHERE code_hash = ANY (ARRAY (
                    SELECT c.code_hash FROM twinstream.link_codes AS c
                    WHERE c.expires_at < now() - make_interval(secs => $1) LIMIT $2
                    FOR UPDATE SKIP LOCKED
                )) RETURNING 1
            ), attempts AS (
                DELETE FROM twinstream.link_attempts WHERE ctid = ANY (ARRAY (
                    SELECT t.ctid FROM twinstream.link_attempts AS t
                    WHERE t.window_ends_at < now() - make_interval(secs => $1) LIMIT $2
                    FOR UPDATE SKIP LOCKED
                )) RETURNING 1
            ), offers AS (
                DELETE FROM twinstream.link_offers WHERE id = ANY (ARRAY (
                    SELECT o.id FROM twinstream.link_offers AS o
                    WHERE o.created_at < now() - make_interval(days => $3)
                    ORDER BY o.created_at LIMIT $2 FOR UPDATE SKIP LOCKED
                )) RETURNING 1
            )
            SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM attempts)
                + (SELECT count(*) FROM offers)
            """,
            KEPT_S,
            limit,
            OFFERS_KEPT_DAYS,
        )
    return removed
