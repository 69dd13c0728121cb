"""Announcements as a bot takes them, for tests of what leads to them."""

import asyncpg

from config.community_file import KINDS
from db import Platform
from db.surfaces import announcements
from db.surfaces.announcements import Announcement


async def take_announcements(
    conn: asyncpg.Connection, platform: Platform, *, limit: int
) -> list[Announcement]:
    """Take what waits to be announced."""
    waiting = await announcements.waiting(conn, platform, KINDS, limit=limit)
    return await announcements.claim(conn, platform, waiting)
