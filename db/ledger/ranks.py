"""The ladder of ranks in Postgres: a statement that changes XP computes the rank from it."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..surfaces import BACKFILL, RANK

#: Members whose ranks one transaction recomputes. It locks their books for a fraction of a second.
MEMBERS_PER_STEP = 5_000


class RankRow(NamedTuple):
    """One rank: its name, and the XP from which a member has it."""

    name: str
    xp: int


async def set_ranks(pool: asyncpg.Pool, ranks: Sequence[RankRow]) -> int:
    """Make `ranks` (lowest first) the ladder. Returns how many members' ranks changed.

    Members are recomputed in bounded steps, each in its own transaction, so that no other
    transaction waits long. After a restart in the middle the next call completes the work, because
    it changes only ranks that differ.
    """
    with mapped_errors():
        async with pool.acquire() as conn:
            await _replace(conn, ranks)
            highest = await conn.fetchval("SELECT coalesce(max(id), 0) FROM twinstream.members")
            changed = 0
            for first in range(1, highest + 1, MEMBERS_PER_STEP):
                changed += await _recompute(conn, first, first + MEMBERS_PER_STEP - 1)
            return changed


async def _replace(conn: asyncpg.Connection, ranks: Sequence[RankRow]) -> None:
    if await _ladder(conn) == list(ranks):
        return
    async with conn.transaction(isolation="read_committed"):
        # Transactions that are writing books read the old ladder. The lock waits for their commits,
        # so that the recomputation sees what they wrote; later transactions wait for the lock.
        await conn.execute("LOCK TABLE twinstream.sync_state IN SHARE ROW EXCLUSIVE MODE")
        await conn.execute("DELETE FROM twinstream.ranks")
        await conn.executemany(
            "INSERT INTO twinstream.ranks (rank, name, xp) VALUES ($1, $2, $3)",
            [(number, rank.name, rank.xp) for number, rank in enumerate(ranks, start=1)],
        )


async def _ladder(conn: asyncpg.Connection) -> list[RankRow]:
    return [
        RankRow(*row)
        for row in await conn.fetch("SELECT name, xp FROM twinstream.ranks ORDER BY rank")
    ]


async def _recompute(conn: asyncpg.Connection, first: int, last: int) -> int:
    changed: int = await conn.fetchval(
        f"""
        WITH stale AS (
            -- Locked in member order, as the ledger locks them, and only where the rank differs.
            SELECT member_id, platform FROM twinstream.sync_state
            WHERE member_id BETWEEN $1 AND $2
                AND rank <> twinstream.rank_on(xp, (SELECT twinstream.ladder()))
            ORDER BY member_id, platform
            FOR UPDATE
        ), books AS (
            -- Rank follows from XP; version and updated_at tell readers that the row changed.
            UPDATE twinstream.sync_state AS s
                SET rank = twinstream.rank_on(s.xp, (SELECT twinstream.ladder())),
                version = s.version + 1, updated_at = now()
            FROM stale WHERE s.member_id = stale.member_id AND s.platform = stale.platform
            RETURNING s.member_id, s.platform, s.rank
        ), wanted AS (
            -- Many members change at once, so their visits come after everything else.
            SELECT twinstream.want(
                array_agg(member_id), array_agg(platform), array_agg('{RANK}'::text),
                array_agg(rank), array_agg('ladder'::text), array_agg({BACKFILL})
            )
            FROM books
        )
        SELECT count(*) FROM books, (SELECT count(*) FROM wanted) AS wanted
        """,  # noqa: S608 - constants
        first,
        last,
    )
    return changed
