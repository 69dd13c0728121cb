"""Wishes: the only code that writes what a member should see, and what a new wish does to a row.

A new wish replaces `wanted`, `wanted_key`, `wanted_at` and `priority`, and frees the row from
whatever hindered the old wish: `attempts`, `retry_at`, `error` and `parked`. A member who is absent
stays parked, because no visit can reach them; `observed.seen_again` frees them. The same wish once
more changes nothing.

Statements that touch many members embed `want` as a CTE, so that the wish costs no round trip of
its own.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT, ACHIEVEMENT_PREFIX, LINK, RANK

#: SQL: the numbers of which people see one, for a row `f` of `surfaces`: the number that was shown,
#: or every number that an unconfirmed visit may have left there. Before the first visit it is 0,
#: because there is nothing. A row never has both (`surface_shown_or_unconfirmed`).
MAY_BE_SEEN: Final = "coalesce(f.unconfirmed, ARRAY[coalesce(f.shown, 0)])"

#: SQL after SET: the same wish once more, so that a visit under way does not count as its answer.
ONCE_MORE: Final = "wanted_at = now()"

_REPLACED: Final = """
    wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
    priority = excluded.priority, attempts = 0"""


def want(wishes: str, *, platform: str = "w.platform") -> str:
    """Return the statement that enters the rows of `wishes`, a CTE's name or a subquery. Pure.

    Its columns are member_id, surface, number, wanted_key, priority and, unless `platform` is
    another expression, platform. A wish for a platform where the member has no account is left out:
    linking makes it. Rows are locked in member order.
    """
    return f"""
        INSERT INTO twinstream.surfaces
            AS f (member_id, platform, surface, wanted, wanted_key, priority)
        SELECT w.member_id, {platform}, w.surface, w.number, w.wanted_key, w.priority
        FROM {wishes} AS w
        JOIN twinstream.accounts AS a ON a.member_id = w.member_id AND a.platform = {platform}
        ORDER BY w.member_id, {platform}, w.surface
        ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET {_REPLACED},
            retry_at = CASE WHEN f.parked = '{ABSENT}' THEN f.retry_at END,
            error = CASE WHEN f.parked = '{ABSENT}' THEN f.error END,
            parked = CASE WHEN f.parked = '{ABSENT}' THEN f.parked END
        WHERE f.wanted <> excluded.wanted
    """  # noqa: S608 - the names are the callers' own constants


def want_again(priority: str) -> str:
    """Return the SQL after SET that has a row `f` visited again, whatever hindered it. Pure.

    `priority` is an expression. A row that waits already keeps its priority if that is more urgent.
    """
    return f"""
        {ONCE_MORE}, attempts = 0, retry_at = NULL, parked = NULL, error = NULL,
        priority = CASE WHEN f.wanted IS DISTINCT FROM f.shown
            THEN least(f.priority, {priority}) ELSE {priority} END
    """


async def want_rank(
    conn: asyncpg.Connection,
    platform: Platform,
    member_id: int,
    *,
    wanted_key: str,
    priority: int,
) -> None:
    """Want the rank that a member's books hold on `platform`."""
    with mapped_errors():
        await conn.execute(
            want(
                f"""(
                    SELECT s.member_id, s.platform, '{RANK}' AS surface, s.rank AS number,
                        $3::text AS wanted_key, $4::smallint AS priority
                    FROM twinstream.sync_state AS s WHERE s.member_id = $1 AND s.platform = $2
                )"""  # noqa: S608 - a constant
            ),
            member_id,
            platform,
            wanted_key,
            priority,
        )


async def want_achievement(
    conn: asyncpg.Connection,
    platform: Platform,
    member_id: int,
    achievement: str,
    *,
    is_held: bool,
    wanted_key: str,
    priority: int,
) -> None:
    """Want an achievement shown on `platform`, or no longer shown."""
    with mapped_errors():
        await conn.execute(
            want(
                """(
                    SELECT $1::bigint AS member_id, $2::text AS platform, $3::text AS surface,
                        $4::integer AS number, $5::text AS wanted_key, $6::smallint AS priority
                )"""
            ),
            member_id,
            platform,
            ACHIEVEMENT_PREFIX + achievement,
            int(is_held),
            wanted_key,
            priority,
        )


