"""Announcements: news of members that was shown, each to be announced once on each platform.

A bot looks at what waits, decides where it goes, and claims what it is about to send. A crash
between the claim and the sending loses that message, and no announcement is sent twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Announcement(NamedTuple):
    """News of a member on one platform: a rank, an achievement, a level."""

    member_id: int
    account_id: int
    display_name: str | None
    surface: str
    number: int
    xp: int
    """The member's XP now."""
    shown_at: datetime

    @property
    def kind(self) -> str:
        """The kind of news, which is the surface up to a colon."""
        return self.surface.partition(":")[0]


async def waiting(
    conn: asyncpg.Connection,
    platform: Platform,
    kinds: Sequence[str],
    *,
    limit: int,
    newest_first: bool = False,
) -> list[Announcement]:
    """Return up to `limit` announcements of each of these kinds, in the order of their time.

    They are the oldest of each kind, or the newest if `newest_first`. A rank or an
    achievement that a member has lost since is left out.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.waiting_announcements($1, $2, $3, $4)",
            platform,
            list(kinds),
            limit,
            newest_first,
        )
    return [Announcement(*row) for row in rows]


async def claim(
    conn: asyncpg.Connection, platform: Platform, announcements: Sequence[Announcement]
) -> list[Announcement]:
    """Take announcements, and return those that this caller has to send, in the same order.

    Another process may have taken some of them, and a member may have lost something meanwhile.
    `give_back` undoes it.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.claim_announcements($1, $2, $3, $4)",
            platform,
            [one.member_id for one in announcements],
            [one.surface for one in announcements],
            [one.number for one in announcements],
        )
    claimed = {(row["member_id"], row["surface"]) for row in rows}
    return [one for one in announcements if (one.member_id, one.surface) in claimed]


async def give_back(
    conn: asyncpg.Connection, platform: Platform, announcements: Sequence[Announcement]
) -> None:
    """Have announcements wait again that were claimed and not sent."""
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


async def note_place(
    conn: asyncpg.Connection,
    platform: Platform,
    place: str,
    *,
    cause: str | None,
    error: str = "",
) -> None:
    """Note why a place takes no announcements; without a cause, that it does so again."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.note_place($1, $2, $3, $4)", platform, place, cause, error
        )


async def keep_places(conn: asyncpg.Connection, platform: Platform, places: Sequence[str]) -> None:
    """Forget parked places other than these, which the settings do not name any more."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.keep_places($1, $2)", platform, list(places))
