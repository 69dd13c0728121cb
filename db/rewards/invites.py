"""Invitations: an inviter is rewarded once for each account that stays and takes part."""

from collections.abc import Collection
from typing import Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

Status = Literal["waiting", "paid", "void", "refused"]


class InviteRules(NamedTuple):
    """The settings of invitations."""

    stay_s: float
    least_xp: int
    xp: int
    balance: int
    per_day: int


class Judged(NamedTuple):
    """One invitation that was judged. `waiting`: it is looked at again later."""

    inviter_id: int
    account_id: int
    status: Status
    refusal: str | None = None
    """Why the record took no payment for it now."""


async def note(
    conn: asyncpg.Connection,
    platform: Platform,
    inviter_id: int | None,
    account_id: int,
    *,
    link: str | None = None,
    forget_secret: str | None = None,
) -> Status | None:
    """Note that an account joined by an invitation; None if it was invited before, or by nobody.

    Without an inviter, `link` is the bot's own by which it came. `void`: the account was here
    before.
    """
    with mapped_errors():
        status: Status | None = await conn.fetchval(
            "SELECT twinstream.note_invite($1, $2, $3, $4, $5)",
            platform,
            inviter_id,
            account_id,
            forget_secret,
            link,
        )
    return status


async def end(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Note that an account left: its invitation is paid no more, and its own link ends."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.end_invite($1, $2)", platform, account_id)


async def pay_due(
    conn: asyncpg.Connection,
    platform: Platform,
    rules: InviteRules,
    *,
    stores: Collection[Platform] = (),
    forget_secret: str | None = None,
    pause_s: float,
    at_most: int,
) -> list[Judged]:
    """Judge the invitations that are due for a look the longest, and pay for them.

    One that waits for the account to earn, or for a transaction that holds its inviter, is looked
    at again after `pause_s` seconds at the earliest. Processes that pay at the same time share the
    work.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.pay_invites($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            platform,
            rules.stay_s,
            rules.least_xp,
            rules.xp,
            rules.balance,
            rules.per_day,
            list(stores),
            forget_secret,
            pause_s,
            at_most,
        )
    return [Judged(*row) for row in rows]
