"""Rewards that administrators give to one member, and take away: each on record with its reason."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg

from ..errors import Contention, mapped_errors
from ..links.reasons import storable
from ..platforms import Platform

#: Attempts to give a reward while other transactions are in the way.
GIVE_ATTEMPTS_MAX: Final = 5

Outcome = Literal["given", "again", "limited", "own", "less", "held"]


class Reward(NamedTuple):
    """The thing that one command gives. Negative amounts take away."""

    entity_id: str
    """Names the command's message, so that the same command gives it once."""
    xp: int = 0
    balance: int = 0
    achievement: str | None = None
    reason: str = ""


class RewardLimits(NamedTuple):
    """The limits of an administrator within 24 hours."""

    rewards: int
    xp: int
    balance: int


class Given(NamedTuple):
    """The answer. The amounts are those given; or those that the member has, or that are left."""

    outcome: Outcome
    xp: int
    balance: int
    unlocked: bool
    free_at: datetime | None
    """When more may be given, after `limited`."""


class Note(NamedTuple):
    """The record of a reward, for /why."""

    administrator_id: int | None
    """None where the reader is not to know."""
    reason: str


async def give(
    conn: asyncpg.Connection,
    platform: Platform,
    administrator_id: int,
    account_id: int,
    reward: Reward,
    limits: RewardLimits,
    *,
    stores: Collection[Platform] = (),
    forget_secret: str | None = None,
) -> Given:
    """Give a reward to the member behind an account.

    The caller has made sure that the administrator is one, and the account a member's. A call that
    is cancelled, or whose answer is lost, may have given it; the same call again changes nothing.

    Raises:
        Contention, StorageUnavailable: try again later with the same arguments.
    """
    for attempt in range(GIVE_ATTEMPTS_MAX):
        try:
            with mapped_errors():
                row = await conn.fetchrow(
                    "SELECT * FROM twinstream.give_reward("
                    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                    platform,
                    administrator_id,
                    account_id,
                    reward.entity_id,
                    reward.xp,
                    reward.balance,
                    reward.achievement,
                    storable(reward.reason),
                    *limits,
                    list(stores),
                    forget_secret,
                )
            break
        except Contention:
            if attempt + 1 == GIVE_ATTEMPTS_MAX:
                raise
    return Given(*row)


async def notes_of(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, limit: int
) -> dict[tuple[Platform, str], Note]:
    """Return the newest rewards of the member behind an account, by platform and entity."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.rewards_of($1, $2, $3)", platform, account_id, limit
        )
    return {
        (row["platform"], row["entity_id"]): Note(row["administrator_id"], row["reason"])
        for row in rows
    }
