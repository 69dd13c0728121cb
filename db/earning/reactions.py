"""Reactions: which of them count, and who wrote the messages that they are for.

Telegram's update about a reaction does not name the author of the message, so the authors of the
last messages of each place are remembered in pages (the migration says how).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Messages of one page. A page is written anew for each second in which its place has messages, so
#: it is short: some ten kilobytes.
PAGE_MESSAGES: Final = 500


class Authored(NamedTuple):
    """A message, and the account that wrote it."""

    place_id: int
    message_id: int
    author_id: int
    sent_at: datetime


class Reaction(NamedTuple):
    """An account reacted to a message for the first time, as far as its platform says."""

    place_id: int
    message_id: int
    giver_id: int
    reacted_at: datetime
    author_id: int | None = None
    """The author of the message where the platform names it; else it is looked up."""
    sent_at: datetime | None = None
    """When the message was sent, where the platform says it."""


class ReactionLimits(NamedTuple):
    """The operator's limits, and the time zone in which a day begins."""

    zone: str
    per_pair_max: int
    per_day_max: int
    age_s_max: float


class Counted(NamedTuple):
    """A reaction that counts."""

    giver_id: int
    author_id: int
    counted_at: datetime
    """The moment of the transaction, by the clock of Postgres."""


async def remember_authors(
    conn: asyncpg.Connection,
    platform: Platform,
    messages: Sequence[Authored],
    *,
    kept: int,
    forget_secret: str | None = None,
) -> None:
    """Remember who wrote these messages; of each place the newest `kept` or some more stay.

    With the secret, messages from before their author was forgotten are left out.
    """
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.remember_authors($1, $2, $3, $4, $5, $6, $7, $8)",
            platform,
            [one.place_id for one in messages],
            [one.message_id for one in messages],
            [one.author_id for one in messages],
            [int(one.sent_at.timestamp()) for one in messages],
            kept,
            min(PAGE_MESSAGES, kept),
            forget_secret,
        )


async def enter(
    conn: asyncpg.Connection,
    platform: Platform,
    reactions: Sequence[Reaction],
    limits: ReactionLimits,
    *,
    forget_secret: str | None = None,
) -> list[Counted]:
    """Enter reactions and return those that count, in the caller's transaction.

    With the secret, what was done before its account was forgotten does not count.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.enter_reactions("
            "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            platform,
            [one.place_id for one in reactions],
            [one.message_id for one in reactions],
            [one.giver_id for one in reactions],
            [one.author_id for one in reactions],
            [one.sent_at for one in reactions],
            [one.reacted_at for one in reactions],
            *limits,
            forget_secret,
        )
    return [
        Counted(reactions[row["number"] - 1].giver_id, row["author_id"], row["counted_at"])
        for row in rows
    ]
