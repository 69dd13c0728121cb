"""Rows of a platform's own table that passes saw agree with the ledger, field by field.

A row that never agreed may hold what its bot counted before twinstream was connected, or what it
counts without recording events. Such a row is not drift, and no pass corrects it by itself.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from .compared_fields import FieldKind


class Agreement(NamedTuple):
    """Whether one account's row agrees with the ledger, for each field."""

    account_id: int
    xp: bool
    balance: bool


class AgreedField(NamedTuple):
    """A field in which an account's row agreed with the ledger once."""

    account_id: int
    kind: FieldKind


async def note(
    conn: asyncpg.Connection, platform: Platform, store: str, agreed: Sequence[Agreement]
) -> None:
    """Record the fields in which these rows of `store` agree. No earlier agreement is withdrawn.

    An agreement that is recorded already is not written again, so a pass over rows in step writes
    nothing.
    """
    if not agreed:
        return
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO twinstream.store_agreements AS a (platform, account_id, store, xp, balance)
            SELECT $1, u.account_id, $2, u.xp, u.balance
            FROM unnest($3::bigint[], $4::boolean[], $5::boolean[]) AS u (account_id, xp, balance)
            LEFT JOIN twinstream.store_agreements AS k
                ON k.platform = $1 AND k.account_id = u.account_id AND k.store = $2
                -- Given once more, so that the index is used while the table grows.
                AND k.account_id = ANY ($3::bigint[])
            WHERE k.account_id IS NULL OR (u.xp AND NOT k.xp) OR (u.balance AND NOT k.balance)
            ORDER BY u.account_id
            ON CONFLICT ON CONSTRAINT store_agreement_once DO UPDATE SET
                xp = excluded.xp OR (a.xp AND a.store = excluded.store),
                balance = excluded.balance OR (a.balance AND a.store = excluded.store),
                store = excluded.store, agreed_at = now()
            """,
            platform,
            store,
            [one.account_id for one in agreed],
            [one.xp for one in agreed],
            [one.balance for one in agreed],
        )


async def agreed(
    conn: asyncpg.Connection, platform: Platform, store: str, account_ids: Collection[int]
) -> frozenset[AgreedField]:
    """Return the fields in which these rows of `store` ever agreed with the ledger."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT account_id, xp, balance FROM twinstream.store_agreements
            WHERE platform = $1 AND store = $2 AND account_id = ANY ($3::bigint[])
            """,
            platform,
            store,
            list(account_ids),
        )
    return frozenset(
        AgreedField(row["account_id"], kind)
        for row in rows
        for kind in (FieldKind.XP, FieldKind.BALANCE)
        if row[kind.value]
    )


async def forget(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget a row that was deleted: a row that comes back may hold anything."""
    with mapped_errors():
        await conn.execute(
            "DELETE FROM twinstream.store_agreements WHERE platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
