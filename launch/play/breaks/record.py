"""Postgres, asked as somebody with psql asks: the record says whether anything was lost."""

from typing import NamedTuple

import asyncpg

from bus import SOURCES, Source
from db import Platform
from db.errors import mapped_errors

from .condition import Tally

__all__ = [
    "ShownRank",
    "books_agree",
    "newest_event",
    "newest_finding",
    "shown_rank",
    "tallies_after",
]

# Links make ledger entries of one side only, so events are what is counted.
_TALLIES = """
    SELECT e.source, count(*) AS recorded, count(t.id) AS arrived,
        count(*) FILTER (WHERE t.id IS NULL AND e.status IN ('pending', 'published')) AS waiting
    FROM twinstream.sync_events AS e
    LEFT JOIN twinstream.transactions AS t
        ON t.idempotency_key = e.idempotency_key AND t.platform <> e.source
    WHERE e.id > $1
    GROUP BY e.source
"""
_BOOKS_DIFFER = """
    SELECT s.platform FROM twinstream.sync_state AS s
    JOIN twinstream.accounts AS mine ON mine.member_id = s.member_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(t.delta_xp), 0) AS xp
        FROM twinstream.transactions AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        WHERE a.member_id = s.member_id AND t.platform = s.platform
    ) AS ledger
    WHERE mine.platform = $1 AND mine.account_id = $2 AND s.xp <> ledger.xp
"""


class ShownRank(NamedTuple):
    """The rank that one platform should show of a member, the one it shows, and what hinders it."""

    wanted: int
    shown: int | None
    error: str | None


async def newest_event(pool: asyncpg.Pool) -> int:
    """Return the id of the newest event; 0 if there is none."""
    with mapped_errors():
        newest: int = await pool.fetchval("SELECT coalesce(max(id), 0) FROM twinstream.sync_events")
    return newest


async def tallies_after(pool: asyncpg.Pool, event_id: int) -> dict[Source, Tally]:
    """Count the events that were recorded after this one, by source."""
    with mapped_errors():
        rows = await pool.fetch(_TALLIES, event_id)
    found = {row["source"]: Tally(row["recorded"], row["arrived"], row["waiting"]) for row in rows}
    return {source: found.get(source, Tally()) for source in SOURCES}


async def books_agree(pool: asyncpg.Pool, platform: Platform, account_id: int) -> bool:
    """Tell whether the books of both platforms are the sum of the ledger, for one member."""
    with mapped_errors():
        return not await pool.fetch(_BOOKS_DIFFER, platform, account_id)


async def shown_rank(pool: asyncpg.Pool, platform: Platform, account_id: int) -> ShownRank | None:
    """Return what is known of the rank of an account; None if nothing is to be shown."""
    with mapped_errors():
        row = await pool.fetchrow(
            """
            SELECT f.wanted, f.shown, f.error FROM twinstream.accounts AS a
            JOIN twinstream.surfaces AS f USING (member_id, platform)
            WHERE a.platform = $1 AND a.account_id = $2 AND f.surface = 'rank'
            """,
            platform,
            account_id,
        )
    return None if row is None else ShownRank(*row)


async def newest_finding(pool: asyncpg.Pool, telegram_id: int, since: float) -> str:
    """Return reconcile's newest words about a member since a moment; empty if there are none."""
    with mapped_errors():
        why: str | None = await pool.fetchval(
            """
            SELECT d.why FROM twinstream.drift AS d
            JOIN twinstream.accounts AS a USING (member_id)
            WHERE a.platform = 'telegram' AND a.account_id = $1 AND d.found_at > to_timestamp($2)
            ORDER BY d.id DESC LIMIT 1
            """,
            telegram_id,
            since,
        )
    return why or ""
