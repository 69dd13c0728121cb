"""A long history in the database of release 0.1.0, in which everything adds up."""

from typing import Final

from tests.support.old_release import TIMEOUT_S, psql

#: Accounts that the sandbox gives to no one.
ACCOUNTS_FROM: Final = 1_000_001
ACCOUNTS: Final = 5_000
#: Each event has an entry for each platform, and was completed eight days ago, so that the last
#: ones are still kept as events, too.
_FILL: Final = """
SET search_path = public;
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE TEMP TABLE history ON COMMIT DROP AS
    SELECT {accounts_from} + number % {accounts} AS account_id, number
    FROM generate_series(1, {events}) AS number;
INSERT INTO members (xp) SELECT count(*) FROM history GROUP BY account_id ORDER BY account_id;
INSERT INTO accounts (platform, account_id, member_id)
    SELECT 'telegram', {accounts_from} + place - 1, id FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS place
        FROM (SELECT id FROM members ORDER BY id DESC LIMIT {accounts}) AS newest
    ) AS placed;
INSERT INTO sync_state (member_id, platform, xp, rank)
    SELECT m.id, side, m.xp, rank_on(m.xp, ladder())
    FROM members AS m JOIN accounts AS a ON a.member_id = m.id,
        unnest(ARRAY['telegram', 'discord']) AS side
    WHERE a.account_id BETWEEN {accounts_from} AND {accounts_from} + {accounts} - 1;
INSERT INTO transactions (idempotency_key, platform, source, type, member_id, account_id, delta_xp,
        reason, entity_id, occurred_at, created_at)
    SELECT 'tg_history_' || h.account_id || '_' || h.number, side, 'telegram', 'xp.changed',
        a.member_id, h.account_id, 1, 'history', h.number, now() - interval '8 days',
        now() - interval '8 days'
    FROM history AS h JOIN accounts AS a ON a.platform = 'telegram'
            AND a.account_id = h.account_id,
        unnest(ARRAY['telegram', 'discord']) AS side;
INSERT INTO sync_events (idempotency_key, source, type, member_id, payload, status, created_at,
        published_at, processed_by, processed_at)
    SELECT 'tg_history_' || h.account_id || '_' || h.number, 'telegram', 'xp.changed', a.member_id,
        json_build_object('type', 'xp.changed',
            'idempotency_key', 'tg_history_' || h.account_id || '_' || h.number,
            'source', 'telegram', 'user_id', h.account_id, 'reason', 'history',
            'entity_id', h.number::text, 'occurred_at', now() - interval '8 days', 'v', 1,
            'delta_xp', 1)::text,
        'completed', now() - interval '8 days', now() - interval '8 days', 'discord',
        now() - interval '8 days'
    FROM history AS h JOIN accounts AS a ON a.platform = 'telegram'
        AND a.account_id = h.account_id
    WHERE h.number > {events} - {kept};
COMMIT;
"""


def fill(
    database_url: str, entries: int, *, kept: int | None = None, timeout_s: float = TIMEOUT_S
) -> None:
    """Add ledger entries, half of them on each platform, and the books that follow from them.

    `kept` is the number of their events that cleanup has left; by default all of them.
    """
    events = entries // 2
    sql = _FILL.format(
        accounts_from=ACCOUNTS_FROM,
        accounts=ACCOUNTS,
        events=events,
        kept=events if kept is None else kept,
    )
    psql(database_url, stdin=sql, timeout_s=timeout_s)
