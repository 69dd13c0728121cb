"""Overdrafts: the accounts that a batch of events would overdraw, for the error that says so."""

from collections.abc import Sequence

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from .envelopes import Envelope


async def overdrawn(
    conn: asyncpg.Connection, source: Platform, envelopes: Sequence[Envelope]
) -> tuple[int, ...]:
    """Return the accounts from which these events together would take more than there is now."""
    rows = [envelope.as_row() for envelope in envelopes]
    with mapped_errors():
        found = await conn.fetch(
            """
            SELECT f.account_id
            FROM (
                -- A key counts once, however often the batch repeats it.
                SELECT DISTINCT ON (key) key, account_id, xp, balance
                FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
                    AS u (key, account_id, xp, balance)
            ) AS f
            LEFT JOIN twinstream.accounts AS a ON a.platform = $1 AND a.account_id = f.account_id
            LEFT JOIN twinstream.members AS m ON m.id = a.member_id
            -- A key that is recorded already would take nothing again.
            WHERE NOT EXISTS (
                SELECT FROM twinstream.transactions AS t WHERE t.idempotency_key = f.key
                    AND t.platform = $1
            )
            GROUP BY f.account_id, m.xp, m.balance
            HAVING least(
                coalesce(m.xp, 0) + sum(f.xp), coalesce(m.balance, 0) + sum(f.balance)
            ) < 0
            ORDER BY f.account_id
            """,
            source,
            [row.idempotency_key for row in rows],
            [row.account_id for row in rows],
            [row.delta_xp for row in rows],
            [row.delta_balance for row in rows],
        )
    return tuple(account_id for (account_id,) in found)
