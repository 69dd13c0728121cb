"""Moving: a member who lost an account goes on with another one on the same platform."""

from collections.abc import Collection

import asyncpg

from .. import stop_signs
from ..errors import mapped_errors
from ..members import accounts
from ..platforms import Platform
from ..stores.store_debts import NOTHING
from . import link_entries, links, member_rows, store_rows
from .links import LinkRefused
from .member_rows import Account


async def move(
    conn: asyncpg.Connection,
    *,
    platform: Platform,
    from_account_id: int,
    to_account_id: int,
    stores: Collection[Platform] = (),
) -> int:
    """Put one account in the place of another. Returns the number of the move.

    The member keeps everything, and adds what the new account has earned so far. The old account
    starts at zero, as a member of its own that keeps the achievements it has entries for.

    Raises:
        LinkRefused: `move_is_between_two_accounts`; `account_is_linked`: the new account belongs to
            a member with two accounts.
        Paused, BooksDiffer, Contention, StorageUnavailable: nothing was changed.
    """
    old, new = Account(platform, from_account_id), Account(platform, to_account_id)
    if old == new:
        raise LinkRefused("move_is_between_two_accounts", "both accounts are the same")
    with mapped_errors():
        await stop_signs.obey(conn)
        await accounts.ensure(conn, platform, [from_account_id, to_account_id])
        mine = await accounts.accounts_of(conn, platform, from_account_id)
        partner = next((Account(*one) for one in mine.items() if Account(*one) != old), None)
        wanted = [old, new] if partner is None else [old, new, partner]
        owners = await member_rows.lock(conn, wanted)
        member, other = owners[old], owners[new]
        if len(await member_rows.accounts_of(conn, other)) > 1:
            raise LinkRefused(
                "account_is_linked",
                f"the {platform} account {to_account_id} is linked; unlink it first",
            )
        move_id: int = await conn.fetchval(
            """
            INSERT INTO twinstream.moves (platform, from_account_id, to_account_id)
            VALUES ($1, $2, $3) RETURNING id
            """,
            platform,
            from_account_id,
            to_account_id,
        )
        held = await store_rows.held(conn, stores, [member, other])
        earned = (await member_rows.earned(conn, member))[platform]
        achievements = await member_rows.achievements_of(conn, member)
        # All totals stay with the member; the entries below say so in the ledger.
        left_behind = await member_rows.split(conn, member, platform, NOTHING)
        await member_rows.merge(conn, keep=member, drop=other)
        owners = {old: left_behind, new: member}
        await link_entries.carry(conn, f"m{move_id}", earned, (old, new), owners)
        missing = await member_rows.without_entry(conn, new, achievements)
        await link_entries.unlock(conn, f"m{move_id}", "move_to", new, member, missing)
        if partner is not None:
            await links.replace(conn, new, partner)
        await store_rows.owe_the_rest(conn, held, [member, left_behind])
    return move_id
