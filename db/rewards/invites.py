"""Invitations: an inviter is rewarded once for each account that stays and takes part."""

from collections.abc import Collection
from typing import Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

Status = Literal["waiting", "paid", "void"]


class InviteRules(NamedTuple):
    """The settings of invitations."""

    stay_s: float
    least_xp: int
    xp: int
    balance: int
    per_day: int


class Judged(NamedTuple):
    """One invitation that was judged. `waiting`: the inviter has been paid enough for a day."""

    inviter_id: int
    account_id: int
    status: Status


async def note(
    conn: asyncpg.Connection,
    platform: Platform,
    inviter_id: int,
    account_id: int,
    *,
    forget_secret: str | None = None,
) -> Status | None:
    """Note that an account joined by an invitation; None if it was invited before.

    `void`: the account was here before.
    """
    with mapped_errors():
        status: Status | None = await conn.fetchval(
            "SELECT twinstream.note_invite($1, $2, $3, $4)",
            platform,
            inviter_id,
            account_id,
            forget_secret,
        )
    return status


async def end(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Note that an account left: its invitation is paid no more."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.end_invite($1, $2)", platform, account_id)


async def pay_next(
    conn: asyncpg.Connection,
    platform: Platform,
    rules: InviteRules,
    *,
    stores: Collection[Platform] = (),
    forget_secret: str | None = None,
) -> Judged | None:
    """Judge the oldest invitation that is due, and pay it.

    None if none is due, or while another transaction holds the inviter.
    Processes that pay at the same time share the work.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.pay_invite($1, $2, $3, $4, $5, $6, $7, $8)",
            platform,
            rules.stay_s,
            rules.least_xp,
            rules.xp,
            rules.balance,
            rules.per_day,
            list(stores),
            forget_secret,
        )
    return None if row is None else Judged(*row)
