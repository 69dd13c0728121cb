"""The daily reward: once per person and day, on either platform.

`twinstream.claim_daily` does all of it in one transaction: events, streak and claim. A call that is
cancelled, or whose answer is lost, may have paid; the next call says so and pays nothing.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg

from ..errors import Contention, mapped_errors
from ..members.accounts import storable_name
from ..platforms import Platform
from .days import Days

#: Attempts to claim while other transactions are in the way.
CLAIM_ATTEMPTS_MAX: Final = 5

Outcome = Literal["claimed", "counted", "least_xp"]


class DailyRules(NamedTuple):
    """The settings of the daily reward, by the names that the function reads."""

    xp: int
    balance: int
    xp_per_streak_day: int
    balance_per_streak_day: int
    xp_streak_bonus_max: int
    balance_streak_bonus_max: int
    forgiven_days: int
    least_xp: int
    milestones: Mapping[str, int]


class Claim(NamedTuple):
    """The answer to a claim."""

    outcome: Outcome
    """`counted`: the day was claimed already, by any account of the person."""
    xp: int
    """The amount that the claim paid, or the earlier one; 0 if that is not known any more."""
    balance: int
    streak: int
    """The days in a row, with today if it counts."""
    longest: int
    lost: int
    """The streak that ended, because days were missed; 0 for none."""
    forgiven: int
    """The missed days that this claim had forgiven."""
    left_to_forgive: int
    """The days that may still be missed this month."""
    next_at: datetime
    counted_by: Platform | None
    """The platform on which the day was claimed."""
    unlocked: tuple[str, ...]
    """The achievements that the streak unlocked now."""


async def claim(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    name: str,
    *,
    days: Days,
    rules: DailyRules,
    stores: Collection[Platform] = (),
    forget_secret: str | None = None,
) -> Claim:
    """Claim the day for the person behind an account, called `name` now.

    The amounts for a bot's own table (`stores`) are owed to it, and paid a moment later. Call it
    outside of a transaction: it tries again where another one was in the way.

    Raises:
        RuleBroken: the clocks of this machine and of Postgres are days apart.
        Contention: the accounts are being linked, or other transactions are in the way.
        StorageUnavailable: Postgres is away; the day may have been claimed.
    """
    for attempt in range(CLAIM_ATTEMPTS_MAX):
        try:
            with mapped_errors():
                row = await conn.fetchrow(
                    "SELECT * FROM twinstream.claim_daily($1, $2, $3, $4, $5, $6, $7, $8)",
                    platform,
                    account_id,
                    storable_name(name),
                    days.names,
                    days.begins,
                    json.dumps(rules._asdict()),
                    list(stores),
                    forget_secret,
                )
            break
        except Contention:
            if attempt + 1 == CLAIM_ATTEMPTS_MAX:
                raise
    return Claim(*row)._replace(unlocked=tuple(row["unlocked"]))
