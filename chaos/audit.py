"""The audit: compares what was committed with ledger, books and streams, by SQL and Redis alone.

Its Redis client decodes replies to text.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
from redis.asyncio import Redis

import schemas
from bus import SOURCES, Keys
from db import Platform, Store
from db.upkeep import audit as operators

from .offender import Offender
from .run_size import ACCOUNTS

PAGE_ENTRIES = 2_000

# The bots' journal, joined with the origin's ledger: a bot that was killed right after a commit has
# an entry in the ledger only. The entries of links are no bot's.
_COMMITTED = """
    CREATE TEMPORARY TABLE committed AS
    SELECT coalesce(c.idempotency_key, t.idempotency_key) AS key,
        coalesce(c.source, t.source) AS source,
        c.idempotency_key IS NOT NULL AS witnessed,
        (c.account_id, c.delta_xp, c.delta_balance, c.achievement)
            IS NOT DISTINCT FROM (t.account_id, t.delta_xp, t.delta_balance, t.achievement) AS same
    FROM chaos_committed AS c
    FULL JOIN (
        SELECT * FROM transactions WHERE platform = source AND idempotency_key NOT LIKE 'link:%'
    ) AS t
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
    WHERE c.key IS NULL AND t.idempotency_key NOT LIKE 'link:%'
    ORDER BY 1
"""
# No point appears or goes by a link but what its policy takes, and undoing gives that back. An
# unlink gives one account what it takes from the other. An entry stands in both ledgers. Two
# accounts are one member's exactly while a link of theirs is current.
_LINKS = """
    WITH moved AS (
        SELECT split_part(idempotency_key, ':', 2)::bigint AS id, platform,
            coalesce(sum(delta_xp) FILTER (WHERE reason = 'unlink'), 0) AS unlink_xp,
            coalesce(sum(delta_balance) FILTER (WHERE reason = 'unlink'), 0) AS unlink_balance,
            coalesce(sum(delta_xp) FILTER (WHERE reason <> 'unlink'), 0) AS xp,
            coalesce(sum(delta_balance) FILTER (WHERE reason <> 'unlink'), 0) AS balance,
            count(*) AS entries, sum(hashtextextended(idempotency_key, delta_xp)) AS content
        FROM transactions WHERE idempotency_key LIKE 'link:%' GROUP BY 1, 2
    )
    SELECT 'link ' || l.id, 'moves ' || m.unlink_xp || ' XP and ' || m.unlink_balance
        || ' coins by its end, ' || m.xp || ' and ' || m.balance || ' otherwise, on ' || m.platform
    FROM moved AS m JOIN links AS l USING (id)
    WHERE (m.unlink_xp, m.unlink_balance) <> (0, 0) OR m.xp > 0 OR m.balance > 0
        OR ((l.undone_at IS NOT NULL OR l.policy = 'sum') AND (m.xp, m.balance) <> (0, 0))
    UNION ALL
    SELECT 'link ' || id, 'the entries on the platforms differ'
    FROM moved GROUP BY id HAVING count(DISTINCT (entries, content)) > 1 OR count(*) <> 2
    UNION ALL
    SELECT 'link ' || l.id, 'whose accounts they are does not agree with it'
    FROM links AS l
    JOIN accounts AS t ON t.platform = 'telegram' AND t.account_id = l.telegram_account_id
    JOIN accounts AS d ON d.platform = 'discord' AND d.account_id = l.discord_account_id
    -- Only accounts of the same number are linked, so the newest link of two decides.
    WHERE l.id = (
        SELECT max(n.id) FROM links AS n WHERE n.telegram_account_id = l.telegram_account_id
    ) AND (t.member_id = d.member_id) <> (l.unlinked_at IS NULL AND l.undone_at IS NULL)
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
        LEFT JOIN sync_events AS e USING (idempotency_key)
        CROSS JOIN (VALUES ('telegram'), ('discord')) AS p (platform)
        -- The entries of links are no events, and stand in both ledgers at once.
        WHERE t.platform = t.source
            AND (e.status IS DISTINCT FROM 'failed' OR p.platform = t.source)
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
    -- Unlinking leaves books of zeros to an account that never earned anything.
    WHERE (coalesce(o.xp, 0), coalesce(o.balance, 0), coalesce(o.discord_xp, 0),
            coalesce(o.discord_balance, 0), coalesce(o.achievements, 0), true)
        IS DISTINCT FROM
        (h.xp, h.balance, h.discord_xp, h.discord_balance, h.achievements, h.ranked)
    UNION ALL
    SELECT 'member ' || m.id, 'the totals are not what was earned'
    FROM members AS m LEFT JOIN owed AS o ON o.member_id = m.id AND o.platform = 'telegram'
    WHERE NOT EXISTS (SELECT FROM fates WHERE status = 'failed')
        AND (m.xp, m.balance) <> (coalesce(o.xp, 0), coalesce(o.balance, 0))
