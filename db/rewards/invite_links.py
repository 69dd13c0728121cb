"""The invite links that the bot makes for members: one that is valid for a member and chat."""

from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class RevokedLink(NamedTuple):
    """A link that counts for nobody any more, and that the platform has to revoke."""

    chat_id: int
    link: str
    is_last: bool
    """Whether it was taken for the last time: its row goes, even if it is not dropped."""


async def keep(
    conn: asyncpg.Connection,
    platform: Platform,
    chat_id: int,
    account_id: int,
    made: str | None = None,
) -> str | None:
    """Return the member's link; None if there is none. `made` becomes it if there is none.

    A link that was made in vain is revoked.
    """
    with mapped_errors():
        link: str | None = await conn.fetchval(
            "SELECT twinstream.keep_invite_link($1, $2, $3, $4)",
            platform,
            chat_id,
            account_id,
            made,
        )
    return link


async def take_revoked(
    conn: asyncpg.Connection, platform: Platform, *, at_most: int
) -> list[RevokedLink]:
    """Take links that the platform is to revoke now; each again later until it is dropped."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.take_revoked_links($1, $2)", platform, at_most
        )
    return [RevokedLink(*row) for row in rows]


async def drop(conn: asyncpg.Connection, platform: Platform, link: str) -> None:
    """Drop a link that the platform has revoked."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.drop_revoked_link($1, $2)", platform, link)
