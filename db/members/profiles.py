"""Profiles and the leaderboard, as members ask for them. Reads only."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Achievement(NamedTuple):
    """An achievement that a member has, by its name in twinstream.toml."""

    name: str
    unlocked_at: datetime


class Profile(NamedTuple):
    """A member as one platform shows them. XP and balance are clamped at zero here."""

    xp: int
    balance: int
    rank: int
    rank_name: str | None
    rank_xp: int
    next_rank_name: str | None
    next_rank_xp: int | None
    linked: bool
    achievements: tuple[Achievement, ...]


class LeaderboardRow(NamedTuple):
    """A line of the leaderboard."""

    position: int
    member_id: int
    display_name: str | None
    xp: int
    rank_name: str | None


async def profile(conn: asyncpg.Connection, platform: Platform, account_id: int) -> Profile | None:
    """Return a member's profile, or None while the member has no event on any platform."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT greatest(coalesce(s.xp, 0), 0) AS xp,
                greatest(coalesce(s.balance, 0), 0) AS balance,
                r.rank, r.name AS rank_name, r.xp AS rank_xp,
                n.name AS next_rank_name, n.xp AS next_rank_xp,
                (SELECT count(*) > 1 FROM twinstream.accounts AS b
                    WHERE b.member_id = a.member_id) AS linked,
                a.member_id
            FROM twinstream.accounts AS a
            LEFT JOIN twinstream.sync_state AS s ON s.member_id = a.member_id
                AND s.platform = a.platform
            LEFT JOIN twinstream.ranks AS r ON r.rank = twinstream.rank_of(coalesce(s.xp, 0))
            LEFT JOIN twinstream.ranks AS n ON n.rank = twinstream.rank_of(coalesce(s.xp, 0)) + 1
            WHERE a.platform = $1 AND a.account_id = $2
                AND EXISTS (
                    SELECT FROM twinstream.sync_state AS b WHERE b.member_id = a.member_id
                )
            """,
            platform,
            account_id,
        )
        if row is None:
            return None
        unlocked = await conn.fetch(
            """
            SELECT achievement, unlocked_at FROM twinstream.achievements
            WHERE member_id = $1 AND platform = $2 ORDER BY unlocked_at, achievement
            """,
            row["member_id"],
            platform,
        )
    return Profile(
        xp=row["xp"],
        balance=row["balance"],
        rank=row["rank"] or 0,
        rank_name=row["rank_name"],
        rank_xp=row["rank_xp"] or 0,
        next_rank_name=row["next_rank_name"],
        next_rank_xp=row["next_rank_xp"],
        linked=row["linked"],
        achievements=tuple(Achievement(*one) for one in unlocked),
    )


async def holds_achievement(
    conn: asyncpg.Connection, platform: Platform, account_id: int, achievement: str
) -> bool:
    """Tell whether the member behind an account has an achievement on either platform."""
    with mapped_errors():
        held: bool = await conn.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM twinstream.accounts AS a JOIN twinstream.achievements AS h
                    USING (member_id)
                WHERE a.platform = $1 AND a.account_id = $2 AND h.achievement = $3
            )
            """,
            platform,
            account_id,
            achievement,
        )
    return held


async def top(conn: asyncpg.Connection, platform: Platform, *, limit: int) -> list[LeaderboardRow]:
    """Return the members with the most XP, highest first. Members without XP are left out.

    A member has the name of their account on `platform`, or else the name of the other account.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH best AS (
                SELECT id, xp FROM twinstream.members WHERE xp > 0 ORDER BY xp DESC, id LIMIT $2
            )
            SELECT row_number() OVER (ORDER BY b.xp DESC, b.id), b.id,
                (SELECT a.display_name FROM twinstream.accounts AS a
                 WHERE a.member_id = b.id AND a.display_name IS NOT NULL
                 ORDER BY (a.platform = $1) DESC LIMIT 1),
                b.xp, r.name
            FROM best AS b LEFT JOIN twinstream.ranks AS r ON r.rank = twinstream.rank_of(b.xp)
            ORDER BY b.xp DESC, b.id
            """,
            platform,
            limit,
        )
    return [LeaderboardRow(*row) for row in rows]