"""
# Each amount that the load's bots earned by being there is in an open window or in the ledger of
# its platform, once. Their accounts are $1 and less; `deed_audit` has those of people.
_EARNED = """
    SELECT 'account ' || account_id || ' on ' || source,
        'earned ' || sum(earned) || ' XP by messages, and has ' || sum(has)
    FROM (
        SELECT source, account_id, xp AS earned, 0 AS has FROM chaos_earned
        UNION ALL
        SELECT platform, account_id, 0, xp FROM earning_windows
        UNION ALL
        SELECT source, account_id, 0, delta_xp FROM transactions
        WHERE platform = source AND reason = 'messages'
    ) AS both_sides
    WHERE account_id <= $1
    GROUP BY source, account_id HAVING sum(earned) <> sum(has)
"""
_COUNTS = """
    SELECT count(*) AS committed, count(*) FILTER (WHERE witnessed) AS witnessed,
        count(*) FILTER (WHERE at_origin = 1 AND opposite = 1) AS applied,
        (SELECT count(*) FROM chaos_rolled_back) AS rolled_back,
        (SELECT count(*) FROM accounts) - (SELECT count(*) FROM members) AS linked,
        (SELECT count(*) FROM links WHERE unlinked_at IS NOT NULL OR undone_at IS NOT NULL)
            AS ended_links,
        (SELECT count(*) FROM sync_events AS e LEFT JOIN fates AS f ON f.key = e.idempotency_key
         WHERE e.status = 'failed' AND f.key IS NULL) AS junk_buried
    FROM fates
"""


class Audit(NamedTuple):
    """The result. In a run that passes, only `buried` may hold anything."""

    committed: int
    #: The committed events that a bot wrote to its journal.
    witnessed: int
    applied: int
    rolled_back: int
    #: Members with accounts on both platforms.
    linked: int
    #: Links that were ended, or undone.
    ended_links: int
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
    #: Links that moved what they should not, or that do not agree with whose the accounts are.
    mislinked: list[Offender]
    #: Findings of the operator's `python -m consumers audit`, which does not use the journal.
    unproven: list[Offender]
    #: Events on the stream of the platform where they did not happen.
    echoed: list[Offender]
    #: Groups that are missing, or have unread or unacknowledged entries.
    unfinished: list[Offender]
    #: Deeds of people that are lost or doubled in the record, or answered wrongly.
    misdone: list[Offender]

    @property
    def offences(self) -> dict[str, list[Offender]]:
        """The lists that must be empty."""
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "invented": self.invented,
            "books that do not add up": self.unbalanced,
            "links that do not add up": self.mislinked,
            "found by the operator's audit": self.unproven,
            "echoed": self.echoed,
            "groups not at their end": self.unfinished,
            "deeds that do not add up": self.misdone,
        }

    @property
    def passed(self) -> bool:
        """Tell whether events were committed, and every list of offences is empty."""
        return self.committed > 0 and not any(self.offences.values())


async def audit(
    conn: asyncpg.Connection,
    redis: Redis,
    stores: Mapping[Platform, Store],
    *,
    accounts: int = ACCOUNTS,
    misdone: Sequence[Offender] = (),
) -> Audit:
    """Run all checks. Call it after all processes have stopped, outside a transaction.

    The load's bots have accounts up to `accounts`; `misdone` is what the audit of deeds found.
    """
    proven = await operators.audit(conn, stores)
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
        unbalanced=[*await _offenders(conn, _BOOKS), *await _offenders(conn, _EARNED, accounts)],
        mislinked=await _offenders(conn, _LINKS),
        unproven=[
            Offender(one.what, f"{one.seen}, and not {one.expected}")
            for check in proven.checks
            for one in check.examples
        ],
        echoed=echoed,
        unfinished=await unfinished_groups(redis),
        misdone=list(misdone),
    )


async def unfinished_events(conn: asyncpg.Connection) -> int:
    """Count the committed events that are neither applied nor buried, and those still to come.

    An open window of earnings becomes an event when the consumers close it.
    """
    count: int = await conn.fetchval(
        """
        SELECT (SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published'))
            + (SELECT count(*) FROM earning_windows WHERE opened_at IS NOT NULL)
        """
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


async def _offenders(conn: asyncpg.Connection, query: str, *values: object) -> list[Offender]:
    return [Offender(str(what), str(detail)) for what, detail in await conn.fetch(query, *values)]


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
