"""Wishes: what a member should see, and what a new wish does to a row of `surfaces`.

The function `twinstream.want` (db/migrations/..._record.sql) writes all wishes but one. A new wish
replaces `wanted`, `wanted_key`, `wanted_at` and `priority`, and frees the row from whatever
hindered the old wish: `attempts`, `retry_at`, `error` and `parked`. A member who is absent stays
parked, because no visit can reach them; `observed.seen_again` frees them. The same wish once more
changes nothing. A wish for a platform where the member has no account is left out: linking makes
it. The exception is a link (`twinstream.want_merged`), which changes more of the row than the
wish.
"""

from collections.abc import Mapping
from typing import Final

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ACHIEVEMENT_PREFIX, LEVEL, RANK

#: SQL: the numbers of which people see one, for a row `f` of `surfaces`: the number that was shown,
#: or every number that an unconfirmed visit may have left there. Before the first visit it is 0,
#: because there is nothing. A row never has both (`surface_shown_or_unconfirmed`).
MAY_BE_SEEN: Final = "coalesce(f.unconfirmed, ARRAY[coalesce(f.shown, 0)])"

#: SQL after SET: the same wish once more, so that a visit under way does not count as its answer.
ONCE_MORE: Final = "wanted_at = now()"
#: An assignment that keeps a wish, made now if its time is ahead of the clock.
NOT_AHEAD: Final = "wanted_at = least(f.wanted_at, now())"


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
            f"""
            SELECT twinstream.want(
                ARRAY[s.member_id], ARRAY[s.platform], ARRAY['{RANK}'], ARRAY[s.rank],
                ARRAY[$3::text], ARRAY[$4::integer]
            )
            FROM (
                -- Locked, so that a rank that changes at this moment is the one that is wanted.
                SELECT member_id, platform, rank FROM twinstream.sync_state
                WHERE member_id = $1 AND platform = $2 FOR NO KEY UPDATE
            ) AS s
            """,  # noqa: S608 - a constant
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
            "SELECT twinstream.want(ARRAY[$1::bigint], ARRAY[$2], ARRAY[$3], ARRAY[$4::integer],"
            " ARRAY[$5], ARRAY[$6::integer])",
            member_id,
            platform,
            ACHIEVEMENT_PREFIX + achievement,
            int(is_held),
            wanted_key,
            priority,
        )


async def want_levels(conn: asyncpg.Connection, levels: Mapping[int, int]) -> None:
    """Want the level of each of these members shown, wherever they have an account."""
    with mapped_errors():
        await conn.execute(
            """
            SELECT twinstream.want(
                array_agg(g.member_id), array_agg(p.platform), array_agg($3::text),
                array_agg(g.level), array_agg('level'::text), array_agg(0)
            )
            FROM unnest($1::bigint[], $2::integer[]) AS g (member_id, level)
            CROSS JOIN unnest(ARRAY['telegram', 'discord']) AS p (platform)
            HAVING count(*) > 0
            """,
            list(levels),
            list(levels.values()),
            LEVEL,
        )
