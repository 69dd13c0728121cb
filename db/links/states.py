"""States: the settings of linking, how an account stands, and the record of acts."""

from datetime import datetime
from typing import Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from .links import Policy
from .refusals import mapped_refusals

Operation = Literal["link", "unlink", "undo", "move", "forbid", "allow"]
Actor = Literal["member", "administrator", "operator"]


class LinkRules(NamedTuple):
    """The section [linking] of twinstream.toml, as Postgres obeys it."""

    policy: Policy = "sum"
    reward_xp: int = 0
    reward_balance: int = 0
    cooldown_s: int = 86_400
    undo_s: int = 604_800


class LinkState(NamedTuple):
    """How an account stands. All but `is_linked` is None where there is nothing to say."""

    link_id: int | None
    """The newest link of the account."""
    is_linked: bool
    other_account_id: int | None
    """The account that it is linked with, or was linked with last."""
    other_name: str | None
    linked_at: datetime | None
    policy: Policy | None
    undo_until: datetime | None
    """None: the newest link cannot be undone."""
    forbidden_at: datetime | None
    free_at: datetime | None
    """When the cool-down after an unlink ends; None if it has ended."""
    xp_before: int | None
    balance_before: int | None
    other_xp_before: int | None
    other_balance_before: int | None


class LinkAct(NamedTuple):
    """One act of the record."""

    acted_at: datetime
    operation: Operation
    telegram_account_id: int | None
    discord_account_id: int | None
    from_platform: Platform | None
    from_account_id: int | None
    """The account that a move replaced."""
    actor: Actor
    actor_platform: Platform | None
    actor_account_id: int | None
    reason: str
    other_name: str | None
    """The name of the account on the other platform."""


class OneSided(NamedTuple):
    """A member who earns on one platform only."""

    platform: Platform
    account_id: int
    display_name: str | None
    xp: int
    balance: int


async def set_rules(pool: asyncpg.Pool, rules: LinkRules) -> None:
    """Let every link from now on obey `rules`. Writes nothing if they are in force already."""
    with mapped_errors():
        await pool.execute(
            """
            INSERT INTO twinstream.link_settings AS s
                (policy, reward_xp, reward_balance, cooldown_s, undo_s)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT ((true)) DO UPDATE SET
                policy = excluded.policy, reward_xp = excluded.reward_xp,
                reward_balance = excluded.reward_balance, cooldown_s = excluded.cooldown_s,
                undo_s = excluded.undo_s
            WHERE s IS DISTINCT FROM excluded
            """,
            *rules,
        )


async def rules(conn: asyncpg.Connection) -> LinkRules:
    """Return the rules that links obey now."""
    with mapped_errors():
        row = await conn.fetchrow("SELECT * FROM twinstream.link_rules()")
    return LinkRules() if row is None or row["policy"] is None else LinkRules(*row)


async def link_state(conn: asyncpg.Connection, platform: Platform, account_id: int) -> LinkState:
    """Return how an account stands; an account that was never seen is not linked."""
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.link_state($1, $2)", platform, account_id
        )
    return LinkState(*row)


async def acts_of(
    conn: asyncpg.Connection, platform: Platform, account_id: int | None, *, limit: int
) -> list[LinkAct]:
    """Return the last acts that concern an account, newest first.

    Without an account: those of the administrators of `platform`, and of operators.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.read_link_acts($1, $2, $3)", platform, account_id, limit
        )
    return [LinkAct(*row) for row in rows]


async def unlink_own(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    *,
    stores: list[Platform],
    link_id: int | None = None,
) -> None:
    """Unlink the account of the member who asks; with `link_id` only if it has no newer link.

    Raises:
        LinkRefused: `account_is_not_linked`, `account_is_linked_since`, or `own_ends_limited`.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        async with conn.transaction(isolation="read_committed"):
            await conn.execute(
                "SELECT twinstream.unlink_own($1, $2, $3, $4)",
                platform,
                account_id,
                stores,
                link_id,
            )


async def undo_own_link(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    *,
    stores: list[Platform],
    link_id: int | None = None,
) -> None:
    """Undo the newest link of the account of the member who asks, also after an unlink.

    With `link_id` only if that is the newest one.

    Raises:
        LinkRefused: the link cannot be undone; see `links.undo`. Or `own_ends_limited`.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        async with conn.transaction(isolation="read_committed"):
            await conn.execute(
                "SELECT twinstream.undo_own_link($1, $2, $3, $4)",
                platform,
                account_id,
                stores,
                link_id,
            )


async def newest_link(conn: asyncpg.Connection, platform: Platform, account_id: int) -> int | None:
    """Return the number of the newest link of an account; None if it was never linked."""
    with mapped_errors():
        link_id: int | None = await conn.fetchval(
            "SELECT twinstream.newest_link($1, $2)", platform, account_id
        )
    return link_id


async def set_leave(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    *,
    may_link: bool,
    reason: str,
) -> None:
    """Take an account's leave to link, or give it back; the operator acts."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.set_leave_to_link($1, $2, $3,"
            " ROW ('operator', NULL, NULL, $4)::twinstream.link_actor)",
            platform,
            account_id,
            may_link,
            reason,
        )


async def one_sided_here(
    conn: asyncpg.Connection, platform: Platform, *, past: int, limit: int
) -> list[OneSided]:
    """Return members on the boards who have XP on this platform only, most XP first."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT $1, o.* FROM twinstream.one_sided_members($1, $2, $3) AS o",
            platform,
            past,
            limit,
        )
    return [OneSided(*row) for row in rows]


async def one_sided(conn: asyncpg.Connection, *, limit: int) -> list[OneSided]:
    """Return members who have earned and have an account on one platform only, most XP first.

    The operator's list: also those who left, and those who hide from lists.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.platform, a.account_id, a.display_name, m.xp, m.balance
            FROM twinstream.members AS m JOIN twinstream.accounts AS a ON a.member_id = m.id
            WHERE (m.xp > 0 OR m.balance > 0) AND a.account_id > 0 AND NOT EXISTS (
                SELECT FROM twinstream.accounts AS b
                WHERE b.member_id = m.id AND b.platform <> a.platform
            )
            ORDER BY m.xp DESC, m.id LIMIT $1
            """,
            limit,
        )
    return [OneSided(*row) for row in rows]
