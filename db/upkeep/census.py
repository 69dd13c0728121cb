"""Counts of the whole community for its owner: members by rank, the active, accounts, links.

Each count reads a table once from end to end, so it is made rarely.
"""

from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Days within which a member is active who earned or lost XP in them.
ACTIVE_DAYS: Final = (1, 7, 30)


class RankCount(NamedTuple):
    """Members of one rank."""

    rank: int
    """Its number; 0 for members below the first rank."""
    name: str
    members: int


class Census(NamedTuple):
    """The community at one moment."""

    ranks: list[RankCount]
    active: dict[int, int]
    """Days to the members who earned or lost XP within them."""
    accounts: dict[Platform, int]
    """Accounts that are there: not gone, and no bots."""
    links: int
    """Members with linked accounts."""


async def take(conn: asyncpg.Connection) -> Census:
    """Count everything, in one reading of members, accounts and links each."""
    with mapped_errors():
        counted = await conn.fetch(
            """
            -- The ladder is read once, not for each member.
            SELECT width_bucket(m.xp, (SELECT twinstream.ladder())) AS rank, count(*) AS members,
                count(*) FILTER (WHERE m.earned_at > now() - make_interval(days => $1)) AS shortly,
                count(*) FILTER (WHERE m.earned_at > now() - make_interval(days => $2)) AS lately,
                count(*) FILTER (WHERE m.earned_at > now() - make_interval(days => $3)) AS longer
            FROM twinstream.members AS m GROUP BY 1
            """,
            *ACTIVE_DAYS,
        )
        named = await conn.fetch("SELECT rank, name FROM twinstream.ranks ORDER BY rank")
        accounts = await conn.fetch(
            """
            SELECT p.platform, count(a.platform)
            FROM unnest(ARRAY['telegram', 'discord']) AS p (platform)
            LEFT JOIN twinstream.accounts AS a ON a.platform = p.platform AND a.left_out IS NULL
            GROUP BY p.platform
            """
        )
        links = await conn.fetchval(
            """
            SELECT count(*) FROM twinstream.links
            WHERE unlinked_at IS NULL AND undone_at IS NULL
            """
        )
    members = {row["rank"]: row["members"] for row in counted}
    columns = ("shortly", "lately", "longer")
    return Census(
        ranks=[
            RankCount(rank, name, members.get(rank, 0))
            for rank, name in [(0, ""), *map(tuple, named)]
        ],
        active={
            days: sum(row[column] for row in counted)
            for days, column in zip(ACTIVE_DAYS, columns, strict=True)
        },
        accounts=dict(map(tuple, accounts)),
        links=links,
    )
