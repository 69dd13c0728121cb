"""Linking two accounts by an offer in two calls, for tests that are about something else."""

import enum
from collections.abc import Collection

import asyncpg

from db import Platform
from db.links import offers
from db.links.offers import Opening


class LinkOutcome(enum.Enum):
    """The result of opening an offer, and of confirming it for its starter."""

    LINKED = "linked"
    WRONG_CODE = "wrong_code"
    ENDED = "ended"
    OWN_CODE = "own_code"
    SAME_PLATFORM = "same_platform"
    TAKEN = "taken"
    ALREADY_LINKED = "already_linked"
    TOO_MANY_LINKS = "too_many_links"
    FORBIDDEN = "forbidden"
    COOLING_DOWN = "cooling_down"
    LOCKED_OUT = "locked_out"
    PAUSED = "paused"


async def issue_code(conn: asyncpg.Connection, platform: Platform, account_id: int) -> str:
    """Start an offer of this account; return its code."""
    started = await offers.start(conn, platform, account_id)
    assert started.code is not None
    return started.code


async def redeem_code(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    code: str,
    *,
    stores: Collection[Platform] = (),
) -> LinkOutcome:
    """Open the offer with this code, and confirm it for the account that started it."""
    outcome, offer_id, _ = await offers.open_offer(conn, platform, account_id, code)
    if outcome is not Opening.OPENED or offer_id is None:
        return LinkOutcome(outcome.value)
    starter = await conn.fetchrow(
        "SELECT platform, account_id FROM twinstream.link_offers WHERE id = $1", offer_id
    )
    confirmed = await offers.confirm(
        conn, starter["platform"], starter["account_id"], offer_id, stores=stores
    )
    return LinkOutcome(confirmed.value)
