"""Moving: a member who lost an account goes on with another one on the same platform."""

from collections.abc import Collection

import asyncpg

from ..platforms import Platform
from .reasons import storable
from .refusals import mapped_refusals


async def move(
    conn: asyncpg.Connection,
    *,
    platform: Platform,
    from_account_id: int,
    to_account_id: int,
    stores: Collection[Platform] = (),
    reason: str = "",
) -> int:
    """Put one account in the place of another. Returns the number of the move.

    The member keeps everything, and adds what the new account has earned so far. The old account
    starts at zero, as a member of its own that keeps the achievements it has entries for.

    Raises:
        LinkRefused: `move_is_between_two_accounts`; `account_is_linked`: the new account belongs to
            a member with two accounts.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    with mapped_refusals():
        move_id: int = await conn.fetchval(
            "SELECT twinstream.replace_account($1, $2, $3, $4,"
            " ROW ('operator', NULL, NULL, $5)::twinstream.link_actor)",
            platform,
            from_account_id,
            to_account_id,
            list(stores),
            storable(reason),
        )
    return move_id
