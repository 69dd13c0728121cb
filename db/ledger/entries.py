"""Ledger entries: an event as one platform's ledger has it, and the calls that enter some.

A row enters the ledger at most once per key and platform, for ever. Rows that entered, and no
others, change the platform's books, the member's achievements and what the member should see: the
function `twinstream.enter` does all of it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..platforms import Platform
from ..stores.store_debts import NOTHING, Amounts


class LedgerRow(NamedTuple):
    """One event as one platform's ledger has it."""

    idempotency_key: str
    source: Platform
    type: str
    account_id: int
    delta_xp: int
    delta_balance: int
    achievement: str | None
    reason: str
    entity_id: str
    occurred_at: datetime

    def differences(self, other: "LedgerRow") -> str:
        """Say in words where the contents differ; empty if both rows are of the same event.

        The time is ignored, because a retry may have read the clock again. For an achievement the
        cause is ignored too, because a second cause is no second achievement.
        """
        if self == other:
            return ""  # nearly every comparison ends here, ten times as fast as field by field
        ignored = {"occurred_at"}
        if self.achievement is not None:
            ignored |= {"reason", "entity_id"}
        return ", ".join(
            f"{field} {getattr(self, field)!r} is now {getattr(other, field)!r}"
            for field in self._fields
            if field not in ignored and getattr(self, field) != getattr(other, field)
        )


#: The columns as they are read. Postgres refuses a prepared statement whose result has another
#: collation than before, as the contract of release 0.2 gives to keys: naming it lets bots go on.
_READ: Final = ", ".join(
    ('t.idempotency_key COLLATE "C"', *map("t.{}".format, LedgerRow._fields[1:]))
)


class Entry(NamedTuple):
    """A ledger row, and the member that its account belongs to while the account is locked."""

    row: LedgerRow
    member_id: int


def sums_of(entries: Iterable[Entry]) -> dict[int, Amounts]:
    """Add up the amounts of entries by member; members without any are left out. Pure."""
    sums: dict[int, Amounts] = {}
    for row, member_id in entries:
        amounts = Amounts(row.delta_xp, row.delta_balance)
        if amounts != NOTHING:
            sums[member_id] = sums.get(member_id, NOTHING).plus(amounts)
    return sums


async def find(conn: asyncpg.Connection, keys: Collection[str]) -> list[LedgerRow]:
    """Return every row that has one of these keys, from the ledgers of both platforms."""
    rows = await conn.fetch(
        f"""
        SELECT {_READ} FROM twinstream.transactions AS t
        WHERE t.idempotency_key = ANY ($1::text[])
        """,  # noqa: S608 - the columns are this module's own constant
        list(keys),
    )
    return [LedgerRow(*row) for row in rows]


async def had_from(
    conn: asyncpg.Connection, accounts: Sequence[tuple[Platform, int]], reason: str, entity_id: str
) -> bool:
    """Tell whether one of these accounts ever had an entry for this reason and object."""
    had: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM unnest($1::text[], $2::bigint[]) AS u (platform, account_id)
            JOIN twinstream.transactions AS t
                ON t.source = u.platform AND t.account_id = u.account_id
            WHERE t.reason = $3 AND t.entity_id = $4
        )
        """,
        [platform for platform, _ in accounts],
        [account_id for _, account_id in accounts],
        reason,
        entity_id,
    )
    return had


async def lock_rows(
    conn: asyncpg.Connection, platform: Platform, keys: Collection[str]
) -> dict[str, Entry]:
    """Return one platform's rows by key, and lock their accounts.

    No account is linked or unlinked until the caller's transaction ends; events can still be
    recorded for them. Accounts are locked in their order. A key without a row is left out.
    """
    return await _rows(conn, platform, keys, "ORDER BY a.platform, a.account_id FOR KEY SHARE OF a")


async def read_rows(
    conn: asyncpg.Connection, platform: Platform, keys: Collection[str]
) -> dict[str, Entry]:
    """Return what `lock_rows` does, and lock nothing."""
    return await _rows(conn, platform, keys, "")


async def _rows(
    conn: asyncpg.Connection, platform: Platform, keys: Collection[str], lock: str
) -> dict[str, Entry]:
    rows = await conn.fetch(
        f"""
        SELECT a.member_id, {_READ}
        FROM twinstream.transactions AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        WHERE t.platform = $1 AND t.idempotency_key = ANY ($2::text[])
        {lock}
        """,  # noqa: S608 - columns and lock are this module's own constants
        platform,
        list(keys),
    )
    return {row["idempotency_key"]: Entry(LedgerRow(*row[1:]), row[0]) for row in rows}
