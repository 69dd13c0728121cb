"""Profiles, as members ask for them. Reads only."""

from datetime import date, datetime
from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Places that are counted for a profile: some 2 ms along the index.
PLACES_MAX: Final = 10_000


class Achievement(NamedTuple):
    """An achievement that a member has, by its name in twinstream.toml."""

    name: str
    unlocked_at: datetime


class Profile(NamedTuple):
    """A member as one platform shows them. XP and balance are clamped at zero here.

    XP in open windows is part of it, so that nobody has to close them in order to see it.
    """

    xp: int
    balance: int
    rank: int
    rank_name: str | None
    rank_xp: int
    next_rank_name: str | None
    next_rank_xp: int | None
    linked: bool
    achievements: tuple[Achievement, ...]


class Figures(NamedTuple):
    """The rest of what a profile shows, and whether it may be shown to others."""

    display_name: str | None
    is_hidden: bool
    """The member is on no board, and others see nothing of them."""
    left_out: str | None
    """'gone' if the platform said that the account left, 'bot' if it is a bot."""
    platforms: frozenset[Platform]
    """Those on which the member has an account."""
    place: int | None
    """On the board of XP, at most PLACES_MAX + 1, which stands for all further ones; None if the
    member is on no board, or has no XP."""
    reputation: int
    streak: int
    """Days in a row, up to yesterday or today; 0 if the last row has ended."""


async def profile(conn: asyncpg.Connection, platform: Platform, account_id: int) -> Profile | None:
    """Return a member's profile, or None while the member has no event on any platform."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT p.*, coalesce((
                SELECT o.xp FROM twinstream.open_earnings AS o
                WHERE o.platform = p.platform AND o.account_id = p.account_id
            ), 0) AS open_xp
            FROM twinstream.account_profiles AS p WHERE p.platform = $1 AND p.account_id = $2
            """,
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
    xp, next_rank_xp = row["xp"] + row["open_xp"], row["next_rank_xp"]
    if next_rank_xp is not None:
        # An amount that reaches the next rank closes the windows; for a moment it may not have yet.
        xp = min(xp, max(row["xp"], next_rank_xp - 1))
    return Profile(
        xp=xp,
        balance=row["balance"],
        rank=row["rank"] or 0,
        rank_name=row["rank_name"],
        rank_xp=row["rank_xp"] or 0,
        next_rank_name=row["next_rank_name"],
        next_rank_xp=next_rank_xp,
        linked=row["linked"],
        achievements=tuple(Achievement(*one) for one in unlocked),
    )


async def figures(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, today: date
) -> Figures | None:
    """Return what else a profile shows; None if the account was never seen.

    `today` is the day in the time zone of the community.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.profile_figures($1, $2, $3, $4)",
            platform,
            account_id,
            today,
            PLACES_MAX,
        )
    if row is None:
        return None
    name, is_hidden, left_out, platforms, place, reputation, streak = row
    return Figures(name, is_hidden, left_out, frozenset(platforms), place, reputation, streak)


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
