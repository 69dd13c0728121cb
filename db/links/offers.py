"""Offers: linking two accounts, the account that started it confirming last.

1. A member starts an offer from one account and gets a code and a token. Only hashes are kept.
2. An account on the other platform opens the offer with one of them. Nothing changes yet.
3. The account that started it sees which account opened it, and confirms or declines.

The functions of db/migrations/..._link_offers.sql do each of these steps.
"""

import enum
from collections.abc import Collection
from typing import NamedTuple

import asyncpg
from asyncpg.transaction import Transaction

from ..members.accounts import storable_name
from ..platforms import Platform
from .links import Policy
from .refusals import LinkRefused, mapped_refusals


class Started(NamedTuple):
    """An offer, and the two ways to open it. They are None if it was opened already."""

    id: int
    code: str | None
    token: str | None


class Opening(enum.Enum):
    """The outcome of opening an offer with a code or a token."""

    OPENED = "opened"
    WRONG_CODE = "wrong_code"
    """It was never given out. Only this counts towards the limit of an account."""
    ENDED = "ended"
    """It was used, voided or declined, or is too old."""
    OWN_CODE = "own_code"
    SAME_PLATFORM = "same_platform"
    TAKEN = "taken"
    """Another account opened it first."""
    ALREADY_LINKED = "already_linked"
    LOCKED_OUT = "locked_out"
    """Too many wrong codes from this account. It has to wait."""
    PAUSED = "paused"
    """The stop sign of this release is set: nothing was changed, and nothing counted."""


class Opened(NamedTuple):
    """The result of opening an offer."""

    outcome: Opening
    offer_id: int | None
    """None if the account may not know of the offer."""
    wait_s: int
    """Seconds that a locked-out account has to wait."""


class Confirmation(enum.Enum):
    """The outcome of confirming an offer."""

    LINKED = "linked"
    """The two accounts are linked, perhaps since an earlier confirmation."""
    ENDED = "ended"
    ALREADY_LINKED = "already_linked"
    """One of the accounts is linked with a third one."""
    TOO_MANY_LINKS = "too_many_links"
    FORBIDDEN = "forbidden"
    """An administrator does not let one of the accounts link."""
    COOLING_DOWN = "cooling_down"
    """One of the accounts was unlinked from a third one a short time ago."""
    PAUSED = "paused"


class Has(NamedTuple):
    """The amounts and the rank of one account, or of both together."""

    xp: int
    balance: int
    rank_name: str | None


class Offer(NamedTuple):
    """An offer as one of its two accounts sees it."""

    id: int
    status: str
    is_starter: bool
    """Whether this account started the offer, so that it confirms."""
    other_name: str | None
    mine: Has
    theirs: Has
    joint: Has
    """The amounts and the rank of the linked member, the reward included."""
    reward_xp: int
    reward_balance: int
    achievements: int
    """How many the linked member has: those of both accounts."""


class News(NamedTuple):
    """A status of an offer of which one of its accounts has to be told."""

    offer_id: int
    account_id: int
    status: str


async def start(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    name: str | None = None,
    *,
    forget_secret: str | None = None,
) -> Started:
    """Start an offer, and remember the name of the account; an offer that nobody opened ends.

    With the secret, an account that was forgotten is under the rules again that it was under.

    Raises:
        LinkRefused: `account_is_linked`.
        Paused: the stop sign of this release is set.
        Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        async with _transaction(conn):
            row = await conn.fetchrow(
                "SELECT offer_id, code, token FROM twinstream.start_offer($1, $2, $3)",
                platform,
                account_id,
                None if name is None else storable_name(name),
            )
            await _recall_rules(conn, platform, account_id, forget_secret)
    return Started(*row)


async def open_offer(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    proof: str,
    name: str | None = None,
    *,
    forget_secret: str | None = None,
) -> Opened:
    """Open the offer with this code or token, and remember the name if that succeeds.

    Only a code that was never given out is a failure. `forget_secret` is that of `start`.

    Raises:
        Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        async with _transaction(conn):
            outcome, offer_id, wait_s = await conn.fetchrow(
                "SELECT outcome, offer_id, wait_s FROM twinstream.open_offer($1, $2, $3, $4)",
                platform,
                account_id,
                storable(proof),
                None if name is None else storable_name(name),
            )
            if Opening(outcome) is Opening.OPENED:
                await _recall_rules(conn, platform, account_id, forget_secret)
    return Opened(Opening(outcome), offer_id, wait_s or 0)


