"""Old thanks and reactions: rows that no message can repeat any more."""

from typing import Final

import asyncpg

from ..errors import mapped_errors

#: Days for which a thank is remembered: far longer than a message may be old that thanks
#: (`db.earning.thanks.AGE_S_MAX`), so that no repetition finds its row gone.
THANKS_KEPT_DAYS: Final = 30


async def remove(conn: asyncpg.Connection, *, reactions_kept_days: int, limit: int) -> int:
    """Delete up to `limit` old thanks and as many reactions. Returns how many.

    `reactions_kept_days`: longer than a message may be old whose reactions count. Points and XP
    stay. Rows that another transaction has locked are left for the next time.
    """
    with mapped_errors():
        removed: int = await conn.fetchval(
            """
            WITH old_thanks AS (
                DELETE FROM twinstream.thanks WHERE ctid = ANY (ARRAY (
                    SELECT t.ctid FROM twinstream.thanks AS t
                    WHERE t.day < now()::date - $1::integer ORDER BY t.day LIMIT $3
                    FOR UPDATE SKIP LOCKED
                )) RETURNING 1
            ), old_reactions AS (
                DELETE FROM twinstream.reactions WHERE ctid = ANY (ARRAY (
                    SELECT r.ctid FROM twinstream.reactions AS r
                    WHERE r.day < now()::date - $2::integer ORDER BY r.day LIMIT $3
                    FOR UPDATE SKIP LOCKED
                )) RETURNING 1
            )
            SELECT (SELECT count(*) FROM old_thanks) + (SELECT count(*) FROM old_reactions)
            """,
            THANKS_KEPT_DAYS,
            reactions_kept_days,
            limit,
        )
    return removed
