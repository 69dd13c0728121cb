"""Both sides of a comparison, read in one view: a platform's own books, and our record.

Call these functions in a transaction of one consistent view (REPEATABLE READ). An event enters the
ledger and the books in one transaction, so in such a view an event in flight is no difference.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class BooksView(NamedTuple):
    """One member's books on one platform, beside what the ledger adds up to."""

    member_id: int
    account_id: int | None
    is_there: bool
    """Whether there is a row in `sync_state`."""
    seen_xp: int
    seen_balance: int
    seen_discord_xp: int
    """The part of the books that the Discord account earned."""
    seen_discord_balance: int
    seen_rank: int
    expected_xp: int
    expected_balance: int
    expected_discord_xp: int
    expected_discord_balance: int
    expected_rank: int
    """The rank that `seen_xp` asks for."""
    wanted_rank: int | None
    """The rank that the platform should show; None where the member has no account."""
    missing: Sequence[str]
    """Achievements that the ledger has and the books have not."""
    additional: Sequence[str]
    """Achievements that the books have and the ledger has not."""
    seen_total_xp: int
    seen_total_balance: int
    expected_total_xp: int
    expected_total_balance: int
    unentered: Sequence[str]
    """Keys of events that count as completed, and have no ledger row of this platform."""


class StoreRowView(NamedTuple):
    """The amounts that our record expects in one account's row of a platform's own table."""

    account_id: int
    member_id: int | None
    """None: no event ever concerned this account."""
    xp: int
    balance: int


class InFlight(NamedTuple):
    """Events that one platform has recorded, and the other has not settled."""

    events: int
    xp: int
    balance: int
    buried: int
    """Events that will not arrive unless an operator replays them."""


async def moment(conn: asyncpg.Connection) -> datetime:
    """Return the time at which the transaction began, by the clock of Postgres."""
    with mapped_errors():
        now: datetime = await conn.fetchval("SELECT now()")
    return now


async def books(
    conn: asyncpg.Connection, platform: Platform, member_ids: Sequence[int]
) -> list[BooksView]:
    """Read the books of these members on `platform`, in member order."""
    with mapped_errors():
        rows = await conn.fetch(_BOOKS, platform, list(member_ids))
    return [BooksView(**_whole_numbers(row)) for row in rows]


def _whole_numbers(row: asyncpg.Record) -> dict[str, Any]:
    """Read a row with sums. Postgres returns them as `numeric`: no bigint may hold them."""
    return {
        column: int(value) if isinstance(value, Decimal) else value for column, value in row.items()
    }


