"""Ownership: giving accounts to another member, with all that belongs to them.

No ledger entry changes: an entry names its account, so it follows the account. Each function
changes a bounded number of rows. The caller has locked the accounts and members (`lock`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..errors import Contention, RuleBroken
from ..platforms import PLATFORMS, Platform
from ..stores.store_debts import NOTHING, Amounts
from ..surfaces import wishes


class BooksDiffer(RuleBroken):
    """The books of a member do not add up at this moment. Reconcile corrects them; try later."""


class Account(NamedTuple):
    """An account, as its platform knows it."""

    platform: Platform
    account_id: int


async def lock(conn: asyncpg.Connection, wanted: Sequence[Account]) -> dict[Account, int]:
    """Lock accounts and the members behind them against every other use. Returns the members.

    The accounts come first and in their order, as in every transaction that enters something.
    FOR UPDATE also waits for the transactions that are entering ledger rows for them.

    Raises:
        Contention: an account changes hands at this moment.
    """
    rows = await conn.fetch(
        """
        SELECT a.platform, a.account_id, a.member_id
        FROM twinstream.accounts AS a
        JOIN unnest($1::text[], $2::bigint[]) AS w (platform, account_id)
            USING (platform, account_id)
        ORDER BY a.platform, a.account_id
        FOR UPDATE OF a
        """,
        [account.platform for account in wanted],
        [account.account_id for account in wanted],
    )
    owners = {Account(platform, account_id): member for platform, account_id, member in rows}
    members = await conn.fetch(
        """
        SELECT id FROM twinstream.members WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE
        """,
        list(owners.values()),
    )
    if owners.keys() != set(wanted) or len(members) != len(set(owners.values())):
        raise Contention("one of the accounts is being linked or unlinked at this moment")
    return owners


async def accounts_of(conn: asyncpg.Connection, member_id: int) -> dict[Platform, int]:
    """Return the accounts of a member by platform."""
    rows = await conn.fetch(
        "SELECT platform, account_id FROM twinstream.accounts WHERE member_id = $1", member_id
    )
    return dict(rows)


async def earned(conn: asyncpg.Connection, member_id: int) -> dict[Platform, Amounts]:
    """Return what each of a member's accounts has earned, as recorded at its origin.

    Raises:
        BooksDiffer: the books do not agree with the totals, so nothing can be split by them.
    """
    rows = await conn.fetch(
        """
        SELECT platform, discord_xp, discord_balance,
            xp - discord_xp AS telegram_xp, balance - discord_balance AS telegram_balance
        FROM twinstream.sync_state WHERE member_id = $1
        """,
        member_id,
    )
    # Each account's part in the books of its own platform: all that it earned is in them.
    parts = dict.fromkeys(PLATFORMS, NOTHING)
    for row in rows:
        own: Platform = row["platform"]
        parts[own] = Amounts(row[f"{own}_xp"], row[f"{own}_balance"])
    totals = await conn.fetchrow(
        "SELECT xp, balance FROM twinstream.members WHERE id = $1", member_id
    )
    if parts["telegram"].plus(parts["discord"]) != Amounts(*totals):
        raise BooksDiffer(
            "books_agree_with_totals",
            f"the books of member {member_id} differ from the totals; reconcile repairs them"
            " within two passes, then try again",
        )
    return parts


async def merge(conn: asyncpg.Connection, *, keep: int, drop: int) -> None:
    """Give all that member `drop` has to member `keep`, and delete `drop`."""
    for statement in _MERGE:
        await conn.execute(statement, keep, drop)
    await wishes.want_merged(conn, keep=keep, drop=drop)
    for table in ("sync_state", "achievements", "store_debts", "surfaces"):
        await conn.execute(f"DELETE FROM twinstream.{table} WHERE member_id = $1", drop)  # noqa: S608
    await conn.execute("DELETE FROM twinstream.members WHERE id = $1", drop)


_MERGE: Final = (
    "UPDATE twinstream.accounts SET member_id = $1, linked_at = now() WHERE member_id = $2",
    """
    INSERT INTO twinstream.sync_state AS s
        (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
    SELECT $1, platform, xp, balance, discord_xp, discord_balance, rank
    FROM twinstream.sync_state WHERE member_id = $2
    ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
        xp = s.xp + excluded.xp, balance = s.balance + excluded.balance,
        discord_xp = s.discord_xp + excluded.discord_xp,
        discord_balance = s.discord_balance + excluded.discord_balance,
        rank = twinstream.rank_of(s.xp + excluded.xp), version = s.version + 1, updated_at = now()
    """,
    """
    INSERT INTO twinstream.achievements AS a (member_id, platform, achievement, unlocked_at)
    SELECT $1, platform, achievement, unlocked_at FROM twinstream.achievements WHERE member_id = $2
    ON CONFLICT ON CONSTRAINT achievement_once DO UPDATE SET
        unlocked_at = least(a.unlocked_at, excluded.unlocked_at)
    """,
    """
    INSERT INTO twinstream.store_debts AS d (member_id, platform, xp, balance)
    SELECT $1, platform, xp, balance FROM twinstream.store_debts WHERE member_id = $2
    ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
        xp = d.xp + excluded.xp, balance = d.balance + excluded.balance, updated_at = now()
    """,
    """
    UPDATE twinstream.members AS k SET xp = k.xp + d.xp, balance = k.balance + d.balance
    FROM twinstream.members AS d WHERE k.id = $1 AND d.id = $2
    """,
)


async def split(
    conn: asyncpg.Connection, member_id: int, platform: Platform, totals: Amounts
) -> int:
    """Give a member's account on `platform` to a new member, with all that it earned.

    `totals` are the new member's settled totals; the rest stays. Each member keeps the achievements
    that an account of theirs has entries for. Returns the new member.
    """
    fresh: int = await conn.fetchval(
        "INSERT INTO twinstream.members (xp, balance) VALUES ($1, $2) RETURNING id", *totals
    )
    await conn.execute(
        "UPDATE twinstream.members SET xp = xp - $2, balance = balance - $3 WHERE id = $1",
        member_id,
        *totals,
    )
    for table in ("accounts", "surfaces"):
        # A visit under way finds its rows by their account.
        await conn.execute(
            f"UPDATE twinstream.{table} SET member_id = $2"  # noqa: S608 - constants
            " WHERE member_id = $1 AND platform = $3",
            member_id,
            fresh,
            platform,
        )
    await _split_books(conn, member_id, platform, fresh)
    await _split_achievements(conn, member_id, fresh)
    await wishes.want_split(conn, [member_id, fresh])
    return fresh


async def _split_books(
    conn: asyncpg.Connection, member_id: int, platform: Platform, fresh: int
) -> None:
    # The books of a platform lack the events that are on their way to it, so a part may be negative
    # until they arrive.
    await conn.execute(
        """
        INSERT INTO twinstream.sync_state
            (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
        SELECT $2, platform, part.xp, part.balance, part.discord_xp, part.discord_balance,
            twinstream.rank_of(part.xp)
        FROM twinstream.sync_state AS s CROSS JOIN LATERAL (
            SELECT s.discord_xp AS xp, s.discord_balance AS balance, s.discord_xp, s.discord_balance
            WHERE $3 = 'discord'
            UNION ALL
            SELECT s.xp - s.discord_xp, s.balance - s.discord_balance, 0, 0 WHERE $3 = 'telegram'
        ) AS part
        WHERE member_id = $1
        """,
        member_id,
        fresh,
        platform,
    )
    await conn.execute(
        """
        UPDATE twinstream.sync_state AS s SET xp = s.xp - f.xp, balance = s.balance - f.balance,
            discord_xp = s.discord_xp - f.discord_xp,
            discord_balance = s.discord_balance - f.discord_balance,
            rank = twinstream.rank_of(s.xp - f.xp), version = s.version + 1, updated_at = now()
        FROM twinstream.sync_state AS f
        WHERE s.member_id = $1 AND f.member_id = $2 AND f.platform = s.platform
        """,
        member_id,
        fresh,
    )


async def _split_achievements(conn: asyncpg.Connection, member_id: int, fresh: int) -> None:
    await conn.execute(
        """
        INSERT INTO twinstream.achievements (member_id, platform, achievement, unlocked_at)
        SELECT a.member_id, t.platform, t.achievement, min(t.occurred_at)
        FROM twinstream.accounts AS a
        JOIN twinstream.transactions AS t ON t.source = a.platform AND t.account_id = a.account_id
        WHERE a.member_id = $1 AND t.achievement IS NOT NULL
        GROUP BY a.member_id, t.platform, t.achievement
        """,
        fresh,
    )
    await conn.execute(
        """
        DELETE FROM twinstream.achievements AS h
        WHERE h.member_id = $1 AND NOT EXISTS (
            SELECT FROM twinstream.accounts AS a
            JOIN twinstream.transactions AS t
                ON t.source = a.platform AND t.account_id = a.account_id
            WHERE a.member_id = $1 AND t.platform = h.platform AND t.achievement = h.achievement
        )
        """,
        member_id,
    )


async def achievements_of(conn: asyncpg.Connection, member_id: int) -> dict[str, datetime]:
    """Return a member's achievements on either platform, and since when."""
    rows = await conn.fetch(
        """
        SELECT achievement, min(unlocked_at) FROM twinstream.achievements
        WHERE member_id = $1 GROUP BY achievement
        """,
        member_id,
    )
    return dict(rows)


async def without_entry(
    conn: asyncpg.Connection, account: Account, achievements: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Return those of these achievements for which this account has no ledger entry."""
    rows = await conn.fetch(
        """
        SELECT u.name FROM unnest($3::text[]) AS u (name)
        WHERE NOT EXISTS (
            SELECT FROM twinstream.transactions AS t
            WHERE t.account_id = $2 AND t.source = $1 AND t.achievement = u.name
        )
        """,
        *account,
        list(achievements),
    )
    return {name: achievements[name] for (name,) in rows}
