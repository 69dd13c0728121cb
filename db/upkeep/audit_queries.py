"""The queries of the audit. Each returns a row for everything that it checks.

`what` names it, `seen` and `expected` are texts for operators, and `differs` is the result.
"""

from typing import Final

# Each query reads its tables once, whole: that is faster than any index, and steady at any size.
# The ledger is added up by account first, which leaves few rows to look the members up for.
_BOOKS = """
    SELECT 'member ' || member_id || ' on ' || platform AS what,
        CASE WHEN s.xp IS NULL THEN 'no books'
            ELSE s.xp || ' XP, ' || s.balance || ' balance' || CASE
                WHEN (s.discord_xp, s.discord_balance) = (0, 0) THEN ''
                ELSE ', of which Discord ' || s.discord_xp || ' and ' || s.discord_balance
            END END AS seen,
        coalesce(l.xp, 0) || ' XP, ' || coalesce(l.balance, 0) || ' balance' || CASE
            WHEN (coalesce(l.discord_xp, 0), coalesce(l.discord_balance, 0)) = (0, 0) THEN ''
            ELSE ', of which Discord ' || l.discord_xp || ' and ' || l.discord_balance
        END AS expected,
        (coalesce(l.xp, 0), coalesce(l.balance, 0)) <> (coalesce(s.xp, 0), coalesce(s.balance, 0))
        OR (
            (coalesce(l.discord_xp, 0), coalesce(l.discord_balance, 0))
            <> (coalesce(s.discord_xp, 0), coalesce(s.discord_balance, 0))
            -- Until the contract, processes of release 0.1 write books without these parts.
            AND EXISTS (SELECT FROM twinstream.contracts WHERE release = '0.2')
        ) AS differs
    FROM (
        SELECT a.member_id, t.platform, sum(t.xp) AS xp, sum(t.balance) AS balance,
            coalesce(sum(t.xp) FILTER (WHERE t.source = 'discord'), 0) AS discord_xp,
            coalesce(sum(t.balance) FILTER (WHERE t.source = 'discord'), 0) AS discord_balance
        FROM (
            SELECT source, account_id, platform, sum(delta_xp) AS xp, sum(delta_balance) AS balance
            FROM twinstream.transactions GROUP BY source, account_id, platform
        ) AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        GROUP BY a.member_id, t.platform
    ) AS l FULL JOIN twinstream.sync_state AS s USING (member_id, platform)
"""
_RANKS = """
    SELECT 'member ' || member_id || ' on ' || platform AS what, 'rank ' || rank AS seen,
        'rank ' || earned AS expected, rank <> earned AS differs
    FROM (
        -- By the XP of the ledger: the books' own may be what is wrong. A sum may exceed a bigint.
        SELECT s.member_id, s.platform, s.rank, twinstream.rank_on(
            least(greatest(coalesce(l.xp, 0), -2^63::numeric), 2^63::numeric - 1)::bigint,
            (SELECT twinstream.ladder())
        ) AS earned
        FROM twinstream.sync_state AS s LEFT JOIN (
            SELECT a.member_id, t.platform, sum(t.xp) AS xp
            FROM (
                SELECT source, account_id, platform, sum(delta_xp) AS xp
                FROM twinstream.transactions GROUP BY source, account_id, platform
            ) AS t
            JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
            GROUP BY a.member_id, t.platform
        ) AS l USING (member_id, platform)
    ) AS ranked
"""
_ACHIEVEMENTS = """
    SELECT 'member ' || member_id || ' on ' || platform || ': ' || achievement AS what,
        CASE WHEN a.is_held THEN 'held' ELSE 'not held' END AS seen,
        CASE WHEN l.is_known THEN 'held' ELSE 'not held' END AS expected,
        a.is_held IS NULL OR l.is_known IS NULL AS differs
    FROM (
        SELECT DISTINCT c.member_id, t.platform, t.achievement, true AS is_known
        FROM twinstream.transactions AS t
        JOIN twinstream.accounts AS c ON c.platform = t.source AND c.account_id = t.account_id
        WHERE t.achievement IS NOT NULL
    ) AS l FULL JOIN (
        SELECT member_id, platform, achievement, true AS is_held FROM twinstream.achievements
    ) AS a USING (member_id, platform, achievement)
"""
_TOTALS = """
    SELECT 'member ' || m.id AS what, m.xp || ' XP, ' || m.balance || ' balance' AS seen,
        coalesce(l.xp, 0) || ' XP, ' || coalesce(l.balance, 0) || ' balance' AS expected,
        coalesce(l.xp, 0) <> m.xp OR coalesce(l.balance, 0) <> m.balance AS differs
    FROM twinstream.members AS m LEFT JOIN (
        SELECT a.member_id, sum(t.xp) AS xp, sum(t.balance) AS balance
        FROM (
            SELECT source, account_id, sum(delta_xp) AS xp, sum(delta_balance) AS balance
            FROM twinstream.transactions WHERE platform = source GROUP BY source, account_id
        ) AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        GROUP BY a.member_id
    ) AS l ON l.member_id = m.id
"""
# An entry without an account would count for no member, and no other check would miss it.
_ACCOUNTS = """
    SELECT 'account ' || t.account_id || ' of ' || t.source AS what,
        CASE WHEN a.member_id IS NULL THEN 'no member' ELSE 'member ' || a.member_id END AS seen,
        'a member' AS expected, a.member_id IS NULL AS differs
    FROM (SELECT DISTINCT source, account_id FROM twinstream.transactions) AS t
    LEFT JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
"""
# The cleanup role deletes events that completed long ago. Then their two ledger rows prove them.
_EVENTS = """
    SELECT 'event ' || idempotency_key AS what, seen,
        'a row where it happened and the same where it arrived, or on its way, or buried'
            AS expected,
        seen IS NOT NULL AS differs
    FROM (
        -- The first reason that holds; NULL if the event is as it must be.
        SELECT idempotency_key, CASE
            WHEN o.account_id IS NULL AND a.account_id IS NOT NULL
                THEN 'it arrived, but never happened'
            WHEN o.account_id IS NULL AND e.status <> 'failed'
                THEN 'it is ' || e.status || ', and stands in no ledger'
            WHEN o.account_id IS NULL THEN NULL
            WHEN a.account_id IS NULL AND e.status IS NULL
                THEN 'it never arrived, and is not on its way'
            WHEN a.account_id IS NULL AND e.status = 'completed'
                THEN 'it is completed, but never arrived'
            WHEN a.account_id IS NOT NULL AND e.status <> 'completed'
                THEN 'it has arrived, but is ' || e.status
            WHEN a.account_id IS NOT NULL AND (
                o.source, o.type, o.account_id, o.delta_xp, o.delta_balance
            ) IS DISTINCT FROM (
                a.source, a.type, a.account_id, a.delta_xp, a.delta_balance
            ) OR a.account_id IS NOT NULL AND o.achievement IS DISTINCT FROM a.achievement
                THEN 'what arrived is not what happened'
            WHEN e.source <> o.source OR e.account_id <> o.account_id
                THEN 'the event and its row name different accounts'
        END AS seen
        -- o: the origin's row. a: the row where it arrived. Any of the three may be missing.
        FROM (SELECT * FROM twinstream.transactions WHERE platform = source) AS o
        FULL JOIN (SELECT * FROM twinstream.transactions WHERE platform <> source) AS a
            USING (idempotency_key)
        FULL JOIN twinstream.sync_events AS e USING (idempotency_key)
    ) AS events
"""

