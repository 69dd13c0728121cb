"""The history of a member's XP, balance and achievements, read from the ledger. Reads only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

State = Literal["arrived", "on_its_way", "buried"]


class HistoryRow(NamedTuple):
    """One entry of one platform's ledger, with the books after it."""

    occurred_at: datetime
    source: Platform
    reason: str
    delta_xp: int
    delta_balance: int
    achievement: str | None
    xp: int | None
    """XP in the platform's books after this entry; None while it has not arrived there."""
    balance: int | None
    """Balance, in the same way."""
    state: State
    """Whether the opposite platform has the event as well."""
    entity_id: str
    """The object of the event: changes with one reason and object came from one act."""


class History(NamedTuple):
    """A member's last changes, newest first."""

    display_name: str | None
    changes: Sequence[HistoryRow]


async def history(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, limit: int
) -> History | None:
    """Return the last `limit` changes on `platform`, with its own running totals.

    Events of the other platform that have not arrived come first and count towards the limit. None
    if the account has no event.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.history($1, $2, $3)", platform, account_id, limit
        )
    if not rows:
        return None
    return History(rows[0]["display_name"], [_change(tuple(row)[1:]) for row in rows])


def _change(row: Sequence[Any]) -> HistoryRow:
    """Read a row. A sum may exceed a bigint, so Postgres returns it as `numeric`."""
    change = HistoryRow(*row)
    if change.xp is None or change.balance is None:
        return change
    return change._replace(xp=int(change.xp), balance=int(change.balance))
