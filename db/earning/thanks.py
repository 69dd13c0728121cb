"""Thanks: one point of reputation from one person to another, at most once a day.

The function `twinstream.thank` decides and enters; its migration says what each outcome means.
"""

from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from ..producer import Producer

#: The reason of the XP for a thank.
REASON: Final = "thanks"
#: Seconds after which a message thanks nobody any more. Telegram delivers an update again for a day
#: at most, and cleanup keeps the rows that know a repetition for longer (`THANKS_KEPT_DAYS`).
AGE_S_MAX: Final = 2 * 24 * 3_600.0

Outcome = Literal["thanked", "known", "again", "self", "late", "enough"]


class ThankLimits(NamedTuple):
    """The operator's limits, and the time zone in which a day begins."""

    zone: str
    per_day: int
    """Thanks that one person gives in a day."""
    xp: int
    """XP for each thank that a person receives."""
    xp_per_day: int
    """XP that one person gets by thanks in a day."""


class Thanked(NamedTuple):
    """The outcome of a thank."""

    outcome: Outcome
    reputation: int
    """Of the person thanked, from all their accounts."""
    xp: int
    """The XP that the person thanked gets for it."""
    thanks_left: int
    """Thanks that the giver may still give today."""


async def give(
    producer: Producer,
    platform: Platform,
    giver: int,
    receiver: int,
    *,
    entity_id: str,
    said_at: datetime,
    limits: ThankLimits,
    receiver_name: str | None = None,
    forget_secret: str | None = None,
) -> Thanked:
    """Enter a thank and record the XP for it, in one transaction of the producer.

    With the secret, what was said before one of the two was forgotten is too late.

    Raises:
        Contention: another transaction is in the way, such as a link being made; run it again.
        StorageUnavailable: Postgres is away; nothing is known to be entered.
    """
    async with producer.transaction() as conn:
        thanked = await thank(
            conn,
            platform,
            giver,
            receiver,
            entity_id=entity_id,
            said_at=said_at,
            limits=limits,
            forget_secret=forget_secret,
        )
        if thanked.outcome == "thanked" and thanked.xp:
            await producer.create_xp_change_event(
                user_id=receiver,
                delta_xp=thanked.xp,
                source=platform,
                reason=REASON,
                entity_id=entity_id,
                display_name=receiver_name,
                conn=conn,
            )
    return thanked


async def thank(
    conn: asyncpg.Connection,
    platform: Platform,
    giver: int,
    receiver: int,
    *,
    entity_id: str,
    said_at: datetime,
    limits: ThankLimits,
    forget_secret: str | None = None,
) -> Thanked:
    """Enter a thank. The caller owns the transaction, and records the XP in it.

    Raises:
        Contention: one of the two accounts is being linked at this moment; run it again.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.thank($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            platform,
            giver,
            receiver,
            entity_id,
            said_at,
            *limits,
            AGE_S_MAX,
            forget_secret,
        )
    return Thanked(*row)
