"""The rows of an event without their rules: the least that recording can cost on a machine.

The function below writes what `twinstream.record` writes for XP of members that exist, and leaves
out all that is asked before: who calls, whether the payload follows the wire format, whose key it
is, what else the key stands for, which rank follows, what a member may spend, which week it is in
the community. A record that keeps the same tables can be no faster, whatever its code.
"""

from collections.abc import Sequence

import asyncpg

from benchmarks.testbed import SOURCE
from db.ledger.envelopes import Envelope, Recorded

# For one event values are faster than arrays. `record` has arrays only.
_FUNCTIONS = """
    CREATE FUNCTION one_unchecked(
        key text, type text, account bigint, xp bigint, reason text, entity text, at timestamptz,
        payload text
    ) RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
    #variable_conflict use_variable
    DECLARE
        member bigint;
    BEGIN
        SELECT a.member_id INTO member FROM twinstream.accounts AS a
        WHERE a.platform = 'telegram' AND a.account_id = account FOR KEY SHARE;
        PERFORM FROM twinstream.members AS m WHERE m.id = member FOR NO KEY UPDATE;
        INSERT INTO twinstream.transactions (platform, idempotency_key, source, type, account_id,
            delta_xp, reason, entity_id, occurred_at)
        VALUES ('telegram', key, 'telegram', type, account, xp, reason, entity, at);
        UPDATE twinstream.sync_state AS s SET xp = s.xp + $4, version = s.version + 1,
            updated_at = now()
        WHERE s.member_id = member AND s.platform = 'telegram';
        UPDATE twinstream.members AS m SET xp = m.xp + $4, earned_at = now(),
            week = date_trunc('week', now()), week_xp = m.week_xp + $4,
            month = date_trunc('month', now()), month_xp = m.month_xp + $4
        WHERE m.id = member;
        INSERT INTO twinstream.sync_events (idempotency_key, source, type, account_id, payload)
        VALUES (key, 'telegram', type, account, payload);
        RETURN member;
    END $$;

    CREATE FUNCTION many_unchecked(
        keys text[], type text, accounts bigint[], xp bigint[], reasons text[], entities text[],
        times timestamptz[], payloads text[]
    ) RETURNS SETOF bigint LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan'
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    #variable_conflict use_variable
    DECLARE
        member_ids bigint[];
    BEGIN
        member_ids := ARRAY (
            SELECT (
                SELECT a.member_id FROM twinstream.accounts AS a
                WHERE a.platform = 'telegram' AND a.account_id = u.account
            )
            FROM unnest(accounts) WITH ORDINALITY AS u (account, place) ORDER BY u.place
        );
        PERFORM FROM twinstream.members AS m WHERE m.id = ANY (member_ids)
        ORDER BY m.id FOR NO KEY UPDATE;
        INSERT INTO twinstream.transactions (platform, idempotency_key, source, type, account_id,
            delta_xp, reason, entity_id, occurred_at)
        SELECT 'telegram', u.key, 'telegram', type, u.account, u.amount, u.why, u.entity, u.at
        FROM unnest(keys, accounts, xp, reasons, entities, times)
            AS u (key, account, amount, why, entity, at);
        UPDATE twinstream.sync_state AS s SET xp = s.xp + n.amount, version = s.version + 1,
            updated_at = now()
        FROM (
            SELECT u.member, sum(u.amount)::bigint AS amount
            FROM unnest(member_ids, xp) AS u (member, amount) GROUP BY u.member
        ) AS n
        WHERE s.member_id = n.member AND s.platform = 'telegram';
        UPDATE twinstream.members AS m SET xp = m.xp + n.amount, earned_at = now(),
            week = date_trunc('week', now()), week_xp = m.week_xp + n.amount,
            month = date_trunc('month', now()), month_xp = m.month_xp + n.amount
        FROM (
            SELECT u.member, sum(u.amount)::bigint AS amount
            FROM unnest(member_ids, xp) AS u (member, amount) GROUP BY u.member
        ) AS n
        WHERE m.id = n.member;
        INSERT INTO twinstream.sync_events (idempotency_key, source, type, account_id, payload)
        SELECT u.key, 'telegram', type, u.account, u.payload
        FROM unnest(keys, accounts, payloads) AS u (key, account, payload);
        RETURN QUERY SELECT unnest(member_ids);
    END $$;
"""


async def create_functions(pool: asyncpg.Pool) -> None:
    """Create both functions in the database of this run."""
    await pool.execute(_FUNCTIONS)


async def record(pool: asyncpg.Pool, envelopes: Sequence[Envelope]) -> list[Recorded]:
    """Write the rows of new XP events of Telegram, whose members exist, in one transaction."""
    rows = [envelope.as_row() for envelope in envelopes]
    payloads = [envelope.payload.decode() for envelope in envelopes]
    if len(rows) == 1:
        [row] = rows
        members = await pool.fetch(
            "SELECT one_unchecked($1, $2, $3, $4, $5, $6, $7, $8)",
            row.idempotency_key,
            row.type,
            row.account_id,
            row.delta_xp,
            row.reason,
            row.entity_id,
            row.occurred_at,
            *payloads,
        )
    else:
        members = await pool.fetch(
            "SELECT many_unchecked($1, $2, $3, $4, $5, $6, $7, $8)",
            [row.idempotency_key for row in rows],
            rows[0].type,
            [row.account_id for row in rows],
            [row.delta_xp for row in rows],
            [row.reason for row in rows],
            [row.entity_id for row in rows],
            [row.occurred_at for row in rows],
            payloads,
        )
    return [
        Recorded(
            idempotency_key=row.idempotency_key,
            source=SOURCE,
            member_id=member,
            payload=envelope.payload,
            created=True,
        )
        for row, envelope, (member,) in zip(rows, envelopes, members, strict=True)
    ]
