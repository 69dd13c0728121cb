"""Presence: which accounts are on their platform, as visits, bots and reconcile find out.

Boards show it: a member is listed while one of their accounts is there. One that is gone keeps its
points.
"""

from collections.abc import Collection
from typing import Literal

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

LeftOut = Literal["gone", "bot"]
"""Why boards leave an account out: its platform said that it is gone, or it is a bot's."""


async def leave_out(
    conn: asyncpg.Connection | asyncpg.Pool,
    platform: Platform,
    account_ids: Collection[int],
    why: LeftOut,
) -> None:
    """Leave these accounts out of the boards; their points stay. Unknown accounts stay unknown."""
    await _leave_out(conn, platform, account_ids, why)


async def list_again(
    conn: asyncpg.Connection | asyncpg.Pool, platform: Platform, account_ids: Collection[int]
) -> None:
    """Have boards list these accounts that are there again. A bot stays left out."""
    await _leave_out(conn, platform, account_ids, None)


async def _leave_out(
    conn: asyncpg.Connection | asyncpg.Pool,
    platform: Platform,
    account_ids: Collection[int],
    why: LeftOut | None,
) -> None:
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.leave_out($1, $2, $3)", platform, list(account_ids), why
        )
