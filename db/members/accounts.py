"""Members and the accounts by which the platforms know them."""

from collections.abc import Collection

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Characters of a display name that are kept. Discord allows 32 and Telegram 129.
DISPLAY_NAME_CHARS_MAX = 255


async def ensure(
    conn: asyncpg.Connection, platform: Platform, account_ids: Collection[int]
) -> None:
    """Create a member for each account that has none. Locks no member that exists."""
    await conn.execute("SELECT twinstream.create_members($1, $2)", platform, sorted(account_ids))


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
            "SELECT twinstream.name_elsewhere($1, $2)", platform, account_id
        )
    return name


async def remember_name(
    conn: asyncpg.Connection, platform: Platform, account_id: int, display_name: str
) -> None:
    """Remember the name that an account has now, even before its first event."""
    name = storable_name(display_name)
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.remember_name($1, $2, $3)", platform, account_id, name
        )


def storable_name(name: str) -> str:
    """Return the name without what Postgres cannot hold, cut to DISPLAY_NAME_CHARS_MAX. Pure."""
    text = name.replace("\x00", "").encode("utf-8", "ignore").decode()
    return text[:DISPLAY_NAME_CHARS_MAX]
