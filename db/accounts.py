"""Members and the accounts by which the platforms know them."""

from collections.abc import Collection

import asyncpg

from .platforms import Platform


async def resolve(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> dict[int, int]:
    """Map account ids to member ids, making a member for an account on first sight.

    Every member row is locked until the caller's transaction ends, in member order, so that two
    callers can never wait for each other.
    """
    known = await _locked(conn, platform, account_ids)
    while missing := set(account_ids) - known.keys():
        for account_id in sorted(missing):
            await _create(conn, platform, account_id)
        # Once more as a whole: it takes the locks in member order, and it finds the member that
        # somebody else made meanwhile.
        known = await _locked(conn, platform, account_ids)
    return known


async def find_member(conn: asyncpg.Connection, platform: Platform, account_id: int) -> int | None:
    """Return the member behind an account, or None when the account was never seen."""
    member_id: int | None = await conn.fetchval(
        "SELECT member_id FROM accounts WHERE platform = $1 AND account_id = $2",
        platform,
        account_id,
    )
    return member_id


async def see(
    conn: asyncpg.Connection, platform: Platform, account_id: int, display_name: str
) -> None:
    """Remember the name that a known account goes by now. An unknown account is left unknown."""
    await conn.execute(
        """
        UPDATE accounts SET display_name = $3
        WHERE platform = $1 AND account_id = $2 AND display_name IS DISTINCT FROM $3
        """,
        platform,
        account_id,
        display_name,
    )


async def _locked(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> dict[int, int]:
    rows = await conn.fetch(
        """
        SELECT a.account_id, m.id
        FROM accounts AS a JOIN members AS m ON m.id = a.member_id
        WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
        ORDER BY m.id
        FOR NO KEY UPDATE OF m
        """,
        platform,
        list(account_ids),
    )
    return {row["account_id"]: row["id"] for row in rows}


async def _create(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Make a member with this account, unless somebody did so just now."""
    try:
        async with (
            conn.transaction()
        ):  # a savepoint: losing the race must not cost the caller's work
            await conn.execute(
                """
                WITH fresh AS (INSERT INTO members DEFAULT VALUES RETURNING id)
                INSERT INTO accounts (platform, account_id, member_id)
                SELECT $1, $2, id FROM fresh
                """,
                platform,
                account_id,
            )
    except asyncpg.UniqueViolationError:
        return
