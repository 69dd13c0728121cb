"""Linking, unlinking, undoing and moving: what each does to the amounts of two accounts.

`accounts` says whose an account is now; the table `links` remembers every link. A ledger entry
stays with the account that earned it, so these operations change a bounded number of rows, whatever
the ledger holds, and keep nobody else waiting. Where amounts move from one account to the other,
entries say so (`link_entries`).

An operation takes effect in the caller's transaction. `stores` are the platforms whose bot keeps
its members in a table of its own.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import asyncpg

from .. import stop_signs
from ..errors import RuleBroken, mapped_errors
from ..members import accounts
from ..platforms import Platform
from ..stores.store_debts import NOTHING, Amounts
from . import link_entries, member_rows, store_rows
from .member_rows import Account

#: The amounts that the linked member has: the sum of both accounts, the greater of each amount, or
#: those of one account.
Policy = Literal["sum", "max", "telegram", "discord"]

#: Links of one account within LINKS_PERIOD_S, so that points of alternate accounts cannot be poured
#: into one. People link once; a mistake or two are put right.
LINKS_MAX: Final = 3
#: Seconds for which a link counts towards LINKS_MAX: 30 days.
LINKS_PERIOD_S: Final = 30 * 86_400
#: Seconds after a link within which it can be undone: 7 days.
UNDO_S_MAX: Final = 7 * 86_400


class LinkRefused(RuleBroken):
    """A link, unlink, undo or move breaks a rule. `rule` names it; the text says what to do."""


class Link(NamedTuple):
    """One link, as it was made. Times are None as long as that has not happened."""

    id: int
    telegram_account_id: int
    discord_account_id: int
    policy: Policy
    linked_at: datetime
    unlinked_at: datetime | None
    undone_at: datetime | None

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
    policy: Policy = "sum",
    stores: Collection[Platform] = (),
    links_max: int = LINKS_MAX,
) -> Link:
    """Make two accounts one member's. Their achievements are united under every policy.

    Raises:
        LinkRefused: `account_is_linked`, or `links_per_account_limited`.
        Paused: the stop sign of this release is set.
        BooksDiffer: the policy needs amounts that do not add up at this moment.
        Contention, StorageUnavailable: nothing was changed.
    """
    telegram = Account("telegram", telegram_account_id)
    discord = Account("discord", discord_account_id)
    with mapped_errors():
        await stop_signs.obey(conn)
        for one in (telegram, discord):
            await accounts.ensure(conn, one.platform, [one.account_id])
        owners = await member_rows.lock(conn, [telegram, discord])
        for one in (telegram, discord):
            if len(await member_rows.accounts_of(conn, owners[one])) > 1:
                raise LinkRefused(
                    "account_is_linked",
                    f"the {one.platform} account {one.account_id} is linked already;"
                    " unlink it first",
                )
            await _require_room(conn, one, links_max)
        had = {} if policy == "sum" else await _earned_alone(conn, owners)
        made = await _insert(conn, telegram, discord, policy)
        keep, drop = sorted(owners.values())
        held = await store_rows.held(conn, stores, list(owners.values()))
        await member_rows.merge(conn, keep=keep, drop=drop)
        await link_entries.change(
            conn,
            str(made.id),
            "policy",
            _taken_away(policy, had),
            dict.fromkeys(owners, keep),
        )
        await store_rows.owe_the_rest(conn, held, [keep])
    return made


async def unlink(
    conn: asyncpg.Connection,
    *,
    platform: Platform,
    account_id: int,
    stores: Collection[Platform] = (),
) -> Link:
    """Make the two accounts of a member two members again.

    XP and balance stay with the Telegram account, and the Discord account starts at zero. Both keep
    the achievements that they hold.

    Raises:
        LinkRefused: `account_is_not_linked`.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_errors():
        await stop_signs.obey(conn)
        ended = await _current(conn, Account(platform, account_id))
        owners = await member_rows.lock(conn, [ended.telegram, ended.discord])
        member = _one_member(owners, ended)
        held = await store_rows.held(conn, stores, [member])
        earned = (await member_rows.earned(conn, member))["discord"]
        await link_entries.change(
            conn,
            str(ended.id),
            "unlink",
            {ended.telegram: earned, ended.discord: earned.negated()},
            owners,
        )
        achievements = await member_rows.achievements_of(conn, member)
        for account in (ended.telegram, ended.discord):
            missing = await member_rows.without_entry(conn, account, achievements)
            await link_entries.unlock(conn, str(ended.id), "unlink", account, member, missing)
        discord_member = await member_rows.split(conn, member, "discord", NOTHING)
        await store_rows.owe_the_rest(conn, held, [member, discord_member])
        return await _end(conn, ended, "unlinked_at")


