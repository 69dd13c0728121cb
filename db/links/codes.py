"""Linking: joining a member's two accounts with a one-time code.

1. A member asks for a code on one platform. Only the code's hash is kept.
2. The member sends the code from their account on the other platform.
3. One transaction links the two accounts (`links.link`).
"""

import enum
import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Final

import asyncpg

from .. import stop_signs
from ..errors import mapped_errors
from ..members import accounts
from ..members.notices import CODE_VOID
from ..platforms import Platform
from . import links
from .links import LinkRefused
from .member_rows import Account

CODE_LENGTH = 10
#: Seconds for which a code can be redeemed.
CODE_LIFETIME_S = 600
#: Wrong codes after which an account is locked out until the window ends.
FAILURES_MAX = 5
#: Seconds from the first wrong code until the count begins again.
FAILURES_WINDOW_S = 900

# Without letters and digits that people mistake for one another. 10 characters of 30 make 49 bits:
# guessing is hopeless with 5 tries in 15 minutes at a code that lives for 10.
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"

#: Strings of one message that are tried as codes, at most. A member has one code, so a message with
#: more such strings is noise.
CANDIDATES_MAX = 64
_WORDS = re.compile(rf"(?<![A-Z0-9])[{_ALPHABET}]{{{CODE_LENGTH}}}(?![A-Z0-9])")
_RUNS = re.compile(rf"(?=([{_ALPHABET}]{{{CODE_LENGTH}}}))")


class LinkOutcome(enum.Enum):
    """The outcome of redeeming a code."""

    LINKED = "linked"
    WRONG_CODE = "wrong_code"
    """Unknown, used or expired. One answer for all three, so that a guesser learns nothing."""
    SAME_PLATFORM = "same_platform"
    ALREADY_LINKED = "already_linked"
    TOO_MANY_LINKS = "too_many_links"
    """One of the accounts was linked too often lately (`links.LINKS_MAX`)."""
    LOCKED_OUT = "locked_out"
    """Too many wrong codes from this account. It has to wait up to FAILURES_WINDOW_S seconds."""
    PAUSED = "paused"
    """The stop sign of this release is set: nothing was changed, and no failure was counted."""


_REFUSALS: Final = {
    "account_is_linked": LinkOutcome.ALREADY_LINKED,
    "links_per_account_limited": LinkOutcome.TOO_MANY_LINKS,
}


async def issue_code(conn: asyncpg.Connection, platform: Platform, account_id: int) -> str:
    """Make a code for this account, valid for CODE_LIFETIME_S seconds. An earlier code ends.

    Raises:
        Paused: the stop sign of this release is set, so the code could not be redeemed.
        StorageUnavailable: Postgres is away.
    """
    code = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))
    with mapped_errors():
        async with conn.transaction():
            await stop_signs.obey(conn)
            await accounts.ensure(conn, platform, [account_id])
            await conn.execute(
                """
                INSERT INTO twinstream.link_codes (code_hash, platform, account_id, expires_at)
                VALUES ($1, $2, $3, now() + make_interval(secs => $4))
                ON CONFLICT ON CONSTRAINT link_code_one_per_account DO UPDATE SET
                    code_hash = excluded.code_hash, created_at = now(),
                    expires_at = excluded.expires_at
                """,
                _hash(code),
                platform,
                account_id,
                CODE_LIFETIME_S,
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


async def void_codes(conn: asyncpg.Connection, codes: Sequence[str]) -> list[Platform]:
    """Void the live codes among `codes`, and leave a notice for each owner.

    One statement: a redemption of the same code at the same time either links first, and nothing is
    voided, or finds no code. Returns the platforms where the voided codes were issued; a code that
    was never issued, was used or has expired adds none.

    Raises:
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH void AS (
                DELETE FROM twinstream.link_codes WHERE code_hash = ANY ($1::bytea[])
                    AND expires_at > now()
                RETURNING platform, account_id
            ), noted AS (
                INSERT INTO twinstream.notices (platform, account_id, kind)
                SELECT platform, account_id, $2 FROM void
                ON CONFLICT ON CONSTRAINT notice_once DO UPDATE SET
                    created_at = clock_timestamp(), attempts = 0, taken_until = NULL
            )
            SELECT platform FROM void
            """,
            [_hash(code) for code in codes],
            CODE_VOID,
        )
    return [platform for (platform,) in rows]


async def redeem_code(
    conn: asyncpg.Connection, platform: Platform, account_id: int, code: str
) -> LinkOutcome:
    """Link this account with the one that asked for `code`.

    Only a wrong code counts as a failure. A code stays valid until it has linked two accounts.

    Raises:
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away.
    """
    with mapped_errors():
        async with conn.transaction():
            if await stop_signs.read_under_lock(conn) is not None:
                return LinkOutcome.PAUSED
            # One try of an account at a time: tries side by side would all find the same count.
            await conn.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('twinstream.link' || $1, $2))",
                platform,
                account_id,
            )
            if await _is_locked_out(conn, platform, account_id):
                return LinkOutcome.LOCKED_OUT
            issuer = await _issuer(conn, code)
            if issuer is None:
                await _count_failure(conn, platform, account_id)
                return LinkOutcome.WRONG_CODE
            if issuer.platform == platform:
                return LinkOutcome.SAME_PLATFORM
            return await _link(conn, Account(platform, account_id), issuer, code)


async def _link(
    conn: asyncpg.Connection, redeemer: Account, issuer: Account, code: str
) -> LinkOutcome:
    account_ids = {one.platform: one.account_id for one in (redeemer, issuer)}
    try:
        await links.link(
            conn,
            telegram_account_id=account_ids["telegram"],
            discord_account_id=account_ids["discord"],
        )
    except LinkRefused as error:
        return _REFUSALS[error.rule]
    await conn.execute("DELETE FROM twinstream.link_codes WHERE code_hash = $1", _hash(code))
    return LinkOutcome.LINKED


async def _issuer(conn: asyncpg.Connection, code: str) -> Account | None:
    row = await conn.fetchrow(
        """
        SELECT platform, account_id FROM twinstream.link_codes
        WHERE code_hash = $1 AND expires_at > now()
        FOR UPDATE
        """,
        _hash(code),
    )
    return None if row is None else Account(*row)


async def _is_locked_out(conn: asyncpg.Connection, platform: Platform, account_id: int) -> bool:
    locked: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM twinstream.link_attempts
            WHERE platform = $1 AND account_id = $2 AND failures >= $3 AND window_ends_at > now()
        )
        """,
        platform,
        account_id,
        FAILURES_MAX,
    )
    return locked


async def _count_failure(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    await conn.execute(
        """
        INSERT INTO twinstream.link_attempts AS t (platform, account_id, failures, window_ends_at)
        VALUES ($1, $2, 1, now() + make_interval(secs => $3))
        ON CONFLICT ON CONSTRAINT link_attempts_once DO UPDATE SET
            failures = CASE WHEN t.window_ends_at > now() THEN t.failures + 1 ELSE 1 END,
            window_ends_at = CASE WHEN t.window_ends_at > now() THEN t.window_ends_at
                ELSE excluded.window_ends_at END
        """,
        platform,
        account_id,
        FAILURES_WINDOW_S,
    )


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.strip().upper().encode("utf-8", "surrogatepass")).digest()
