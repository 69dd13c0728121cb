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


_TYPES: Final = {
    "idempotency_key": "text",
    "source": "text",
    "type": "text",
    "account_id": "bigint",
    "delta_xp": "bigint",
    "delta_balance": "bigint",
    "achievement": "text",
    "reason": "text",
    "entity_id": "text",
    "occurred_at": "timestamptz",
}
_COLUMNS: Final = ", ".join(LedgerRow._fields)
#: The parameters that carry rows, a column each. The platform and the members come before them.
_ARRAYS: Final = ", ".join(
    f"${number}::{_TYPES[column]}[]" for number, column in enumerate(LedgerRow._fields, start=3)
)


class Entry(NamedTuple):
    """A ledger row, and the member that its account belongs to while the account is locked."""

    row: LedgerRow
    member_id: int


async def enter(
    conn: asyncpg.Connection, platform: Platform, new: Sequence[Entry]
) -> frozenset[str]:
    """Enter rows into one platform's ledger and books. Returns the keys that were not there yet.

    The caller owns the transaction and has locked the accounts (`accounts.resolve`, `lock_rows`).
    Rows of the books are locked in member order.
    """
    if not new:
        return frozenset()
    rows = [entry.row for entry in new]
    entered = await conn.fetch(
        f"""
        WITH input (member_id, {_COLUMNS}) AS (
            SELECT * FROM unnest($2::bigint[], {_ARRAYS})
        ), entered AS (
            -- A key that is there already enters nothing, so all that follows happens once.
            INSERT INTO twinstream.transactions (platform, {_COLUMNS})
            SELECT $1, {_COLUMNS} FROM input ORDER BY member_id, idempotency_key
            ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING
            RETURNING idempotency_key, source, account_id, delta_xp, delta_balance, achievement,
                occurred_at, reason
        ), owned AS (
            -- The ledger does not say whose an account is; the caller has locked the accounts.
            SELECT e.*, i.member_id FROM entered AS e JOIN input AS i USING (idempotency_key)
        ), sums AS (
            -- One row per member: a statement may change a row of the books only once. The newest
            -- key explains the wish; an event of a member is more urgent than one of reconcile.
            SELECT member_id, sum(delta_xp)::bigint AS xp, sum(delta_balance)::bigint AS balance,
                coalesce(sum(delta_xp) FILTER (WHERE source = 'discord'), 0)::bigint AS discord_xp,
                coalesce(sum(delta_balance) FILTER (WHERE source = 'discord'), 0)::bigint
                    AS discord_balance,
                max(idempotency_key) AS last_key,
                min(CASE WHEN reason = 'reconcile' THEN {RECONCILE} ELSE {LIVE} END)::smallint
                    AS priority
            FROM owned GROUP BY member_id
        ), books AS (
            -- Signed amounts are added, never written, so the order of events does not matter.
            INSERT INTO twinstream.sync_state AS s
                (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
            SELECT member_id, $1, xp, balance, discord_xp, discord_balance,
                twinstream.rank_on(xp, (SELECT twinstream.ladder()))
            FROM sums ORDER BY member_id
            ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
                xp = s.xp + excluded.xp,
                balance = s.balance + excluded.balance,
                discord_xp = s.discord_xp + excluded.discord_xp,
                discord_balance = s.discord_balance + excluded.discord_balance,
                rank = twinstream.rank_on(s.xp + excluded.xp, (SELECT twinstream.ladder())),
                version = s.version + 1,
                updated_at = now()
            RETURNING member_id, rank
        ), unlocked AS (
            -- A set: a second unlock adds nothing and may only prove that the first was earlier.
            INSERT INTO twinstream.achievements AS a (member_id, platform, achievement, unlocked_at)
            SELECT member_id, $1, achievement, min(occurred_at) FROM owned
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
        [entry.member_id for entry in new],
        *map(list, zip(*rows, strict=True)),
    )
    return frozenset(key for (key,) in entered)


async def add_to_totals(conn: asyncpg.Connection, entered: Sequence[Entry]) -> None:
    """Add what entered the ledger to the members' totals. The members are locked already."""
    await conn.execute(
        """
        UPDATE twinstream.members AS m SET xp = m.xp + d.xp, balance = m.balance + d.balance
        FROM (
            SELECT member_id, sum(xp)::bigint AS xp, sum(balance)::bigint AS balance
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (member_id, xp, balance)
            GROUP BY member_id
        ) AS d
        WHERE m.id = d.member_id
        """,
        [entry.member_id for entry in entered],
        [entry.row.delta_xp for entry in entered],
        [entry.row.delta_balance for entry in entered],
    )


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
        f"SELECT {_COLUMNS} FROM twinstream.transactions WHERE idempotency_key = ANY ($1::text[])",  # noqa: S608 - the columns are this module's own constant
        list(keys),
    )
    return [LedgerRow(*row) for row in rows]


async def lock_rows(
    conn: asyncpg.Connection, platform: Platform, keys: Collection[str]
) -> dict[str, Entry]:
    """Return one platform's rows by key, and lock their accounts.

    No account is linked or unlinked until the caller's transaction ends; events can still be
    recorded for them. Accounts are locked in their order. A key without a row is left out.
    """
    rows = await conn.fetch(
        f"""
        SELECT a.member_id, {", ".join(f"t.{column}" for column in LedgerRow._fields)}
        FROM twinstream.transactions AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        WHERE t.platform = $1 AND t.idempotency_key = ANY ($2::text[])
        ORDER BY a.platform, a.account_id
        FOR KEY SHARE OF a
        """,  # noqa: S608 - the columns are this module's own constant
        platform,
        list(keys),
    )
    return {row["idempotency_key"]: Entry(LedgerRow(*row[1:]), row[0]) for row in rows}