async def undo(
    conn: asyncpg.Connection,
    link_id: int,
    *,
    stores: Collection[Platform] = (),
    undo_s_max: int = UNDO_S_MAX,
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
    with mapped_errors():
        await stop_signs.obey(conn)
        undone = await _by_id(conn, link_id)
        await _require_undoable(conn, undone, undo_s_max)
        owners = await member_rows.lock(conn, [undone.telegram, undone.discord])
        held = await store_rows.held(conn, stores, list(owners.values()))
        if undone.unlinked_at is None:
            earned = await member_rows.earned(conn, _one_member(owners, undone))
            has = {undone.telegram: earned["telegram"], undone.discord: earned["discord"]}
        else:
            has = await _earned_alone(conn, owners)
        moved = await link_entries.moved(conn, str(link_id), ("policy", "unlink"), list(has))
        back = {account: has[account].plus(moved[account].negated()) for account in has}
        shared = _shared(back, undone)
        changes = {account: shared[account].plus(has[account].negated()) for account in has}
        await link_entries.change(conn, str(link_id), "undo", changes, owners)
        members = list(owners.values())
        if undone.unlinked_at is None:
            member = _one_member(owners, undone)
            discord_totals = shared[undone.discord]
            members.append(await member_rows.split(conn, member, "discord", discord_totals))
        await store_rows.owe_the_rest(conn, held, members)
        return await _end(conn, undone, "undone_at")


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


async def replace(conn: asyncpg.Connection, new: Account, partner: Account) -> None:
    """Begin a link of `new` with `partner` in the place of the one that `partner` has."""
    current = await _current(conn, partner)
    await _end(conn, current, "unlinked_at")
    ids = {one.platform: one for one in (new, partner)}
    await _insert(conn, ids["telegram"], ids["discord"], "sum")


def _taken_away(policy: Policy, had: Mapping[Account, Amounts]) -> dict[Account, Amounts]:
    """Return what the policy takes from each account. Pure."""
    if policy == "sum":
        return {}
    changes: dict[Account, Amounts] = {}
    for account, amounts in had.items():
        [other] = [one for one in had if one != account]
        if policy == "max":
            # At a tie the Discord account gives its amount up.
            keeps = [
                mine > theirs or (mine == theirs and account.platform == "telegram")
                for mine, theirs in zip(amounts, had[other], strict=True)
            ]
        else:
            keeps = [account.platform == policy] * 2
        changes[account] = Amounts(
            *(0 if kept else -amount for kept, amount in zip(keeps, amounts, strict=True))
        )
    return changes


def _shared(back: Mapping[Account, Amounts], undone: Link) -> dict[Account, Amounts]:
    """Return what each account gets if one must bear what the other spent beyond its own. Pure.

    Raises:
        LinkRefused: both together have less than was spent.
    """
    telegram, discord = back[undone.telegram], back[undone.discord]
    shares = []
    for name, one, other in zip(Amounts._fields, telegram, discord, strict=True):
        if one + other < 0:
            raise LinkRefused(
                "undo_is_covered",
                f"both accounts together lack {-(one + other)} {name} to undo link {undone.id}",
            )
        helped = max(0, -one) - max(0, -other)
        shares.append((one + helped, other - helped))
    (telegram_xp, discord_xp), (telegram_balance, discord_balance) = shares
    return {
        undone.telegram: Amounts(telegram_xp, telegram_balance),
        undone.discord: Amounts(discord_xp, discord_balance),
    }


async def _earned_alone(
    conn: asyncpg.Connection, owners: Mapping[Account, int]
) -> dict[Account, Amounts]:
    """Return what two accounts have earned that are not linked."""
    return {
        account: (await member_rows.earned(conn, member))[account.platform]
        for account, member in owners.items()
    }


async def _require_room(conn: asyncpg.Connection, account: Account, links_max: int) -> None:
    count: int = await conn.fetchval(
        f"""
        SELECT count(*) FROM twinstream.links
        WHERE {account.platform}_account_id = $1
            AND linked_at > now() - make_interval(secs => $2)
        """,  # noqa: S608 - the platform is one of two
        account.account_id,
        LINKS_PERIOD_S,
    )
    if count >= links_max:
        raise LinkRefused(
            "links_per_account_limited",
            f"the {account.platform} account {account.account_id} was linked {count} times within"
            f" {LINKS_PERIOD_S // 86_400} days, and {links_max} are allowed; try again later",
        )


async def _require_undoable(conn: asyncpg.Connection, undone: Link, undo_s_max: int) -> None:
    if undone.undone_at is not None:
        raise LinkRefused(
            "link_is_not_undone", f"link {undone.id} was undone at {undone.undone_at}"
        )
    now: datetime = await conn.fetchval("SELECT now()")
    if now - undone.linked_at > timedelta(seconds=undo_s_max):
        raise LinkRefused(
            "undo_is_in_time",
            f"link {undone.id} is older than {undo_s_max / 86_400:g} days;"
            " unlink the accounts instead",
        )
    later: int | None = await conn.fetchval(
        """
        SELECT min(id) FROM twinstream.links
        WHERE id > $1 AND (telegram_account_id = $2 OR discord_account_id = $3)
        """,
        undone.id,
        undone.telegram_account_id,
        undone.discord_account_id,
    )
    if later is not None:
        raise LinkRefused(
            "account_is_linked_since",
            f"link {later} came after link {undone.id} and has one of its accounts; undo it first",
        )


def _one_member(owners: Mapping[Account, int], current: Link) -> int:
    members = set(owners.values())
    if len(members) != 1:
        raise LinkRefused("account_is_not_linked", f"link {current.id} has ended meanwhile")
    [member] = members
    return member


_COLUMNS: Final = ", ".join(Link._fields)


async def _insert(
    conn: asyncpg.Connection, telegram: Account, discord: Account, policy: Policy
) -> Link:
    row = await conn.fetchrow(
        f"""
        INSERT INTO twinstream.links (telegram_account_id, discord_account_id, policy)
        VALUES ($1, $2, $3) RETURNING {_COLUMNS}
        """,  # noqa: S608 - this module's own constant
        telegram.account_id,
        discord.account_id,
        policy,
    )
    return Link(*row)


async def _current(conn: asyncpg.Connection, account: Account) -> Link:
    row = await conn.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM twinstream.links
        WHERE {account.platform}_account_id = $1 AND unlinked_at IS NULL AND undone_at IS NULL
        ORDER BY id DESC LIMIT 1 FOR UPDATE
        """,  # noqa: S608 - this module's own constant, and one of two platforms
        account.account_id,
    )
    if row is None:
        raise LinkRefused(
            "account_is_not_linked",
            f"the {account.platform} account {account.account_id} is not linked",
        )
    return Link(*row)


async def _by_id(conn: asyncpg.Connection, link_id: int) -> Link:
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM twinstream.links WHERE id = $1 FOR UPDATE",  # noqa: S608 - this module's own constant
        link_id,
    )
    if row is None:
        raise LinkRefused("link_is_known", f"there is no link {link_id}")
    return Link(*row)


async def _end(
    conn: asyncpg.Connection, ended: Link, how: Literal["unlinked_at", "undone_at"]
) -> Link:
    row = await conn.fetchrow(
        f"UPDATE twinstream.links SET {how} = now() WHERE id = $1 RETURNING {_COLUMNS}",  # noqa: S608 - this module's own constants
        ended.id,
    )
    return Link(*row)
