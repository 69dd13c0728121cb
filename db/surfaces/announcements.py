"""Announcements: promotions and achievements that were shown, each to be announced once."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Announcement(NamedTuple):
    """A member's new rank or achievement on one platform."""

    member_id: int
    account_id: int
    display_name: str | None
    surface: str
    number: int


async def take(conn: asyncpg.Connection, platform: Platform, *, limit: int) -> list[Announcement]:
    """Take up to `limit` announcements, the oldest first. No later call returns them again.

    A crash before they are sent therefore loses them, and no announcement is sent twice. A bot that
    knows that one was not sent gives it back with `give_back`.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.take_announcements($1, $2)", platform, limit
        )
    return [Announcement(*row) for row in rows]


async def give_back(
    conn: asyncpg.Connection, platform: Platform, announcements: Sequence[Announcement]
) -> None:
    """Let `take` return announcements again, because they were not sent."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.give_announcements_back($1, $2, $3)",
            platform,
            [one.member_id for one in announcements],
            [one.surface for one in announcements],
        )


async def drop_old(conn: asyncpg.Connection, platform: Platform, *, older_than_s: float) -> int:
    """Drop announcements that come too late to be news. Returns how many."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT twinstream.drop_old_announcements($1, $2)", platform, older_than_s
        )
    return count
