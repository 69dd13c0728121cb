"""The data of a member, as they may see and take it; and whether boards list them."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Stored(NamedTuple):
    """The figures of one account of a person, and of the member whom it belongs to."""

    platform: Platform
    account_id: int
    display_name: str | None
    xp: int
    """Of the member, from all accounts; the same in each row."""
    balance: int
    achievements: int
    entries: int
    """Of this account, in the ledger."""
    first_entry_at: datetime | None
    linked_since: datetime | None
    is_hidden: bool
    is_being_forgotten: bool


async def stored_of(conn: asyncpg.Connection, platform: Platform, account_id: int) -> list[Stored]:
    """Return a row for each account of a person, the asker's first; none if nothing is stored."""
    with mapped_errors():
        rows = await conn.fetch("SELECT * FROM twinstream.stored_of($1, $2)", platform, account_id)
    return [Stored(*row) for row in rows]


async def export_of(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, entries_max: int | None
) -> str:
    """Return everything that is stored about a person, as a JSON object.

    Of the ledger, only the newest `entries_max` entries; None stands for all of them.
    """
    with mapped_errors():
        exported: str = await conn.fetchval(
            "SELECT twinstream.export_of($1, $2, $3)", platform, account_id, entries_max
        )
    return exported


async def set_hidden(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, hidden: bool
) -> None:
    """Leave a member out of every board, or list them again."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.set_hidden($1, $2, $3)", platform, account_id, hidden)