async def confirm(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    offer_id: int,
    *,
    stores: Collection[Platform] = (),
    policy: Policy | None = None,
) -> Confirmation:
    """Link the two accounts of an offer that this account started.

    Without a policy that of the settings counts.

    `stores` are the platforms whose bot has a table of its own: its rows are owed what they lack
    afterwards.

    Raises:
        Contention, StorageUnavailable: nothing was changed.
    """
    try:
        with mapped_refusals():
            async with _transaction(conn):
                outcome = await conn.fetchval(
                    "SELECT twinstream.confirm_offer($1, $2, $3, $4, $5)",
                    platform,
                    account_id,
                    offer_id,
                    list(stores),
                    policy,
                )
    except LinkRefused as error:
        if error.rule == "account_is_not_being_forgotten":
            return Confirmation.ENDED
        raise
    return Confirmation(outcome)


async def decline(
    conn: asyncpg.Connection, platform: Platform, account_id: int, offer_id: int
) -> str:
    """End an opened offer for one of its two accounts. Returns the status that it has then."""
    with mapped_refusals():
        async with _transaction(conn):
            status: str = await conn.fetchval(
                "SELECT twinstream.decline_offer($1, $2, $3)", platform, account_id, offer_id
            )
    return status


async def offer_of(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    offer_id: int | None = None,
    *,
    policy: Policy = "sum",
) -> Offer | None:
    """Return an offer of this account, or else the opened one that it has to confirm."""
    with mapped_refusals():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.offer_of($1, $2, $3, $4)",
            platform,
            account_id,
            policy,
            offer_id,
        )
    if row is None:
        return None
    found_id, status, is_starter, other_name = row[:4]
    mine, theirs, joint = Has(*row[4:7]), Has(*row[7:10]), Has(*row[10:13])
    return Offer(found_id, status, is_starter, other_name, mine, theirs, joint, *row[13:])


async def news(conn: asyncpg.Connection, platform: Platform, *, older_than_s: float) -> list[News]:
    """Return what this platform's bot has to tell; drop what is older than `older_than_s`."""
    with mapped_refusals():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.offer_news($1, $2)", platform, older_than_s
        )
    return [News(*row) for row in rows]


async def end_news(conn: asyncpg.Connection, platform: Platform, told: News) -> None:
    """Note that the account was told. A later status of the offer stays to be told."""
    with mapped_refusals():
        await conn.execute(
            "SELECT twinstream.end_offer_news($1, $2, $3)", platform, told.offer_id, told.status
        )


async def note_bot_name(conn: asyncpg.Connection, platform: Platform, name: str) -> None:
    """Note the user name of this platform's bot."""
    with mapped_refusals():
        await conn.execute("SELECT twinstream.note_bot_name($1, $2)", platform, name)


async def bot_name_elsewhere(conn: asyncpg.Connection, platform: Platform) -> str | None:
    """Return the user name of the bot on the other platform; None if it never ran."""
    with mapped_refusals():
        name: str | None = await conn.fetchval("SELECT twinstream.bot_name_elsewhere($1)", platform)
    return name


async def _recall_rules(
    conn: asyncpg.Connection, platform: Platform, account_id: int, forget_secret: str | None
) -> None:
    if forget_secret is not None:
        await conn.execute(
            "SELECT twinstream.recall_link_rules($1, $2, $3)", platform, account_id, forget_secret
        )


def storable(text: str) -> str:
    """Return a text that people typed so that Postgres can hold it. Pure."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _transaction(conn: asyncpg.Connection) -> Transaction:
    """Begin a transaction of the isolation that linking needs, whatever the session's default."""
    return conn.transaction(isolation=None if conn.is_in_transaction() else "read_committed")
