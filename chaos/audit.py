"""The audit: compares what was committed with ledger, books and streams, by SQL and Redis alone.

Its Redis client decodes replies to text.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
from redis.asyncio import Redis

import schemas
from bus import SOURCES, Keys
from db import Platform
from db.upkeep import audit as operators

PAGE_ENTRIES = 2_000

# The bots' journal, joined with the origin's ledger: a bot that was killed right after a commit has
# an entry in the ledger only.
_COMMITTED = """
    CREATE TEMPORARY TABLE committed AS
    SELECT coalesce(c.idempotency_key, t.idempotency_key) AS key,
        coalesce(c.source, t.source) AS source,
        c.idempotency_key IS NOT NULL AS witnessed,
        (c.account_id, c.delta_xp, c.delta_balance, c.achievement)
            IS NOT DISTINCT FROM (t.account_id, t.delta_xp, t.delta_balance, t.achievement) AS same
    FROM chaos_committed AS c
    FULL JOIN (SELECT * FROM transactions WHERE platform = source) AS t
        ON t.idempotency_key = c.idempotency_key AND t.source = c.source
"""
_FATES = """
    CREATE TEMPORARY TABLE fates AS
    SELECT c.key, c.source, c.witnessed, c.same,
        count(t.id) FILTER (WHERE t.platform = c.source) AS at_origin,
        count(t.id) FILTER (WHERE t.platform <> c.source) AS opposite,
        min(e.status) AS status, min(e.error_message) AS error_message
    FROM committed AS c
    LEFT JOIN transactions AS t ON t.idempotency_key = c.key
    LEFT JOIN sync_events AS e ON e.idempotency_key = c.key
    GROUP BY c.key, c.source, c.witnessed, c.same
"""
_LOST = """
    SELECT key, 'at its origin: ' || at_origin || ', opposite: ' || opposite
        || ', status: ' || coalesce(status, 'none') FROM fates
    WHERE at_origin = 0 OR (opposite = 0 AND status IS DISTINCT FROM 'failed')
        OR (witnessed AND NOT same)
    ORDER BY key
"""
_DOUBLED = """
    SELECT key, at_origin || ' and ' || opposite || ' rows' FROM fates
    WHERE at_origin > 1 OR opposite > 1 ORDER BY key
"""
_BURIED = """
    SELECT key, error_message FROM fates WHERE status = 'failed' ORDER BY key
"""
_INVENTED = """
    SELECT r.idempotency_key, 'was rolled back, and is in the ledger'
    FROM chaos_rolled_back AS r JOIN transactions AS t USING (idempotency_key)
    UNION
    SELECT t.idempotency_key, 'arrived, but no bot committed it'
    FROM transactions AS t LEFT JOIN committed AS c ON c.key = t.idempotency_key
    WHERE c.key IS NULL
    ORDER BY 1
"""
# Each platform's books must be the sum of the events committed on either platform, and the part of
# the Discord account must be the sum of those that it earned.
_BOOKS = """
    WITH owed AS (
        -- What was committed, once for each platform that should have it. Whose it is, is said by
        -- the account that earned it.
        SELECT a.member_id, p.platform, sum(t.delta_xp) AS xp, sum(t.delta_balance) AS balance,
            coalesce(sum(t.delta_xp) FILTER (WHERE t.source = 'discord'), 0) AS discord_xp,
            coalesce(sum(t.delta_balance) FILTER (WHERE t.source = 'discord'), 0)
                AS discord_balance,
            count(DISTINCT t.achievement) AS achievements
        FROM transactions AS t
        JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        JOIN sync_events AS e USING (idempotency_key),
            (VALUES ('telegram'), ('discord')) AS p (platform)
        WHERE t.platform = t.source AND (e.status <> 'failed' OR p.platform = t.source)
        GROUP BY a.member_id, p.platform
    ), held AS (
        -- What the books have, and whether the rank follows from it.
        SELECT s.member_id, s.platform, s.xp, s.balance, s.discord_xp, s.discord_balance,
            s.rank = rank_of(s.xp) AS ranked,
            (SELECT count(*) FROM achievements AS a
             WHERE a.member_id = s.member_id AND a.platform = s.platform) AS achievements
        FROM sync_state AS s
    )
    SELECT 'member ' || coalesce(o.member_id, h.member_id) || ' on '
            || coalesce(o.platform, h.platform),
        'owed ' || coalesce(o.xp, 0) || ' XP, ' || coalesce(o.balance, 0) || ' coins, '
            || coalesce(o.achievements, 0) || ' achievements; has ' || coalesce(h.xp, 0) || ', '
            || coalesce(h.balance, 0) || ', ' || coalesce(h.achievements, 0)
            || '; owed to Discord''s account ' || coalesce(o.discord_xp, 0) || ' XP, '
            || coalesce(o.discord_balance, 0) || ' coins; it has ' || coalesce(h.discord_xp, 0)
            || ', ' || coalesce(h.discord_balance, 0)
    FROM owed AS o FULL JOIN held AS h USING (member_id, platform)
    WHERE (o.xp, o.balance, o.discord_xp, o.discord_balance, o.achievements, true)
        IS DISTINCT FROM
        (h.xp, h.balance, h.discord_xp, h.discord_balance, h.achievements, h.ranked)
    UNION ALL
    SELECT 'member ' || m.id, 'the totals are not what was earned'
    FROM members AS m LEFT JOIN owed AS o ON o.member_id = m.id AND o.platform = 'telegram'
    WHERE NOT EXISTS (SELECT FROM fates WHERE status = 'failed')
        AND (m.xp, m.balance) <> (coalesce(o.xp, 0), coalesce(o.balance, 0))
