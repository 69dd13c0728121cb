"""Events to record, and reads of the record afterwards, for the tests of db/."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

import schemas
from db import Contention, Platform, Recorded
from db.ledger import events
from db.ledger.envelopes import Envelope
from schemas import Source
from tests.support.patience import PATIENCE_S

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOOK_AGAIN_S = 0.01
ATTEMPTS_MAX = 50


def envelope_of(event: schemas.Event) -> Envelope:
    return Envelope(event, schemas.encode(event))


def xp(
    delta_xp: int,
    entity_id: str = "1",
    *,
    user_id: int = 1001,
    source: Source = "telegram",
    reason: str = "game_guess",
    key: str | None = None,
) -> Envelope:
    return envelope_of(
        schemas.xp_changed(
            user_id=user_id,
            delta_xp=delta_xp,
            source=source,
            reason=reason,
            entity_id=entity_id,
            occurred_at=NOON,
            idempotency_key=key,
        )
    )


def balance(
    delta_balance: int,
    entity_id: str = "1",
    *,
    user_id: int = 1001,
    source: Source = "telegram",
    key: str | None = None,
) -> Envelope:
    return envelope_of(
        schemas.balance_changed(
            user_id=user_id,
            delta_balance=delta_balance,
            source=source,
            reason="shop",
            entity_id=entity_id,
            occurred_at=NOON,
            idempotency_key=key,
        )
    )


def achievement(
    name: str, *, user_id: int = 1001, source: Source = "telegram", **more: Any
) -> Envelope:
    return envelope_of(
        schemas.achievement_unlocked(
            user_id=user_id, achievement=name, source=source, occurred_at=NOON, **more
        )
    )


def key_of(envelope: Envelope) -> str:
    return envelope.event.idempotency_key


async def record(
    pool: asyncpg.Pool,
    *envelopes: Envelope,
    source: Platform = "telegram",
    forget_secret: str | None = None,
) -> list[Recorded]:
    async with pool.acquire() as conn, conn.transaction():
        return await events.record(conn, source, envelopes, forget_secret=forget_secret)


async def settle(
    pool: asyncpg.Pool,
    *envelopes: Envelope,
    source: Source = "telegram",
    forget_secret: str | None = None,
) -> frozenset[str]:
    async with pool.acquire() as conn, conn.transaction():
        return await events.settle(
            *(conn, schemas.opposite(source), source, envelopes), forget_secret=forget_secret
        )


async def persistently(work: Callable[[], Awaitable[Any]]) -> Any:
    """Do what every caller does with Contention: try again."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return await work()
        except Contention:
            continue
    raise AssertionError(f"still in the way after {ATTEMPTS_MAX} attempts")