# The ids are given for every table: Postgres does not conclude them from a join, and would read the
# whole table.
_BOOKS = """
-- The accounts whose ledger rows count for these members.
WITH owned AS MATERIALIZED (
    SELECT platform AS source, account_id, member_id FROM twinstream.accounts
    WHERE member_id = ANY ($2::bigint[])
),
-- Each account's ledger rows are read once, by the index; all sums below are made from them.
entered AS MATERIALIZED (
    SELECT o.member_id, t.platform, t.source, t.idempotency_key, t.delta_xp, t.delta_balance,
        t.achievement
    FROM twinstream.transactions AS t
    JOIN owned AS o ON o.source = t.source AND o.account_id = t.account_id
    WHERE t.account_id = ANY (ARRAY (SELECT account_id FROM owned))
),
-- The ledger is the truth about amounts: what the books and, by the rows at their origin, the
-- totals should say.
sums AS (
    SELECT member_id,
        sum(delta_xp) FILTER (WHERE platform = $1) AS xp,
        sum(delta_balance) FILTER (WHERE platform = $1) AS balance,
        sum(delta_xp) FILTER (WHERE platform = $1 AND source = 'discord') AS discord_xp,
        sum(delta_balance) FILTER (WHERE platform = $1 AND source = 'discord') AS discord_balance,
        sum(delta_xp) FILTER (WHERE platform = source) AS total_xp,
        sum(delta_balance) FILTER (WHERE platform = source) AS total_balance
    FROM entered GROUP BY member_id
),
-- Two entries may bring the same achievement, and the books have it once; so DISTINCT before the
-- comparison.
unlocked AS (
    SELECT DISTINCT member_id, achievement FROM entered
    WHERE platform = $1 AND achievement IS NOT NULL
),
-- Only this platform's achievements of these members, so that the FULL JOIN below sees no others.
held AS (
    SELECT member_id, achievement FROM twinstream.achievements
    WHERE platform = $1 AND member_id = ANY ($2::bigint[])
),
-- The pass reports achievements by name, so both sets are compared and not counted. Members whose
-- sets are equal have no row.
sets AS (
    SELECT member_id,
        array_agg(achievement ORDER BY achievement) FILTER (WHERE h.is_held IS NULL) AS missing,
        array_agg(achievement ORDER BY achievement) FILTER (WHERE u.is_known IS NULL) AS additional
    FROM (SELECT *, true AS is_known FROM unlocked) AS u
    FULL JOIN (SELECT *, true AS is_held FROM held) AS h USING (member_id, achievement)
    WHERE h.is_held IS NULL OR u.is_known IS NULL
    GROUP BY member_id
),
-- Sums cannot tell a lost event from a change by hand: these keys have a row at their origin, the
-- other platform, and none here.
alone AS (
    SELECT member_id, idempotency_key FROM entered
    GROUP BY member_id, idempotency_key
    HAVING count(*) = 1 AND min(platform) = min(source) AND min(source) <> $1
),
-- An event in flight is no drift. So of these keys only those are kept whose event is completed, or
-- was cleaned up since: no consumer will bring it any more.
unentered AS (
    SELECT a.member_id, array_agg(a.idempotency_key ORDER BY a.idempotency_key) AS keys
    FROM alone AS a LEFT JOIN twinstream.sync_events AS e USING (idempotency_key)
    WHERE e.status IS NULL OR e.status = 'completed'
    GROUP BY a.member_id
)
SELECT m.id AS member_id, c.account_id, s.member_id IS NOT NULL AS is_there,
    coalesce(s.xp, 0) AS seen_xp, coalesce(s.balance, 0) AS seen_balance,
    coalesce(s.discord_xp, 0) AS seen_discord_xp,
    coalesce(s.discord_balance, 0) AS seen_discord_balance,
    coalesce(s.rank, 0) AS seen_rank,
    coalesce(l.xp, 0) AS expected_xp, coalesce(l.balance, 0) AS expected_balance,
    coalesce(l.discord_xp, 0) AS expected_discord_xp,
    coalesce(l.discord_balance, 0) AS expected_discord_balance,
    twinstream.rank_on(coalesce(s.xp, 0), (SELECT twinstream.ladder())) AS expected_rank,
    CASE WHEN c.account_id IS NOT NULL THEN f.wanted END AS wanted_rank,
    coalesce(t.missing, '{}') AS missing, coalesce(t.additional, '{}') AS additional,
    m.xp AS seen_total_xp, m.balance AS seen_total_balance,
    coalesce(l.total_xp, 0) AS expected_total_xp,
    coalesce(l.total_balance, 0) AS expected_total_balance,
    coalesce(u.keys, '{}') AS unentered
FROM twinstream.members AS m
LEFT JOIN twinstream.accounts AS c
    ON c.member_id = m.id AND c.platform = $1 AND c.member_id = ANY ($2::bigint[])
        -- A forgotten account is on no platform, so nothing is shown of it.
        AND c.account_id > 0
LEFT JOIN twinstream.sync_state AS s
    ON s.member_id = m.id AND s.platform = $1 AND s.member_id = ANY ($2::bigint[])
LEFT JOIN twinstream.surfaces AS f
    ON f.member_id = m.id AND f.platform = $1 AND f.surface = 'rank'
        AND f.member_id = ANY ($2::bigint[])
LEFT JOIN sums AS l ON l.member_id = m.id
LEFT JOIN sets AS t ON t.member_id = m.id
LEFT JOIN unentered AS u ON u.member_id = m.id
WHERE m.id = ANY ($2::bigint[])
ORDER BY m.id
"""


