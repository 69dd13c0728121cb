"""What accounts should be seen with, many at a time: for whoever compares it with what is seen.

The record is asked before somebody looks at a platform and again after. Only what stood still all
the while can be told apart from what people changed by hand.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT


class Appearance(NamedTuple):
    """What one account should be seen with, if nothing is about to change."""

    account_id: int
    member_id: int
    numbers: dict[str, int]
    """Surface to the number that was shown last."""
    is_still: bool
    """Everything wanted was shown before the moment that was asked about, and nobody is at it."""
    is_absent: bool
    """The platform said that the account is not there."""


class Count(NamedTuple):
    """How many accounts a surface is wanted and shown of in the same way."""

    surface: str
    wanted: int
    shown: int | None
    is_still: bool
    is_absent: bool
    accounts: int


async def clock(conn: asyncpg.Connection | asyncpg.Pool) -> datetime:
    """Tell the time by the clock that the record is dated with."""
    with mapped_errors():
        now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


async def accounts_after(
    conn: asyncpg.Connection, platform: Platform, after: int, limit: int
) -> list[int]:
    """Return up to `limit` accounts above `after` that have something to show, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.account_id FROM accounts AS a
            WHERE a.platform = $1 AND a.account_id > $2 AND EXISTS (
                SELECT FROM surfaces AS f
                WHERE f.member_id = a.member_id AND f.platform = a.platform
            )
            ORDER BY a.account_id LIMIT $3
            """,
            platform,
            after,
            limit,
        )
    return [account_id for (account_id,) in rows]


async def appearances(
    conn: asyncpg.Connection | asyncpg.Pool,
    platform: Platform,
    account_ids: Collection[int],
    moment: datetime,
) -> dict[int, Appearance]:
    """Return by account what somebody who looks after `moment` should see.

    Accounts that never had anything to show are left out.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.account_id, f.member_id, array_agg(f.surface ORDER BY f.surface) AS surfaces,
                array_agg(f.shown ORDER BY f.surface) AS numbers,
                bool_and(f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3
                    AND coalesce(f.taken_until <= clock_timestamp(), true)) AS is_still,
                coalesce(bool_or(f.parked = $4), false) AS is_absent
            FROM accounts AS a
            JOIN surfaces AS f ON f.member_id = a.member_id AND f.platform = a.platform
            WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
            GROUP BY a.account_id, f.member_id
            """,
            platform,
            list(account_ids),
            moment,
            ABSENT,
        )
    return {row["account_id"]: _appearance(row) for row in rows}


def _appearance(row: asyncpg.Record) -> Appearance:
    numbers = zip(row["surfaces"], row["numbers"], strict=True)
    return Appearance(
        account_id=row["account_id"],
        member_id=row["member_id"],
        numbers={surface: number for surface, number in numbers if number is not None},
        is_still=row["is_still"],
        is_absent=row["is_absent"],
    )


async def note_absent(
    pool: asyncpg.Pool,
    platform: Platform,
    account_ids: Sequence[int],
    moment: datetime,
    *,
    why: str,
) -> int:
    """Note that the platform, asked after `moment`, said that these are not there.

    `why` says so to whoever looks. They are shown again once they are heard of:
    `seen.seen_again`. One whose surfaces moved since that moment is left alone. Returns how
    many surfaces were noted.
    """
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            WITH theirs AS (
                SELECT f.member_id, f.surface
                FROM accounts AS a
                JOIN surfaces AS f ON f.member_id = a.member_id AND f.platform = a.platform
                WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
                ORDER BY f.member_id, f.surface
                FOR NO KEY UPDATE OF f
            ), noted AS (
                UPDATE surfaces AS f SET parked = $4, retry_at = 'infinity', error = $5
                FROM theirs AS t
                WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
                    AND f.parked IS DISTINCT FROM $4
                    AND f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3
                    AND coalesce(f.taken_until <= clock_timestamp(), true)
                RETURNING 1
            )
            SELECT count(*) FROM noted
            """,
            platform,
            list(account_ids),
            moment,
            ABSENT,
            why,
        )
    return count


async def counts(pool: asyncpg.Pool, platform: Platform) -> list[Count]:
    """Count everything that is shown or to be shown on a platform."""
    with mapped_errors():
        rows = await pool.fetch(
            """
            SELECT f.surface, f.wanted, f.shown,
                coalesce(f.taken_until <= clock_timestamp(), true) AS is_still,
                f.parked IS NOT DISTINCT FROM $2 AS is_absent, count(*) AS accounts
            FROM surfaces AS f WHERE f.platform = $1
            GROUP BY 1, 2, 3, 4, 5
            """,
            platform,
            ABSENT,
        )
    return [Count(*row) for row in rows]
