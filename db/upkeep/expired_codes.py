"""Expired codes, and counts of wrong ones: rows that nothing reads any more."""

from typing import Final

import asyncpg

from ..errors import mapped_errors

#: Seconds that a row is kept after it ended: longer than a transaction that still reads it.
KEPT_S: Final = 3_600.0


async def remove(conn: asyncpg.Connection, *, limit: int) -> int:
    """Delete up to `limit` codes and as many counts that ended an hour ago. Returns how many.

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
            )
            SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM attempts)
            """,
            KEPT_S,
            limit,
        )
    return removed
