"""Which rows of a platform's own table were seen to agree with the ledger, field by field.

A row that never agreed may hold what its bot counted before twinstream was connected, or what it
counts without telling. Such a row is not drift, and no pass corrects it by itself.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

Field = Literal["xp", "balance"]


class Agreement(NamedTuple):
    """In which fields one account's row agrees with the ledger."""

    account_id: int
    xp: bool
    balance: bool


async def note(
    conn: asyncpg.Connection, platform: Platform, store: str, agreed: Sequence[Agreement]
) -> None:
    """Note in which fields these rows of `store` were seen to agree. Nothing is taken back by it.

    What is noted already is not written again, so a pass over rows that are in step writes nothing.
    """
    if not agreed:
        return
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO store_agreements AS a (platform, account_id, store, xp, balance)
            SELECT $1, u.account_id, $2, u.xp, u.balance
            FROM unnest($3::bigint[], $4::boolean[], $5::boolean[]) AS u (account_id, xp, balance)
            LEFT JOIN store_agreements AS k
                ON k.platform = $1 AND k.account_id = u.account_id AND k.store = $2
            WHERE k.account_id IS NULL OR (u.xp AND NOT k.xp) OR (u.balance AND NOT k.balance)
            ORDER BY u.account_id
            ON CONFLICT ON CONSTRAINT store_agreement_once DO UPDATE SET
                xp = excluded.xp OR (a.xp AND a.store = excluded.store),
                balance = excluded.balance OR (a.balance AND a.store = excluded.store),
                store = excluded.store, agreed_at = now()
            """,
            platform,
            store,
            *map(list, zip(*agreed, strict=True)),
        )


async def agreed(
    conn: asyncpg.Connection, platform: Platform, store: str, account_ids: Collection[int]
) -> frozenset[tuple[int, Field]]:
    """Return in which fields which of these rows of `store` were ever seen to agree."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT account_id, xp, balance FROM store_agreements
            WHERE platform = $1 AND store = $2 AND account_id = ANY ($3::bigint[])
            """,
            platform,
            store,
            list(account_ids),
        )
    fields: tuple[Field, Field] = ("xp", "balance")
    return frozenset(
        (account_id, field)
        for account_id, *known in rows
        for field, is_known in zip(fields, known, strict=True)
        if is_known
    )


async def forget(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget a row that is not there any more: one that comes back may hold anything."""
    with mapped_errors():
        await conn.execute(
            "DELETE FROM store_agreements WHERE platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