BY_LEDGER: Final = {
    "accounts": _ACCOUNTS,
    "books": _BOOKS,
    "ranks": _RANKS,
    "achievements": _ACHIEVEMENTS,
    "totals": _TOTALS,
    "events": _EVENTS,
}
"""The queries, by the name of what they prove."""

STORE_SIDE: Final = """
    SELECT a.account_id, coalesce(l.xp, 0) - coalesce(d.xp, 0)::numeric,
        coalesce(l.balance, 0) - coalesce(d.balance, 0)::numeric
    FROM twinstream.accounts AS a
    LEFT JOIN (
        SELECT c.member_id, sum(t.xp) AS xp, sum(t.balance) AS balance
        FROM (
            SELECT source, account_id, sum(delta_xp) AS xp, sum(delta_balance) AS balance
            FROM twinstream.transactions WHERE platform = $1 GROUP BY source, account_id
        ) AS t
        JOIN twinstream.accounts AS c ON c.platform = t.source AND c.account_id = t.account_id
        GROUP BY c.member_id
    ) AS l USING (member_id)
    LEFT JOIN twinstream.store_debts AS d ON d.member_id = a.member_id AND d.platform = $1
    -- No bot's own table has a row of a forgotten account.
    WHERE a.platform = $1 AND a.account_id > 0 ORDER BY a.account_id
"""
"""The amounts expected in a platform's own table: the ledger less debts, in account order."""
