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
            """
            WITH taken AS (
                -- The account says where to announce, and by which name. Other bots skip the rows.
                SELECT f.member_id, f.surface, f.shown_at, a.account_id, a.display_name
                FROM twinstream.surfaces AS f
                JOIN twinstream.accounts AS a ON a.member_id = f.member_id
                    AND a.platform = f.platform
                WHERE f.platform = $1 AND f.announce
                ORDER BY f.shown_at LIMIT $2
                FOR NO KEY UPDATE OF f SKIP LOCKED
            ), ended AS (
                -- In the same statement, so that no other bot takes them.
                UPDATE twinstream.surfaces AS f SET announce = false
                FROM taken AS t
                WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
                RETURNING f.member_id, f.surface, f.announced
            )
            SELECT t.member_id, t.account_id, t.display_name, t.surface, o.announced
            FROM taken AS t JOIN ended AS o USING (member_id, surface)
            ORDER BY t.shown_at
            """,
            platform,
            limit,
        )
    return [Announcement(*row) for row in rows]


async def give_back(
    conn: asyncpg.Connection, platform: Platform, announcements: Sequence[Announcement]
) -> None:
    """Let `take` return announcements again, because they were not sent."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.surfaces AS f SET announce = true
            FROM unnest($2::bigint[], $3::text[]) AS t (member_id, surface)
            WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
            """,
            platform,
            [one.member_id for one in announcements],
            [one.surface for one in announcements],
        )


async def drop_old(conn: asyncpg.Connection, platform: Platform, *, older_than_s: float) -> int:
    """Drop announcements that come too late to be news. Returns how many."""
    with mapped_errors():
        count: int = await conn.fetchval(
            """
            WITH old AS (
                UPDATE twinstream.surfaces SET announce = false
                WHERE platform = $1 AND announce
                    AND shown_at < now() - make_interval(secs => $2)
                RETURNING 1
            )
            SELECT count(*) FROM old
            """,
            platform,
            older_than_s,
        )
    return count
