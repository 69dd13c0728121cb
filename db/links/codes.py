"""Linking: joining a member's two accounts with a one-time code.

1. A member asks for a code on one platform. Only the code's hash is kept.
2. The member sends the code from their account on the other platform.
3. One transaction links the two accounts.

The functions of db/migrations/..._links.sql do each of these steps.
"""

import enum
import re
from collections.abc import Collection, Sequence

import asyncpg
from asyncpg.transaction import Transaction

from ..platforms import Platform
from .refusals import mapped_refusals

# The numbers are those of the functions (`twinstream.link_limits`, `twinstream.make_code`).
CODE_LENGTH = 10
#: Seconds for which a code can be redeemed.
CODE_LIFETIME_S = 600
#: Wrong codes after which an account is locked out until the window ends.
FAILURES_MAX = 5
#: Seconds from the first wrong code until the count begins again.
FAILURES_WINDOW_S = 900
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"

#: Strings of one message that are tried as codes, at most. A member has one code, so a message with
#: more such strings is noise.
CANDIDATES_MAX = 64
_WORDS = re.compile(rf"(?<![A-Z0-9])[{ALPHABET}]{{{CODE_LENGTH}}}(?![A-Z0-9])")
_RUNS = re.compile(rf"(?=([{ALPHABET}]{{{CODE_LENGTH}}}))")


class LinkOutcome(enum.Enum):
    """The outcome of redeeming a code."""

    LINKED = "linked"
    WRONG_CODE = "wrong_code"
    """Unknown, used or expired. One answer for all three, so that a guesser learns nothing."""
    SAME_PLATFORM = "same_platform"
    ALREADY_LINKED = "already_linked"
    TOO_MANY_LINKS = "too_many_links"
    """One of the accounts was linked too often lately."""
    LOCKED_OUT = "locked_out"
    """Too many wrong codes from this account. It has to wait up to FAILURES_WINDOW_S seconds."""
    PAUSED = "paused"
    """The stop sign of this release is set: nothing was changed, and no failure was counted."""


async def issue_code(conn: asyncpg.Connection, platform: Platform, account_id: int) -> str:
    """Make a code for this account, valid for CODE_LIFETIME_S seconds. An earlier code ends.

    Raises:
        Paused: the stop sign of this release is set, so the code could not be redeemed.
        StorageUnavailable: Postgres is away.
    """
    with mapped_refusals():
        async with _transaction(conn):
            code: str = await conn.fetchval(
                "SELECT twinstream.issue_code($1, $2)", platform, account_id
            )
    return code


def codes_in(*texts: str) -> list[str]:
    """Return the strings in these texts that may be codes, as `redeem_code` reads them. Pure.

    Whole words come first, then pieces of longer words, at most CANDIDATES_MAX in all.
    """
    found: dict[str, None] = {}
    normal = [text.upper() for text in texts]
    for rule in (_WORDS, _RUNS):
        for text in normal:
            for hit in rule.finditer(text):
                found[hit.group(hit.lastindex or 0)] = None
                if len(found) >= CANDIDATES_MAX:
                    return list(found)
    return list(found)


async def void_codes(
    conn: asyncpg.Connection, platform: Platform, codes: Sequence[str]
) -> list[Platform]:
    """Void the live codes among `codes`, and leave a notice for each owner.

    `platform` is the one on which others could read them. A redemption of the same code at the same
    time either links first, and nothing is voided, or finds no code. Returns the platforms where
    the voided codes were issued; a code that was never issued, was used or has expired adds none.

    Raises:
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away.
    """
    with mapped_refusals():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.void_codes($1, $2)",
            platform,
            [_typed(code) for code in codes],
        )
    return [issued_on for (issued_on,) in rows]


async def redeem_code(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    code: str,
    *,
    stores: Collection[Platform] = (),
) -> LinkOutcome:
    """Link this account with the one that asked for `code`.

    `stores` are the platforms whose bot has a table of its own: its rows are owed what they lack
    afterwards. Only a wrong code counts as a failure. A code stays valid until it has linked two
    accounts.

    Raises:
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away.
    """
    with mapped_refusals():
        async with _transaction(conn):
            outcome = await conn.fetchval(
                "SELECT twinstream.redeem_code($1, $2, $3, $4)",
                platform,
                account_id,
                _typed(code),
                list(stores),
            )
    return LinkOutcome(outcome)


def _transaction(conn: asyncpg.Connection) -> Transaction:
    """Begin a transaction of the isolation that linking needs, whatever the session's default."""
    return conn.transaction(isolation=None if conn.is_in_transaction() else "read_committed")


def _typed(code: str) -> str:
    """Return a code as it was issued, however people typed it; storable, whatever it is. Pure."""
    text = code.strip().upper().replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode()