"""
_COUNTS = """
    SELECT count(*) AS committed, count(*) FILTER (WHERE witnessed) AS witnessed,
        count(*) FILTER (WHERE at_origin = 1 AND opposite = 1) AS applied,
        (SELECT count(*) FROM chaos_rolled_back) AS rolled_back,
        (SELECT count(*) FROM accounts) - (SELECT count(*) FROM members) AS linked,
        (SELECT count(*) FROM sync_events AS e LEFT JOIN fates AS f ON f.key = e.idempotency_key
         WHERE e.status = 'failed' AND f.key IS NULL) AS junk_buried
    FROM fates
"""


class Offender(NamedTuple):
    """One violation: the event, member or stream, and the details."""

    what: str
    detail: str


class Audit(NamedTuple):
    """The result. In a run that passes, only `buried` may hold anything."""

    committed: int
    #: The committed events that a bot wrote to its journal.
    witnessed: int
    applied: int
    rolled_back: int
    #: Members with accounts on both platforms.
    linked: int
    #: Entries without an event, or with a forged one, that were buried with a reason.
    junk_buried: int
    #: Entries that the streams still hold.
    entries: int
    lost: list[Offender]
    doubled: list[Offender]
    #: Events with the status `failed` and a reason.
    buried: list[Offender]
    #: Events in the ledger although they were rolled back, or never committed.
    invented: list[Offender]
    #: Members whose books are not the sum of their events.
    unbalanced: list[Offender]
    #: Findings of the operator's `python -m consumers audit`, which does not use the journal.
    unproven: list[Offender]
    #: Events on the stream of the platform where they did not happen.
    echoed: list[Offender]
    #: Groups that are missing, or have unread or unacknowledged entries.
    unfinished: list[Offender]

    @property
    def offences(self) -> dict[str, list[Offender]]:
        """The lists that must be empty."""
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "invented": self.invented,
            "books that do not add up": self.unbalanced,
            "found by the operator's audit": self.unproven,
            "echoed": self.echoed,
            "groups not at their end": self.unfinished,
        }

    @property
    def passed(self) -> bool:
        """Tell whether events were committed, and every list of offences is empty."""
        return self.committed > 0 and not any(self.offences.values())


async def audit(conn: asyncpg.Connection, redis: Redis) -> Audit:
    """Run all checks. Call it after all processes have stopped, outside a transaction."""
    proven = await operators.audit(conn, {})
    await conn.execute(_COMMITTED)
    await conn.execute(_FATES)
    entries, echoed = await _streams(redis)
    counts = await conn.fetchrow(_COUNTS)
    return Audit(
        **dict(counts),
        entries=entries,
        lost=await _offenders(conn, _LOST),
        doubled=await _offenders(conn, _DOUBLED),
        buried=await _offenders(conn, _BURIED),
        invented=await _offenders(conn, _INVENTED),
        unbalanced=await _offenders(conn, _BOOKS),
        unproven=[
            Offender(one.what, f"{one.seen}, and not {one.expected}")
            for check in proven.checks
            for one in check.examples
        ],
        echoed=echoed,
        unfinished=await unfinished_groups(redis),
    )


async def unfinished_events(conn: asyncpg.Connection) -> int:
    """Count the committed events that are neither applied nor buried."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published')"
    )
    return count


async def unfinished_groups(redis: Redis) -> list[Offender]:
    """Return the groups that are missing, or have unread or unacknowledged entries."""
    found = []
    for source in SOURCES:
        stream, group = Keys().subscription(source)
        groups = await redis.xinfo_groups(stream) if await redis.exists(stream) else []
        info = next((each for each in groups if each["name"] == group), None)
        if info is None:
            found.append(Offender(stream, "its group is missing"))
            continue
        unread = await redis.xrange(stream, min=f"({info['last-delivered-id']}", count=1)
        if info["pending"] or unread:
            found.append(Offender(stream, f"{info['pending']} unacknowledged, unread: {unread!r}"))
    return found


async def _offenders(conn: asyncpg.Connection, query: str) -> list[Offender]:
    return [Offender(str(what), str(detail)) for what, detail in await conn.fetch(query)]


async def _streams(redis: Redis) -> tuple[int, list[Offender]]:
    """Read the streams. The events of each must have happened on its own platform."""
    total = 0
    echoed: list[Offender] = []
    for source in SOURCES:
        after = "-"
        while True:
            page: Any = await redis.xrange(Keys().stream(source), min=after, count=PAGE_ENTRIES)
            if not page:
                break
            total += len(page)
            echoed += _echoes(source, page)
            after = f"({page[-1][0]}"
    return total, echoed


def _echoes(source: Platform, page: Sequence[tuple[str, dict[str, str]]]) -> list[Offender]:
    echoed = []
    for entry_id, fields in page:
        try:
            event = schemas.decode(fields["e"].encode())
        except (KeyError, schemas.SchemaError):
            continue  # junk that the fault added on purpose
        if event.source != source:
            echoed.append(Offender(event.idempotency_key, f"on {source}, entry {entry_id}"))
    return echoed
