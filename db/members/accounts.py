"""Members and the accounts by which the platforms know them."""

from collections.abc import Collection, Sequence

import asyncpg

from ..errors import Contention, mapped_errors
from ..platforms import Platform

#: Characters of a display name that are kept. Discord allows 32 and Telegram 129.
DISPLAY_NAME_CHARS_MAX = 255
#: Looks at the accounts before `resolve` gives up. The second look finds the members that the first
#: one created; each further look needs a link that commits in between, so a few are enough.
RESOLVE_ATTEMPTS_MAX = 5


async def resolve(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> dict[int, int]:
    """Map account ids to member ids; create a member for an account that is seen first.

    Every member row is locked in member order until the caller's transaction ends, so that two
    callers can never wait for each other.

    Raises:
        Contention: accounts are being linked, or a snapshot hides a member made meanwhile.
    """
    for _ in range(RESOLVE_ATTEMPTS_MAX):
        # Always all accounts: the locks are taken in member order, and a member is found that
        # another transaction created or merged since the last look.
        known = await _locked(conn, platform, account_ids)
        missing = set(account_ids) - known.keys()
        if not missing:
            return known
        await ensure(conn, platform, missing)
    raise Contention(f"{platform} accounts {sorted(missing)[:3]} keep changing hands")


async def ensure(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> None:
    """Create a member for each account that has none. Locks no member that exists."""
    rows = await conn.fetch(
        "SELECT account_id FROM twinstream.accounts WHERE platform = $1"
        " AND account_id = ANY ($2::bigint[])",
        platform,
        list(account_ids),
    )
    missing = sorted(set(account_ids) - {account_id for (account_id,) in rows})
    if missing:
        async with conn.transaction():
            await _create(conn, platform, missing)


async def find_member(conn: asyncpg.Connection, platform: Platform, account_id: int) -> int | None:
    """Return the member behind an account, or None when the account was never seen."""
    with mapped_errors():
        member_id: int | None = await conn.fetchval(
            "SELECT member_id FROM twinstream.accounts WHERE platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
    return member_id


async def accounts_of(
    conn: asyncpg.Connection, platform: Platform, account_id: int
) -> dict[Platform, int]:
    """Return every account of the member behind this one, by platform; none if it is unknown."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT theirs.platform, theirs.account_id
            FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs USING (member_id)
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            platform,
            account_id,
        )
    return dict(rows)


async def name_elsewhere(
    conn: asyncpg.Connection, platform: Platform, account_id: int
) -> str | None:
    """Return the name of the account that is linked with this one; None if no name is known."""
    with mapped_errors():
        name: str | None = await conn.fetchval(
            """
            SELECT theirs.display_name
            FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs USING (member_id)
            WHERE a.platform = $1 AND a.account_id = $2 AND theirs.platform <> $1
            """,
            platform,
            account_id,
        )
    return name


async def remember_name(
    conn: asyncpg.Connection, platform: Platform, account_id: int, display_name: str
) -> None:
    """Remember the name that an account has now, even before its first event.

    Members choose their names: characters that Postgres cannot hold are dropped, and a name is cut
    off after DISPLAY_NAME_CHARS_MAX characters.
    """
    name = display_name.replace("\x00", "").encode("utf-8", "ignore").decode()
    name = name[:DISPLAY_NAME_CHARS_MAX]
    with mapped_errors():
        known = await conn.fetchrow(
            "SELECT display_name FROM twinstream.accounts WHERE platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
        if known is not None and known["display_name"] == name:
            return
        if known is None:
            await ensure(conn, platform, [account_id])
        await conn.execute(
            "UPDATE twinstream.accounts SET display_name = $3 WHERE platform = $1"
            " AND account_id = $2",
            platform,
            account_id,
            name,
        )


async def _locked(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> dict[int, int]:
    rows = await conn.fetch(
        """
        WITH known AS MATERIALIZED (
            -- First the accounts, in their order: a link locks them before it locks members, and
            -- this reads to whom they belong once no link has them.
            SELECT account_id, member_id FROM twinstream.accounts
            WHERE platform = $1 AND account_id = ANY ($2::bigint[])
            ORDER BY account_id
            FOR KEY SHARE
        )
        SELECT k.account_id, m.id FROM known AS k JOIN twinstream.members AS m ON m.id = k.member_id
        ORDER BY m.id
        FOR NO KEY UPDATE OF m
        """,
        platform,
        list(account_ids),
    )
    return {row["account_id"]: row["id"] for row in rows}


async def _create(conn: asyncpg.Connection, platform: Platform, account_ids: Sequence[int]) -> None:
    """Create members with these accounts, except for accounts that exist by now."""
    surplus = await conn.fetch(
        """
        WITH fresh AS (
            -- A member for each account; the ids are only known after the insert.
            INSERT INTO twinstream.members (xp) SELECT 0 FROM unnest($2::bigint[]) RETURNING id
        ), numbered AS (
            -- The n-th member gets the n-th account.
            SELECT id, row_number() OVER (ORDER BY id) AS number FROM fresh
        ), taken AS (
            -- Another transaction may have created the account meanwhile; its member is surplus.
            INSERT INTO twinstream.accounts (platform, account_id, member_id)
            SELECT $1, a.account_id, n.id
            FROM unnest($2::bigint[]) WITH ORDINALITY AS a (account_id, number)
            JOIN numbered AS n USING (number)
            ORDER BY a.account_id
            ON CONFLICT ON CONSTRAINT account_once DO NOTHING
            RETURNING member_id
        )
        SELECT id FROM fresh EXCEPT SELECT member_id FROM taken
        """,
        platform,
        account_ids,
    )
    if surplus:
        await conn.execute(
            "DELETE FROM twinstream.members WHERE id = ANY ($1::bigint[])",
            [member_id for (member_id,) in surplus],
        )
