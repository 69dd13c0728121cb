"""The history of a member's XP, balance and achievements, read from the ledger. Reads only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from .accounts import find_member

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


class History(NamedTuple):
    """A member's last changes, newest first."""

    display_name: str | None
    changes: Sequence[HistoryRow]


async def history(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, limit: int
) -> History | None:
    """Return the last `limit` changes on `platform`, with its own running totals.

    Events of the other platform that have not arrived come first and count towards the limit. None
    if the account has no event. Call it outside of a transaction.
    """
    with mapped_errors():
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            member_id = await find_member(conn, platform, account_id)
            if member_id is None:
                return None
            coming = await conn.fetch(_COMING, member_id, platform, limit)
            entered = await conn.fetch(_ENTERED, member_id, platform, limit - len(coming))
            name = await conn.fetchval(_NAME, platform, account_id)
    changes = [_change(row) for row in (*coming, *entered)]
    return History(name, changes) if changes else None


def _change(row: asyncpg.Record) -> HistoryRow:
    """Read a row. A sum may exceed a bigint, so Postgres returns it as `numeric`."""
    change = HistoryRow(*row)
    if change.xp is None or change.balance is None:
        return change
    return change._replace(xp=int(change.xp), balance=int(change.balance))


_ENTERED = """
    WITH page AS (
        -- Of each account the newest end of the index `transactions_by_account`, of these the
        -- newest: as quick for a million entries as for ten.
        SELECT t.* FROM twinstream.accounts AS a CROSS JOIN LATERAL (
            SELECT * FROM twinstream.transactions AS t
            WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = $2
            ORDER BY t.id DESC LIMIT $3
        ) AS t
        WHERE a.member_id = $1
        ORDER BY t.id DESC LIMIT $3
    )
    -- The books say what all entries add up to; from there the totals run backwards.
    SELECT p.occurred_at, p.source, p.reason, p.delta_xp, p.delta_balance, p.achievement,
        coalesce(b.xp, 0) - coalesce(sum(p.delta_xp) OVER newer, 0),
        coalesce(b.balance, 0) - coalesce(sum(p.delta_balance) OVER newer, 0),
        CASE
            WHEN p.source <> $2 OR EXISTS (
                SELECT FROM twinstream.transactions AS t
                WHERE t.idempotency_key = p.idempotency_key AND t.platform <> $2
            ) THEN 'arrived'
            WHEN e.status = 'failed' THEN 'buried'
            ELSE 'on_its_way'
        END
    FROM page AS p
    LEFT JOIN twinstream.sync_state AS b ON b.member_id = $1 AND b.platform = $2
    LEFT JOIN twinstream.sync_events AS e ON e.idempotency_key = p.idempotency_key
    WINDOW newer AS (ORDER BY p.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY p.id DESC
"""
_COMING = """
    SELECT t.occurred_at, t.source, t.reason, t.delta_xp, t.delta_balance, t.achievement,
        NULL, NULL, CASE WHEN e.status = 'failed' THEN 'buried' ELSE 'on_its_way' END
    FROM twinstream.accounts AS a
    JOIN twinstream.sync_events AS e ON e.source = a.platform AND e.account_id = a.account_id
    JOIN twinstream.transactions AS t
        ON t.idempotency_key = e.idempotency_key AND t.platform = e.source
    WHERE a.member_id = $1 AND e.source <> $2 AND e.status <> 'completed'
    ORDER BY t.id DESC LIMIT $3
"""
_NAME = "SELECT display_name FROM twinstream.accounts WHERE platform = $1 AND account_id = $2"
