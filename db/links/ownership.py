"""Ownership: giving accounts to another member, with all that belongs to them.

No ledger entry changes: an entry names its account, so it follows the account. Each function
changes a bounded number of rows. The caller has locked the accounts and members (`lock`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..errors import Contention, RuleBroken
from ..platforms import PLATFORMS, Platform
from ..stores.debts import NOTHING, Amounts, owe
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


async def split(conn: asyncpg.Connection, member_id: int, stores: Collection[Platform]) -> int:
    """Give a member's Discord account to a new member, with all that it earned. Returns the member.

    Each keeps the achievements that its own account has entries for. `stores` are the platforms
    whose bot keeps its members in a table of its own; that row's amounts are shared out as debts.
    """
    parts = await earned(conn, member_id)
    discord_id: int = await conn.fetchval(
        "INSERT INTO twinstream.members (xp, balance) VALUES ($1, $2) RETURNING id",
        *parts["discord"],
    )
    await conn.execute(
        "UPDATE twinstream.members SET xp = xp - $2, balance = balance - $3 WHERE id = $1",
        member_id,
        *parts["discord"],
    )
    for table in ("accounts", "surfaces"):
        # A visit under way finds its rows by their account.
        await conn.execute(
            f"UPDATE twinstream.{table} SET member_id = $2"  # noqa: S608 - constants
            " WHERE member_id = $1 AND platform = 'discord'",
            member_id,
            discord_id,
        )
    books = await _books(conn, member_id)
    await _split_books(conn, member_id, discord_id)
    await _split_achievements(conn, member_id, discord_id)
    for platform in stores:
        await _split_debts(conn, platform, member_id, discord_id, books[platform])
    await wishes.want_split(conn, telegram=member_id, discord=discord_id)
    return discord_id


async def _split_books(conn: asyncpg.Connection, telegram_id: int, discord_id: int) -> None:
    # What is on its way to Telegram is missing in the books there, so a part may be negative.
    await conn.execute(
        """
        INSERT INTO twinstream.sync_state
            (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
        SELECT $2, platform, discord_xp, discord_balance, discord_xp, discord_balance,
            twinstream.rank_of(discord_xp)
        FROM twinstream.sync_state WHERE member_id = $1
        """,
        telegram_id,
        discord_id,
    )
    await conn.execute(
        """
        UPDATE twinstream.sync_state SET xp = xp - discord_xp, balance = balance - discord_balance,
            discord_xp = 0, discord_balance = 0, rank = twinstream.rank_of(xp - discord_xp),
            version = version + 1, updated_at = now()
        WHERE member_id = $1
        """,
        telegram_id,
    )


async def _split_achievements(conn: asyncpg.Connection, telegram_id: int, discord_id: int) -> None:
    await conn.execute(
        """
        INSERT INTO twinstream.achievements (member_id, platform, achievement, unlocked_at)
        SELECT a.member_id, t.platform, t.achievement, min(t.occurred_at)
        FROM twinstream.accounts AS a
        JOIN twinstream.transactions AS t ON t.source = a.platform AND t.account_id = a.account_id
        WHERE a.member_id = $1 AND t.achievement IS NOT NULL
        GROUP BY a.member_id, t.platform, t.achievement
        """,
        discord_id,
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
        telegram_id,
    )


class _Books(NamedTuple):
    """A member's books on one platform, and the part that the Discord account earned."""

    all: Amounts
    discord: Amounts


async def _books(conn: asyncpg.Connection, member_id: int) -> Mapping[Platform, _Books]:
    rows = await conn.fetch(
        """
        SELECT platform, xp, balance, discord_xp, discord_balance
        FROM twinstream.sync_state WHERE member_id = $1
        """,
        member_id,
    )
    found = {row[0]: _Books(Amounts(row[1], row[2]), Amounts(row[3], row[4])) for row in rows}
    nothing = _Books(NOTHING, NOTHING)
    return {platform: found.get(platform, nothing) for platform in PLATFORMS}


async def _split_debts(
    conn: asyncpg.Connection, platform: Platform, telegram: int, discord: int, books: _Books
) -> None:
    """Share out what a bot's own table holds and is owed for a member who was split.

    The table's one row belongs to the account of its platform, and holds the books less the debt.
    A row must hold its own member's books less the debt, so the debts change by the other part.
    """
    rest = books.all.plus(books.discord.negated())
    if platform == "telegram":
        changes = {telegram: books.discord.negated(), discord: books.discord}
    else:
        await conn.execute(
            "UPDATE twinstream.store_debts SET member_id = $2"
            " WHERE member_id = $1 AND platform = 'discord'",
            telegram,
            discord,
        )
        changes = {telegram: rest, discord: rest.negated()}
    await owe(conn, platform, {one: it for one, it in changes.items() if it != NOTHING})
