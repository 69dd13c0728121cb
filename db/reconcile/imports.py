"""The record's part in the import of a bot's history: locks, known accounts and changed ranks.

Call these functions in a transaction of the isolation READ COMMITTED: what is read after
`lock_rows` has to show what other transactions committed while it waited.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from ..stores.savepoint import savepoint


class RankChange(NamedTuple):
    """How many members come from one rank to another; 0 is none."""

    before: int
    after: int
    members: int


async def lock_rows(
    conn: asyncpg.Connection, platform: Platform, account_ids: Sequence[int], *, wait_ms: int
) -> None:
    """Lock accounts, their members, and what the platform's own table owes these members.

    Until the transaction ends, nothing is recorded or settled for them, and no debt is paid to
    their rows. An account that was never seen gets a member. If the locks are not had within about
    `wait_ms`, none is kept.

    Raises:
        Contention: another transaction holds one of them.
    """
    with mapped_errors():
        async with savepoint(conn, wait_ms):
            await conn.execute(
                "SELECT twinstream.lock_accounts($1, $2, true)", platform, sorted(account_ids)
            )
            await conn.execute(
                """
                SELECT FROM twinstream.store_debts
                WHERE platform = $1 AND member_id = ANY (ARRAY (
                    SELECT member_id FROM twinstream.accounts
                    WHERE platform = $1 AND account_id = ANY ($2::bigint[])
                ))
                ORDER BY member_id
                FOR UPDATE
                """,
                platform,
                list(account_ids),
            )


async def rank_changes(
    conn: asyncpg.Connection, platform: Platform, xp: Mapping[int, int], *, is_recorded: bool
) -> list[RankChange]:
    """Count the members whose rank these amounts of XP change, by account.

    Without `is_recorded` the amounts are still to be added to the books of `platform`.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH owned AS MATERIALIZED (
                SELECT account_id, member_id FROM twinstream.accounts
                WHERE platform = $1 AND account_id = ANY ($2::bigint[])
            ), books AS (
                SELECT member_id, xp FROM twinstream.sync_state
                WHERE platform = $1 AND member_id = ANY (ARRAY (SELECT member_id FROM owned))
            ), changed AS (
                SELECT coalesce(b.xp, 0) - CASE WHEN $4 THEN u.xp ELSE 0 END AS before, u.xp
                FROM unnest($2::bigint[], $3::bigint[]) AS u (account_id, xp)
                LEFT JOIN owned AS o USING (account_id) LEFT JOIN books AS b USING (member_id)
            ), ranked AS (
                SELECT twinstream.rank_on(c.before, l.ladder) AS before,
                    twinstream.rank_on(c.before + c.xp, l.ladder) AS after
                FROM changed AS c CROSS JOIN (SELECT twinstream.ladder() AS ladder) AS l
            )
            SELECT before, after, count(*) AS members FROM ranked
            WHERE before <> after GROUP BY before, after ORDER BY before, after
            """,
            platform,
            list(xp),
            list(xp.values()),
            is_recorded,
        )
    return [RankChange(**row) for row in rows]


async def known_accounts(
    conn: asyncpg.Connection, platform: Platform, account_ids: Sequence[int]
) -> frozenset[int]:
    """Return those of these accounts that have a member."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT account_id FROM twinstream.accounts"
            " WHERE platform = $1 AND account_id = ANY ($2::bigint[])",
            platform,
            list(account_ids),
        )
    return frozenset(account_id for (account_id,) in rows)
