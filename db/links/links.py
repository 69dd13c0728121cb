"""Linking, unlinking and undoing: what each does to the amounts of two accounts.

`accounts` says whose an account is now; the table `links` remembers every link. A ledger entry
stays with the account that earned it, so these operations change a bounded number of rows, whatever
the ledger holds, and keep nobody else waiting. Where amounts move from one account to the other,
entries say so. The functions of db/migrations/..._links.sql do all of it.

An operation takes effect in the caller's transaction, whose isolation is READ COMMITTED. `stores`
are the platforms whose bot keeps its members in a table of its own.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Literal, NamedTuple

import asyncpg

from ..platforms import Platform
from .reasons import storable
from .refusals import mapped_refusals

#: The amounts that the linked member has: the sum of both accounts, the greater of each amount, or
#: those of one account.
Policy = Literal["sum", "max", "telegram", "discord"]


class Account(NamedTuple):
    """An account, as its platform knows it."""

    platform: Platform
    account_id: int


class Link(NamedTuple):
    """One link, as it was made. Times are None as long as that has not happened."""

    id: int
    telegram_account_id: int
    discord_account_id: int
    policy: Policy
    linked_at: datetime
    unlinked_at: datetime | None
    undone_at: datetime | None
    telegram_xp_before: int | None = None
    """Amounts that each account had before the link; None for a link that continues another one."""
    telegram_balance_before: int | None = None
    discord_xp_before: int | None = None
    discord_balance_before: int | None = None

    @property
    def telegram(self) -> Account:
        """The account on Telegram."""
        return Account("telegram", self.telegram_account_id)

    @property
    def discord(self) -> Account:
        """The account on Discord."""
        return Account("discord", self.discord_account_id)


async def link(
    conn: asyncpg.Connection,
    *,
    telegram_account_id: int,
    discord_account_id: int,
    policy: Policy | None = None,
    stores: Collection[Platform] = (),
    links_max: int | None = None,
    reason: str = "",
) -> Link:
    """Make two accounts one member's. Their achievements are united under every policy.

    Without a policy that of the settings counts. `links_max` replaces the number of links that an
    account may have within a month. Both accounts are told.

    Raises:
        LinkRefused: `account_is_linked`, `account_may_link`, or `links_per_account_limited`.
        Paused: the stop sign of this release is set.
        BooksDiffer: the policy needs amounts that do not add up at this moment.
        Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.link_accounts("
            "$1, $2, $3, $4, coalesce($5, (twinstream.link_limits()).links_max),"
            " ROW ('operator', NULL, NULL, $6)::twinstream.link_actor)",
            telegram_account_id,
            discord_account_id,
            policy,
            list(stores),
            links_max,
            storable(reason),
        )
    return Link(*row)


async def unlink(
    conn: asyncpg.Connection,
    *,
    platform: Platform,
    account_id: int,
    stores: Collection[Platform] = (),
    reason: str = "",
) -> Link:
    """Make the two accounts of a member two members again.

    XP and balance stay with the Telegram account, and the Discord account starts at zero. Both keep
    the achievements that they hold.

    Raises:
        LinkRefused: `account_is_not_linked`.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.unlink_account($1, $2, $3,"
            " ROW ('operator', NULL, NULL, $4)::twinstream.link_actor)",
            platform,
            account_id,
            list(stores),
            storable(reason),
        )
    return Link(*row)


async def undo(
    conn: asyncpg.Connection,
    link_id: int,
    *,
    stores: Collection[Platform] = (),
    reason: str = "",
) -> Link:
    """Give each account back what it had before a link, and what it has earned since.

    Works after an unlink, too. An account that spent more than it had is helped out by the other
    one, which shared its amounts while they were linked. Each keeps the achievements that it has
    entries for.

    Raises:
        LinkRefused: `link_is_known`, `link_is_not_undone`, `undo_is_in_time`,
            `account_is_linked_since` (names the later link), or `undo_is_covered` (names the
            amount).
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.undo_link_by_id($1, $2,"
            " ROW ('operator', NULL, NULL, $3)::twinstream.link_actor)",
            link_id,
            list(stores),
            storable(reason),
        )
    return Link(*row)


async def once_linked(conn: asyncpg.Connection, mine: Collection[Account]) -> set[Account]:
    """Return the accounts that were ever linked with one of these, or moved to or from it."""
    rows = await conn.fetch(
        """
        WITH mine AS (
            SELECT * FROM unnest($1::text[], $2::bigint[]) AS u (platform, account_id)
        )
        SELECT 'discord' AS platform, l.discord_account_id AS account_id
        FROM mine JOIN twinstream.links AS l
            ON mine.platform = 'telegram' AND l.telegram_account_id = mine.account_id
        UNION
        SELECT 'telegram', l.telegram_account_id
        FROM mine JOIN twinstream.links AS l
            ON mine.platform = 'discord' AND l.discord_account_id = mine.account_id
        UNION
        SELECT m.platform, u.account_id
        FROM mine JOIN twinstream.moves AS m ON m.platform = mine.platform
            AND mine.account_id IN (m.from_account_id, m.to_account_id)
        CROSS JOIN LATERAL unnest(ARRAY[m.from_account_id, m.to_account_id]) AS u (account_id)
        """,
        [account.platform for account in mine],
        [account.account_id for account in mine],
    )
    return {Account(*row) for row in rows}


async def lock_shared(conn: asyncpg.Connection, what: str) -> None:
    """Let one transaction at a time decide about `what`, which accounts share that parted."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtext('twinstream.shared'), hashtext($1))", what
    )