async def want_merged(conn: asyncpg.Connection, *, keep: int, drop: int) -> None:
    """Want the rank and achievements of `keep`, whose books hold those of `drop` by now.

    A link moves the accounts, so the row of `keep` says nothing of what either account shows. Both
    members' numbers become unconfirmed, and the next visit looks. A member in a worker's hands
    stays there. An absent member is visited once more. No number is announced, because what two
    accounts add up to is not news.

    The caller has locked both members and owns the transaction.
    """
    with mapped_errors():
        # A worker that gives a member back at this moment commits first: a later read would renew
        # the lease that it has just ended.
        await conn.execute(
            """
            SELECT FROM twinstream.surfaces WHERE member_id IN ($1, $2)
            ORDER BY member_id, platform, surface
            FOR NO KEY UPDATE
            """,
            keep,
            drop,
        )
        await conn.execute(_WANT_MERGED, keep, drop, LINK)


async def want_split(conn: asyncpg.Connection, member_ids: Sequence[int]) -> None:
    """Want the rank and achievements that the books of members say who were one until now.

    Their rows moved along with the accounts, so what each account shows is known. No number is
    announced. The caller has locked the members and owns the transaction.
    """
    with mapped_errors():
        await conn.execute(_WANT_SPLIT, list(member_ids), LINK)


_WANT_SPLIT: Final = f"""
    WITH wishes AS (
        -- `want` leaves out a platform on which the member has no account any more.
        SELECT member_id, platform, '{RANK}' AS surface, rank AS number, 'unlink' AS wanted_key,
            $2::smallint AS priority
        FROM twinstream.sync_state WHERE member_id = ANY ($1::bigint[])
        UNION ALL
        -- An achievement that the member does not hold any more is no longer wanted.
        SELECT f.member_id, f.platform, f.surface, (h.member_id IS NOT NULL)::integer, 'unlink', $2
        FROM twinstream.surfaces AS f
        LEFT JOIN twinstream.achievements AS h ON h.member_id = f.member_id
            AND h.platform = f.platform AND '{ACHIEVEMENT_PREFIX}' || h.achievement = f.surface
        WHERE f.member_id = ANY ($1::bigint[]) AND f.surface <> '{RANK}'
    )
    {want("wishes")}
"""  # noqa: S608 - constants

_WANT_MERGED: Final = f"""
    WITH wanted AS (
        -- A linked member has an account on both platforms, and the merged books decide.
        SELECT platform, '{RANK}' AS surface, rank AS number FROM twinstream.sync_state
        WHERE member_id = $1
        UNION ALL
        SELECT platform, '{ACHIEVEMENT_PREFIX}' || achievement, 1
        FROM twinstream.achievements WHERE member_id = $1
    ), hands AS (
        -- A visit under way to either member is one to the merged member now.
        SELECT platform, max(taken_until) AS taken_until FROM twinstream.surfaces
        WHERE member_id IN ($1, $2) GROUP BY platform
    ), before AS (
        -- An account shows what was noted under the member that it belonged to until now.
        SELECT platform, surface, array_agg(DISTINCT number) AS numbers
        FROM twinstream.surfaces AS f CROSS JOIN unnest({MAY_BE_SEEN}) AS u (number)
        WHERE member_id IN ($1, $2) AND (unconfirmed IS NOT NULL OR shown IS NOT NULL)
        GROUP BY platform, surface
    )
    INSERT INTO twinstream.surfaces AS f
        (member_id, platform, surface, wanted, wanted_key, priority, taken_until, unconfirmed)
    SELECT $1, w.platform, w.surface, w.number, 'link', $3, h.taken_until, b.numbers
    FROM wanted AS w
    LEFT JOIN hands AS h USING (platform)
    LEFT JOIN before AS b USING (platform, surface)
    ORDER BY w.platform, w.surface
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET {_REPLACED},
        retry_at = NULL, error = NULL, parked = NULL,
        shown = NULL, unconfirmed = excluded.unconfirmed, taken_until = excluded.taken_until
"""  # noqa: S608 - constants
