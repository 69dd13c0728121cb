"""Profiles, as members ask for them. Reads only."""

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


async def profile(conn: asyncpg.Connection, platform: Platform, account_id: int) -> Profile | None:
    """Return a member's profile, or None while the member has no event on any platform."""
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.account_profiles WHERE platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
        if row is None:
            return None
        unlocked = await conn.fetch(
            """
            SELECT achievement, unlocked_at FROM twinstream.account_achievements
            WHERE platform = $1 AND account_id = $2 AND held_on = platform
            ORDER BY unlocked_at, achievement
            """,
            platform,
            account_id,
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
                SELECT FROM twinstream.account_achievements
                WHERE platform = $1 AND account_id = $2 AND achievement = $3
            )
            """,
            platform,
            account_id,
            achievement,
        )
    return held
