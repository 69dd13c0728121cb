"""The ladder of ranks as Postgres knows it, so that rank is computed where XP changes."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..surfaces import BACKFILL, RANK
from ..surfaces.wishes import want

MEMBERS_PER_STEP = 5_000


class RankRow(NamedTuple):
    """One rank: its name and the XP from which it is held."""

    name: str
    xp: int


async def set_ranks(pool: asyncpg.Pool, rungs: Sequence[RankRow]) -> int:
    """Make `rungs` (lowest first) the ladder. Returns how many ranks of members changed by it.

    Members are recomputed in bounded steps, each a transaction of its own, so that nobody waits
    long; a restart in the middle goes on where it was, because only differences are touched.
    """
    with mapped_errors():
        async with pool.acquire() as conn:
            await _replace(conn, rungs)
            highest = await conn.fetchval("SELECT coalesce(max(id), 0) FROM members")
            changed = 0
            for first in range(1, highest + 1, MEMBERS_PER_STEP):
                changed += await _recompute(conn, first, first + MEMBERS_PER_STEP - 1)
            return changed


async def _replace(conn: asyncpg.Connection, rungs: Sequence[RankRow]) -> None:
    if await _ladder(conn) == list(rungs):
        return
    async with conn.transaction():
        # Whoever is writing the books looks ranks up on the old ladder. It waits until they have
        # committed, so that the recomputation sees what they wrote; the next ones wait for it.
        await conn.execute("LOCK TABLE sync_state IN SHARE ROW EXCLUSIVE MODE")
        await conn.execute("DELETE FROM ranks")
        await conn.executemany(
            "INSERT INTO ranks (rank, name, xp) VALUES ($1, $2, $3)",
            [(number, rung.name, rung.xp) for number, rung in enumerate(rungs, start=1)],
        )


async def _ladder(conn: asyncpg.Connection) -> list[RankRow]:
    return [RankRow(*row) for row in await conn.fetch("SELECT name, xp FROM ranks ORDER BY rank")]


async def _recompute(conn: asyncpg.Connection, first: int, last: int) -> int:
    changed: int = await conn.fetchval(
        f"""
        WITH stale AS (
            SELECT member_id, platform FROM sync_state
            WHERE member_id BETWEEN $1 AND $2 AND rank <> rank_on(xp, (SELECT ladder()))
            ORDER BY member_id, platform
            FOR UPDATE
        ), books AS (
            UPDATE sync_state AS s SET rank = rank_on(s.xp, (SELECT ladder())),
                version = s.version + 1, updated_at = now()
            FROM stale WHERE s.member_id = stale.member_id AND s.platform = stale.platform
            RETURNING s.member_id, s.platform, s.rank
        ), wishes AS (
            SELECT member_id, platform, '{RANK}' AS surface, rank AS number,
                'ladder' AS wanted_key, {BACKFILL}::smallint AS priority
            FROM books
        ), wanted AS (
            {want("wishes")}
        )
        SELECT count(*) FROM books
        """,  # noqa: S608 - constants
        first,
        last,
    )
    return changed