async def store_rows(
    conn: asyncpg.Connection, platform: Platform, account_ids: Sequence[int]
) -> list[StoreRowView]:
    """Return the amounts expected in these accounts' rows: the ledger less the debts, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            -- Each table is read once, by its index: the ids are given for every one, because a
            -- plan for a small table would read a grown one as a whole, for each account.
            WITH asked AS MATERIALIZED (
                SELECT u.account_id, a.member_id
                FROM unnest($2::bigint[]) AS u (account_id)
                LEFT JOIN twinstream.accounts AS a
                    ON a.platform = $1 AND a.account_id = u.account_id
                    AND a.account_id = ANY ($2::bigint[])
            ),
            -- The accounts whose ledger rows count for these members.
            owned AS MATERIALIZED (
                SELECT platform AS source, account_id, member_id FROM twinstream.accounts
                WHERE member_id = ANY (ARRAY (SELECT member_id FROM asked))
            ),
            sums AS (
                SELECT o.member_id, sum(t.delta_xp) AS xp, sum(t.delta_balance) AS balance
                FROM twinstream.transactions AS t
                JOIN owned AS o ON o.source = t.source AND o.account_id = t.account_id
                WHERE t.platform = $1
                    AND t.account_id = ANY (ARRAY (SELECT account_id FROM owned))
                GROUP BY o.member_id
            ),
            owed AS (
                SELECT member_id, xp, balance FROM twinstream.store_debts
                WHERE platform = $1 AND member_id = ANY (ARRAY (SELECT member_id FROM asked))
            )
            SELECT a.account_id, a.member_id,
                coalesce(l.xp, 0) - coalesce(d.xp, 0)::numeric AS xp,
                coalesce(l.balance, 0) - coalesce(d.balance, 0)::numeric AS balance
            FROM asked AS a
            LEFT JOIN sums AS l USING (member_id) LEFT JOIN owed AS d USING (member_id)
            ORDER BY a.account_id
            """,
            platform,
            list(account_ids),
        )
    return [StoreRowView(**_whole_numbers(row)) for row in rows]


async def in_flight(
    conn: asyncpg.Connection, platform: Platform, member_ids: Sequence[int]
) -> dict[int, InFlight]:
    """Return by member the events on their way to `platform`; members without any are left out."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.member_id, count(*) FILTER (WHERE e.status <> 'failed') AS events,
                coalesce(sum(t.delta_xp) FILTER (WHERE e.status <> 'failed'), 0) AS xp,
                coalesce(sum(t.delta_balance) FILTER (WHERE e.status <> 'failed'), 0) AS balance,
                count(*) FILTER (WHERE e.status = 'failed') AS buried
            FROM twinstream.accounts AS a
            JOIN twinstream.sync_events AS e
                ON e.source = a.platform AND e.account_id = a.account_id
            JOIN twinstream.transactions AS t
                ON t.idempotency_key = e.idempotency_key AND t.platform = e.source
            WHERE a.member_id = ANY ($2::bigint[]) AND e.source <> $1 AND e.status <> 'completed'
            GROUP BY a.member_id
            """,
            platform,
            list(member_ids),
        )
    return {
        row["member_id"]: InFlight(**{column: int(row[column]) for column in InFlight._fields})
        for row in rows
    }


async def about_members(conn: asyncpg.Connection) -> int:
    """Return roughly how many members exist: the highest id, without counting them."""
    with mapped_errors():
        highest: int | None = await conn.fetchval("SELECT max(id) FROM twinstream.members")
    return highest or 0


async def members_after(conn: asyncpg.Connection, after: int, limit: int) -> list[int]:
    """Return the next members above `after`, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT id FROM twinstream.members WHERE id > $1 ORDER BY id LIMIT $2", after, limit
        )
    return [member_id for (member_id,) in rows]


async def accounts_after(
    conn: asyncpg.Connection, platform: Platform, after: int, limit: int
) -> list[int]:
    """Return the next accounts of `platform` above `after`, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT account_id FROM twinstream.accounts WHERE platform = $1 AND account_id > $2
            ORDER BY account_id LIMIT $3
            """,
            platform,
            after,
            limit,
        )
    return [account_id for (account_id,) in rows]


async def accounts_of(
    conn: asyncpg.Connection, platform: Platform, member_ids: Sequence[int]
) -> list[int]:
    """Return the accounts that these members have on `platform`, in account order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT account_id FROM twinstream.accounts
            WHERE platform = $1 AND member_id = ANY ($2::bigint[]) AND account_id > 0
            ORDER BY account_id
            """,
            platform,
            list(member_ids),
        )
    return [account_id for (account_id,) in rows]
