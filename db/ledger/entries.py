"""Ledger entries and the books that add them up, in one statement.

A row enters the ledger at most once per key and platform, for ever. Rows that entered, and no
others, change the platform's books, the member's achievements and what the member should see.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..platforms import Platform
from ..stores.store_debts import NOTHING, Amounts
from ..surfaces import ACHIEVEMENT_PREFIX, LIVE, RANK, RECONCILE
from ..surfaces.wishes import want


class LedgerRow(NamedTuple):
    """One event as one platform's ledger has it."""

    idempotency_key: str
    source: Platform
    type: str
    member_id: int
    account_id: int
    delta_xp: int
    delta_balance: int
    achievement: str | None
    reason: str
    entity_id: str
    occurred_at: datetime

    def differences(self, other: "LedgerRow") -> str:
        """Say in words where the contents differ; empty if both rows are of the same event.

        The member is ignored, because linking accounts moves rows to another member. The time is
        ignored, because a retry may have read the clock again. For an achievement the cause is
        ignored too, because a second cause is no second achievement.
        """
        if self == other:
            return ""  # nearly every comparison ends here, ten times as fast as field by field
        ignored = {"member_id", "occurred_at"}
        if self.achievement is not None:
            ignored |= {"reason", "entity_id"}
        return ", ".join(
            f"{field} {getattr(self, field)!r} is now {getattr(other, field)!r}"
            for field in self._fields
            if field not in ignored and getattr(self, field) != getattr(other, field)
        )


_TYPES: Final = {
    "idempotency_key": "text",
    "source": "text",
    "type": "text",
    "member_id": "bigint",
    "account_id": "bigint",
    "delta_xp": "bigint",
    "delta_balance": "bigint",
    "achievement": "text",
    "reason": "text",
    "entity_id": "text",
    "occurred_at": "timestamptz",
}
_COLUMNS: Final = ", ".join(LedgerRow._fields)
#: The parameters that carry rows, a column each. The first parameter is the platform.
_ARRAYS: Final = ", ".join(
    f"${number}::{_TYPES[column]}[]" for number, column in enumerate(LedgerRow._fields, start=2)
)


async def enter(
    conn: asyncpg.Connection, platform: Platform, rows: Sequence[LedgerRow]
) -> frozenset[str]:
    """Enter rows into one platform's ledger and books. Returns the keys that were not there yet.

    Rows of the books are locked in member order. The caller owns the transaction.
    """
    if not rows:
        return frozenset()
    entered = await conn.fetch(
        f"""
        WITH input ({_COLUMNS}) AS (
            SELECT * FROM unnest({_ARRAYS})
        ), entered AS (
            -- A key that is there already enters nothing, so all that follows happens once.
            INSERT INTO transactions (platform, {_COLUMNS})
            SELECT $1, {_COLUMNS} FROM input ORDER BY member_id, idempotency_key
            ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING
            RETURNING idempotency_key, member_id, delta_xp, delta_balance, achievement, occurred_at,
                reason
        ), sums AS (
            -- One row per member: a statement may change a row of the books only once. The newest
            -- key explains the wish; an event of a member is more urgent than one of reconcile.
            SELECT member_id, sum(delta_xp)::bigint AS xp, sum(delta_balance)::bigint AS balance,
                max(idempotency_key) AS last_key,
                min(CASE WHEN reason = 'reconcile' THEN {RECONCILE} ELSE {LIVE} END)::smallint
                    AS priority
            FROM entered GROUP BY member_id
        ), books AS (
            -- Signed amounts are added, never written, so the order of events does not matter.
            INSERT INTO sync_state AS s (member_id, platform, xp, balance, rank)
            SELECT member_id, $1, xp, balance, rank_on(xp, (SELECT ladder()))
            FROM sums ORDER BY member_id
            ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
                xp = s.xp + excluded.xp,
                balance = s.balance + excluded.balance,
                rank = rank_on(s.xp + excluded.xp, (SELECT ladder())),
                version = s.version + 1,
                updated_at = now()
            RETURNING member_id, rank
        ), unlocked AS (
            -- A set: a second unlock adds nothing and may only prove that the first was earlier.
            INSERT INTO achievements AS a (member_id, platform, achievement, unlocked_at)
            SELECT member_id, $1, achievement, min(occurred_at) FROM entered
            WHERE achievement IS NOT NULL
            GROUP BY member_id, achievement ORDER BY member_id, achievement
            ON CONFLICT ON CONSTRAINT achievement_once DO UPDATE SET
                unlocked_at = least(a.unlocked_at, excluded.unlocked_at)
            RETURNING member_id, achievement
        ), wishes AS (
            -- Rank follows from the XP of the books, so every member with new books has a wish.
            SELECT s.member_id, '{RANK}' AS surface, b.rank AS number, s.last_key AS wanted_key,
                s.priority
            FROM books AS b JOIN sums AS s USING (member_id)
            UNION ALL
            SELECT s.member_id, '{ACHIEVEMENT_PREFIX}' || u.achievement, 1, s.last_key, s.priority
            FROM unlocked AS u JOIN sums AS s USING (member_id)
        ), wanted AS (
            -- In the same statement, so that recording an event takes one round trip.
            {want("wishes", platform="$1")}
        )
        SELECT idempotency_key FROM entered
        """,  # noqa: S608 - the columns are this module's own constant
        platform,
        *map(list, zip(*rows, strict=True)),
    )
    return frozenset(key for (key,) in entered)


def sums_of(rows: Iterable[LedgerRow]) -> dict[int, Amounts]:
    """Add up the amounts of rows by member; members without any are left out. Pure."""
    sums: dict[int, Amounts] = {}
    for row in rows:
        amounts = Amounts(row.delta_xp, row.delta_balance)
        if amounts != NOTHING:
            sums[row.member_id] = sums.get(row.member_id, NOTHING).plus(amounts)
    return sums


async def find(conn: asyncpg.Connection, keys: Collection[str]) -> list[LedgerRow]:
    """Return every row that has one of these keys, from the ledgers of both platforms."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM transactions WHERE idempotency_key = ANY ($1::text[])",  # noqa: S608 - the columns are this module's own constant
        list(keys),
    )
    return [LedgerRow(*row) for row in rows]


async def lock_rows(
    conn: asyncpg.Connection, platform: Platform, keys: Collection[str]
) -> dict[str, LedgerRow]:
    """Return one platform's rows by key, and lock their members against being linked.

    Members are locked in member order until the caller's transaction ends; events can still be
    recorded for them. A key without a row is left out. So is a key whose member is linked at this
    moment, because its row belongs to another member by now.
    """
    rows = await conn.fetch(
        f"""
        SELECT {", ".join(f"t.{column}" for column in LedgerRow._fields)}
        FROM transactions AS t JOIN members AS m ON m.id = t.member_id
        WHERE t.platform = $1 AND t.idempotency_key = ANY ($2::text[])
        ORDER BY m.id
        FOR KEY SHARE OF m
        """,  # noqa: S608 - the columns are this module's own constant
        platform,
        list(keys),
    )
    return {row["idempotency_key"]: LedgerRow(*row) for row in rows}