async def until(holds: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Return once `holds`; fail if it does not in time."""
    end = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain: {what}"
        await asyncio.sleep(LOOK_AGAIN_S)


async def until_someone_waits_for_a_lock(pool: asyncpg.Pool, *, waiting: int = 1) -> None:
    """Return once so many sessions of this database wait for a lock."""

    async def blocked() -> bool:
        count: int = await pool.fetchval(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        )
        return count >= waiting

    await until(blocked, what="a session blocked by a lock")


class Record:
    """Reads the record by SQL of its own, past the code under test."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def member(self, user_id: int = 1001, platform: str = "telegram") -> int | None:
        number: int | None = await self._pool.fetchval(
            "SELECT member_id FROM accounts WHERE platform = $1 AND account_id = $2",
            platform,
            user_id,
        )
        return number

    async def totals(self, user_id: int = 1001, platform: str = "telegram") -> tuple[int, int]:
        row = await self._pool.fetchrow(
            """
            SELECT m.xp, m.balance FROM members AS m JOIN accounts AS a ON a.member_id = m.id
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            platform,
            user_id,
        )
        assert row is not None, "no such account"
        return tuple(row)

    async def books(
        self, platform: str, user_id: int = 1001, on: str = "telegram"
    ) -> tuple[int, int] | None:
        """XP and balance in the books of `platform` of the member with that account `on` one."""
        row = await self._pool.fetchrow(
            """
            SELECT s.xp, s.balance FROM sync_state AS s JOIN accounts AS a USING (member_id)
            WHERE s.platform = $1 AND a.platform = $2 AND a.account_id = $3
            """,
            platform,
            on,
            user_id,
        )
        return None if row is None else tuple(row)

    async def ledger(self, key: str) -> list[str]:
        """The platforms whose ledger has this key."""
        rows = await self._pool.fetch(
            "SELECT platform FROM transactions WHERE idempotency_key = $1 ORDER BY platform", key
        )
        return [row["platform"] for row in rows]

    async def event(self, key: str) -> asyncpg.Record:
        row = await self._pool.fetchrow("SELECT * FROM sync_events WHERE idempotency_key = $1", key)
        assert row is not None, f"no event {key}"
        return row

    async def status(self, key: str) -> str:
        return str((await self.event(key))["status"])

    async def surface(self, platform: str, surface: str = "rank") -> asyncpg.Record | None:
        return await self._pool.fetchrow(
            "SELECT * FROM surfaces WHERE platform = $1 AND surface = $2", platform, surface
        )

    async def count(self, table: str) -> int:
        number: int = await self._pool.fetchval(f"SELECT count(*) FROM {table}")
        return number

    async def discrepancies(self) -> list[asyncpg.Record]:
        """Everything that contradicts law 7 and law 5; empty when the books add up."""
        return list(await self._pool.fetch(AUDIT))


AUDIT = """
WITH entries AS (
    -- An entry names its account; `accounts` says which member that is.
    SELECT t.*, a.member_id
    FROM transactions AS t
    LEFT JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
), ledger AS (
    -- What the books of each platform should hold, and the part that Discord accounts earned.
    SELECT member_id, platform, sum(delta_xp) AS xp, sum(delta_balance) AS balance,
        coalesce(sum(delta_xp) FILTER (WHERE source = 'discord'), 0) AS discord_xp,
        coalesce(sum(delta_balance) FILTER (WHERE source = 'discord'), 0) AS discord_balance
    FROM entries WHERE member_id IS NOT NULL GROUP BY member_id, platform
), origin AS (
    -- What the totals should be: each entry counts once, where it happened.
    SELECT m.id AS member_id, coalesce(sum(e.delta_xp), 0) AS xp,
        coalesce(sum(e.delta_balance), 0) AS balance
    FROM members AS m LEFT JOIN entries AS e ON e.member_id = m.id AND e.platform = e.source
    GROUP BY m.id
)
SELECT 'books' AS what, member_id, platform, l.xp, l.balance, s.xp AS has_xp,
    s.balance AS has_balance
FROM ledger AS l FULL JOIN sync_state AS s USING (member_id, platform)
WHERE (l.xp, l.balance) IS DISTINCT FROM (s.xp, s.balance)
UNION ALL
SELECT 'part of the Discord account', member_id, platform, l.discord_xp, l.discord_balance,
    s.discord_xp, s.discord_balance
FROM ledger AS l FULL JOIN sync_state AS s USING (member_id, platform)
WHERE (l.discord_xp, l.discord_balance) IS DISTINCT FROM (s.discord_xp, s.discord_balance)
UNION ALL
SELECT 'entry without an account', NULL, platform, delta_xp, delta_balance, NULL, NULL
FROM entries WHERE member_id IS NULL
UNION ALL
SELECT 'totals', o.member_id, NULL, o.xp, o.balance, m.xp, m.balance
FROM origin AS o JOIN members AS m ON m.id = o.member_id
WHERE (o.xp, o.balance) IS DISTINCT FROM (m.xp, m.balance)
UNION ALL
SELECT 'rank', member_id, platform, s.rank, NULL, count(r.rank), NULL
FROM sync_state AS s LEFT JOIN ranks AS r ON r.xp <= greatest(s.xp, 0)
GROUP BY member_id, platform, s.rank HAVING s.rank <> count(r.rank)
UNION ALL
SELECT 'second row differs', b.member_id, b.platform, b.delta_xp, b.delta_balance, a.delta_xp,
    a.delta_balance
FROM entries AS a JOIN entries AS b USING (idempotency_key)
WHERE a.platform = a.source AND b.platform <> b.source
    AND (a.source, a.account_id, a.delta_xp, a.delta_balance, a.achievement)
        IS DISTINCT FROM (b.source, b.account_id, b.delta_xp, b.delta_balance, b.achievement)
UNION ALL
SELECT 'second row without a first', b.member_id, b.platform, b.delta_xp, b.delta_balance, NULL,
    NULL
FROM entries AS b
WHERE b.platform <> b.source AND NOT EXISTS (
    SELECT FROM transactions AS a
    WHERE a.idempotency_key = b.idempotency_key AND a.platform = b.source
)
UNION ALL
SELECT 'event of another account', e.member_id, e.platform, NULL, NULL, NULL, NULL
FROM entries AS e JOIN sync_events AS v USING (idempotency_key)
WHERE e.platform = e.source AND (v.source, v.account_id) <> (e.source, e.account_id)
UNION ALL
SELECT 'wanted is not the rank', s.member_id, s.platform, f.wanted, NULL, s.rank, NULL
FROM sync_state AS s JOIN surfaces AS f USING (member_id, platform)
WHERE f.surface = 'rank' AND f.wanted <> s.rank
UNION ALL
SELECT 'account without a surface', s.member_id, s.platform, NULL, NULL, s.rank, NULL
FROM sync_state AS s JOIN accounts AS a USING (member_id, platform)
WHERE a.account_id > 0 AND NOT EXISTS (
    SELECT FROM surfaces AS f
    WHERE f.member_id = s.member_id AND f.platform = s.platform AND f.surface = 'rank'
)
"""
