"""How often consumers tried to settle an entry that seems to kill the process that settles it.

The count survives the death of the process, because a transaction of its own raises it before each
try. Redis's delivery count cannot replace it: every restart of a consumer raises that one too.
"""

import asyncpg

from ..errors import mapped_errors


async def count_attempt(conn: asyncpg.Connection, stream: str, entry_id: str) -> int:
    """Count one more try to settle this entry. Returns the number of tries, this one included.

    Raises:
        Contention, StorageUnavailable: nothing was counted.
    """
    with mapped_errors():
        attempts: int = await conn.fetchval(
            """
            INSERT INTO twinstream.entry_attempts
                AS a (stream, entry_id, attempts) VALUES ($1, $2, 1)
            ON CONFLICT ON CONSTRAINT entry_attempts_once DO UPDATE SET attempts = a.attempts + 1
            RETURNING attempts
            """,
            stream,
            entry_id,
        )
    return attempts


async def forget_attempts(conn: asyncpg.Connection, stream: str, entry_id: str) -> None:
    """Delete the count of an entry that is settled or buried.

    Raises:
        Contention, StorageUnavailable: the count is still there.
    """
    with mapped_errors():
        await conn.execute(
            "DELETE FROM twinstream.entry_attempts WHERE stream = $1 AND entry_id = $2",
            stream,
            entry_id,
        )


async def forget_old_attempts(conn: asyncpg.Connection, *, older_than_s: float, limit: int) -> int:
    """Delete up to `limit` counts of entries first tried that long ago. Returns how many.

    Redis lost these entries before any consumer settled or buried them.

    Raises:
        Contention, StorageUnavailable: no count was deleted.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            DELETE FROM twinstream.entry_attempts WHERE (stream, entry_id) IN (
                SELECT stream, entry_id FROM twinstream.entry_attempts
                WHERE first_at < now() - make_interval(secs => $1) LIMIT $2
            ) RETURNING 1
            """,
            older_than_s,
            limit,
        )
    return len(rows)
