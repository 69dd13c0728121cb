"""Support: administrators act for members who cannot act themselves.

The bot says that the account is an administrator's. The functions of
db/migrations/..._own_links.sql limit the acts of a platform per day, and record each with the
administrator and the reason.
"""

from typing import NamedTuple

import asyncpg

from ..platforms import Platform
from .reasons import storable
from .refusals import mapped_refusals


class Administrator(NamedTuple):
    """The administrator who acts, on the platform of their bot, and the reason that they give."""

    platform: Platform
    account_id: int
    reason: str


async def link(
    conn: asyncpg.Connection,
    by: Administrator,
    account_id: int,
    other_account_id: int,
    *,
    stores: list[Platform],
) -> None:
    """Link an account with one on the other platform.

    Raises:
        LinkRefused: as `links.link`, or `support_uses_limited`.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    await _act(
        conn,
        "twinstream.support_link($1, $2, $4, $5, $6, $3)",
        by,
        account_id,
        other_account_id,
        stores,
    )


async def unlink(
    conn: asyncpg.Connection, by: Administrator, account_id: int, *, stores: list[Platform]
) -> None:
    """Unlink an account for its member. Raises as `links.unlink`, and as `link`."""
    await _act(conn, "twinstream.support_unlink($1, $2, $4, $5, $3)", by, account_id, stores)


async def undo(
    conn: asyncpg.Connection, by: Administrator, account_id: int, *, stores: list[Platform]
) -> None:
    """Undo the newest link of an account for its member. Raises as `links.undo`, and as `link`."""
    await _act(conn, "twinstream.support_undo_link($1, $2, $4, $5, $3)", by, account_id, stores)


async def move(
    conn: asyncpg.Connection,
    by: Administrator,
    lost_account_id: int,
    account_id: int,
    *,
    stores: list[Platform],
) -> None:
    """Put an account in the place of a lost one. Raises as `account_moves.move`, and as `link`."""
    await _act(
        conn,
        "twinstream.support_move_account($1, $2, $4, $5, $6, $3)",
        by,
        lost_account_id,
        account_id,
        stores,
    )


async def set_leave(
    conn: asyncpg.Connection, by: Administrator, account_id: int, *, may_link: bool
) -> None:
    """Take a member's leave to link, or give it back. Raises `support_uses_limited`."""
    await _act(conn, "twinstream.support_set_leave($1, $2, $4, $5, $3)", by, account_id, may_link)


async def _act(conn: asyncpg.Connection, call: str, by: Administrator, *arguments: object) -> None:
    with mapped_refusals():
        async with conn.transaction(isolation="read_committed"):
            await conn.execute(
                f"SELECT {call}", by.platform, by.account_id, storable(by.reason), *arguments
            )
