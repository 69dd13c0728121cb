"""Boards as the tests read them."""

import asyncpg

from db import Platform
from db.members.boards import Board, First, Page, Position, read_page

#: An account that no test has, which sees boards without a place of its own.
NOBODY = 999_999_999


async def page_of(
    conn: asyncpg.Connection,
    board: Board = "xp",
    position: Position = First(),  # noqa: B008 - a constant
    *,
    platform: Platform = "telegram",
    account_id: int = NOBODY,
) -> Page:
    """A page, as an account sees it."""
    return await read_page(conn, platform, account_id, board, position)


async def scores(
    conn: asyncpg.Connection, board: Board = "xp", *, platform: Platform = "telegram"
) -> list[int]:
    """The amounts on the first page of a board."""
    page = await page_of(conn, board, platform=platform)
    return [line.key.score for line in page.lines]
