"""Linking: joining a member's two accounts with a one-time code.

1. A member asks for a code on one platform. Only the code's hash is kept.
2. The member sends the code from their account on the other platform.
3. One transaction merges the two members: totals, books, achievements and ledger rows become one
   member's, and that member's rank is wanted on both platforms.
"""

import enum
import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from .. import stop_signs
from ..errors import Contention, mapped_errors
from ..platforms import Platform
from ..surfaces import wishes
from . import accounts
from .notices import CODE_VOID

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
    LOCKED_OUT = "locked_out"
    """Too many wrong codes from this account. It has to wait up to FAILURES_WINDOW_S seconds."""
    PAUSED = "paused"
    """The stop sign of this release is set: nothing was changed, and no failure was counted."""


class _Account(NamedTuple):
    platform: Platform
    account_id: int


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
                INSERT INTO link_codes (code_hash, platform, account_id, expires_at)
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
                DELETE FROM link_codes WHERE code_hash = ANY ($1::bytea[]) AND expires_at > now()
                RETURNING platform, account_id
            ), noted AS (
                INSERT INTO notices (platform, account_id, kind)
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
            return await _link(conn, _Account(platform, account_id), issuer, code)


async def _link(
    conn: asyncpg.Connection, redeemer: _Account, issuer: _Account, code: str
) -> LinkOutcome:
    await accounts.ensure(conn, redeemer.platform, [redeemer.account_id])
    members = await _locked_members(conn, redeemer, issuer)
    if len(members) != 2 or await _has_other_accounts(conn, members):
        return LinkOutcome.ALREADY_LINKED
    await _merge(conn, keep=min(members), drop=max(members))
    await conn.execute("DELETE FROM link_codes WHERE code_hash = $1", _hash(code))
    return LinkOutcome.LINKED


async def _locked_members(conn: asyncpg.Connection, one: _Account, other: _Account) -> set[int]:
    """Lock the members behind two accounts against every other use, in member order.

    FOR UPDATE also waits for transactions that are entering ledger rows for them.
    """
    rows = await conn.fetch(
        """
        SELECT m.id FROM accounts AS a JOIN members AS m ON m.id = a.member_id
        WHERE (a.platform, a.account_id) IN (($1, $2), ($3, $4))
        ORDER BY m.id
        FOR UPDATE OF m
        """,
        *one,
        *other,
    )
    if len(rows) != 2:
        raise Contention("one of the two accounts is being linked at this moment")
    return {member_id for (member_id,) in rows}


async def _has_other_accounts(conn: asyncpg.Connection, members: set[int]) -> bool:
    """Tell whether either of the two members has a second account."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM accounts WHERE member_id = ANY ($1::bigint[])", list(members)
    )
    return count > len(members)


async def _merge(conn: asyncpg.Connection, *, keep: int, drop: int) -> None:
    """Give everything of `drop` to `keep`, and add up what both have."""
    for table in ("accounts", "transactions", "sync_events"):
        await conn.execute(
            f"UPDATE {table} SET member_id = $1 WHERE member_id = $2",  # noqa: S608 - constants
            keep,
            drop,
        )
    await conn.execute(
        """
        INSERT INTO sync_state AS s (member_id, platform, xp, balance, rank)
        SELECT $1, platform, xp, balance, rank FROM sync_state WHERE member_id = $2
        ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
            xp = s.xp + excluded.xp, balance = s.balance + excluded.balance,
            rank = rank_of(s.xp + excluded.xp), version = s.version + 1, updated_at = now()
        """,
        keep,
        drop,
    )
    await conn.execute(
        """
        INSERT INTO achievements AS a (member_id, platform, achievement, unlocked_at)
        SELECT $1, platform, achievement, unlocked_at FROM achievements WHERE member_id = $2
        ON CONFLICT ON CONSTRAINT achievement_once DO UPDATE SET
            unlocked_at = least(a.unlocked_at, excluded.unlocked_at)
        """,
        keep,
        drop,
    )
    await conn.execute(
        """
        INSERT INTO store_debts AS d (member_id, platform, xp, balance)
        SELECT $1, platform, xp, balance FROM store_debts WHERE member_id = $2
        ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
            xp = d.xp + excluded.xp, balance = d.balance + excluded.balance, updated_at = now()
        """,
        keep,
        drop,
    )
    await wishes.want_merged(conn, keep=keep, drop=drop)
    for table in ("sync_state", "achievements", "store_debts", "surfaces"):
        await conn.execute(f"DELETE FROM {table} WHERE member_id = $1", drop)  # noqa: S608
    await conn.execute(
        """
        UPDATE members AS k SET xp = k.xp + d.xp, balance = k.balance + d.balance
        FROM members AS d WHERE k.id = $1 AND d.id = $2
        """,
        keep,
        drop,
    )
    await conn.execute("DELETE FROM members WHERE id = $1", drop)


async def _issuer(conn: asyncpg.Connection, code: str) -> _Account | None:
    row = await conn.fetchrow(
        """
        SELECT platform, account_id FROM link_codes
        WHERE code_hash = $1 AND expires_at > now()
        FOR UPDATE
        """,
        _hash(code),
    )
    return None if row is None else _Account(*row)


async def _is_locked_out(conn: asyncpg.Connection, platform: Platform, account_id: int) -> bool:
    locked: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM link_attempts
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
        INSERT INTO link_attempts AS t (platform, account_id, failures, window_ends_at)
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
