-- migrate:up
-- The last changes of an account's member on its platform, newest first (db/members/history.py): as before,
-- and with the object of each event. Changes with one reason and object came from one act, and /why shows
-- them in one line. The result has a column more, so the function is made anew.
DROP FUNCTION twinstream.history(text, bigint, integer);
CREATE FUNCTION twinstream.history(of_platform text, of_account bigint, at_most integer) RETURNS TABLE (
    display_name text, occurred_at timestamptz, source text, reason text, delta_xp bigint,
    delta_balance bigint, achievement text, xp numeric, balance numeric, state text, entity_id text
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    theirs twinstream.accounts;
    coming integer;
BEGIN
    -- All statements of a STABLE function read the same snapshot.
    PERFORM twinstream.require_caller(of_platform);
    SELECT a.* INTO theirs FROM twinstream.accounts AS a
    WHERE a.platform = of_platform AND a.account_id = of_account;
    -- Events of the other platform that have not arrived come first.
    RETURN QUERY
    SELECT theirs.display_name, t.occurred_at, t.source, t.reason, t.delta_xp, t.delta_balance,
        t.achievement, NULL::numeric, NULL::numeric,
        CASE WHEN e.status = 'failed' THEN 'buried' ELSE 'on_its_way' END, t.entity_id
    FROM twinstream.accounts AS a
    JOIN twinstream.sync_events AS e ON e.source = a.platform AND e.account_id = a.account_id
    JOIN twinstream.transactions AS t
        ON t.idempotency_key = e.idempotency_key AND t.platform = e.source
    WHERE a.member_id = theirs.member_id AND e.source <> of_platform AND e.status <> 'completed'
    ORDER BY t.id DESC LIMIT at_most;
    GET DIAGNOSTICS coming = ROW_COUNT;
    RETURN QUERY
    WITH page AS (
        -- Of each account the newest end of the index `transactions_by_account`, of these the
        -- newest: as quick for a million entries as for ten.
        SELECT t.* FROM twinstream.accounts AS a CROSS JOIN LATERAL (
            SELECT * FROM twinstream.transactions AS t
            WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = of_platform
            ORDER BY t.id DESC LIMIT at_most
        ) AS t
        WHERE a.member_id = theirs.member_id
        ORDER BY t.id DESC LIMIT at_most - coming
    )
    -- The books say what all entries add up to; from there the totals run backwards.
    SELECT theirs.display_name, p.occurred_at, p.source, p.reason, p.delta_xp, p.delta_balance,
        p.achievement,
        coalesce(b.xp, 0) - coalesce(sum(p.delta_xp) OVER newer, 0),
        coalesce(b.balance, 0) - coalesce(sum(p.delta_balance) OVER newer, 0),
        CASE
            WHEN p.source <> of_platform OR EXISTS (
                SELECT FROM twinstream.transactions AS t
                WHERE t.idempotency_key = p.idempotency_key AND t.platform <> of_platform
            ) THEN 'arrived'
            WHEN e.status = 'failed' THEN 'buried'
            ELSE 'on_its_way'
        END,
        p.entity_id
    FROM page AS p
    LEFT JOIN twinstream.sync_state AS b
        ON b.member_id = theirs.member_id AND b.platform = of_platform
    LEFT JOIN twinstream.sync_events AS e ON e.idempotency_key = p.idempotency_key
    WINDOW newer AS (ORDER BY p.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY p.id DESC;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.history(text, bigint, integer);
CREATE FUNCTION twinstream.history(of_platform text, of_account bigint, at_most integer) RETURNS TABLE (
    display_name text, occurred_at timestamptz, source text, reason text, delta_xp bigint,
    delta_balance bigint, achievement text, xp numeric, balance numeric, state text
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    theirs twinstream.accounts;
    coming integer;
BEGIN
    -- All statements of a STABLE function read the same snapshot.
    PERFORM twinstream.require_caller(of_platform);
    SELECT a.* INTO theirs FROM twinstream.accounts AS a
    WHERE a.platform = of_platform AND a.account_id = of_account;
    -- Events of the other platform that have not arrived come first.
    RETURN QUERY
    SELECT theirs.display_name, t.occurred_at, t.source, t.reason, t.delta_xp, t.delta_balance,
        t.achievement, NULL::numeric, NULL::numeric,
        CASE WHEN e.status = 'failed' THEN 'buried' ELSE 'on_its_way' END
    FROM twinstream.accounts AS a
    JOIN twinstream.sync_events AS e ON e.source = a.platform AND e.account_id = a.account_id
    JOIN twinstream.transactions AS t
        ON t.idempotency_key = e.idempotency_key AND t.platform = e.source
    WHERE a.member_id = theirs.member_id AND e.source <> of_platform AND e.status <> 'completed'
    ORDER BY t.id DESC LIMIT at_most;
    GET DIAGNOSTICS coming = ROW_COUNT;
    RETURN QUERY
    WITH page AS (
        -- Of each account the newest end of the index `transactions_by_account`, of these the
        -- newest: as quick for a million entries as for ten.
        SELECT t.* FROM twinstream.accounts AS a CROSS JOIN LATERAL (
            SELECT * FROM twinstream.transactions AS t
            WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = of_platform
            ORDER BY t.id DESC LIMIT at_most
        ) AS t
        WHERE a.member_id = theirs.member_id
        ORDER BY t.id DESC LIMIT at_most - coming
    )
    -- The books say what all entries add up to; from there the totals run backwards.
    SELECT theirs.display_name, p.occurred_at, p.source, p.reason, p.delta_xp, p.delta_balance,
        p.achievement,
        coalesce(b.xp, 0) - coalesce(sum(p.delta_xp) OVER newer, 0),
        coalesce(b.balance, 0) - coalesce(sum(p.delta_balance) OVER newer, 0),
        CASE
            WHEN p.source <> of_platform OR EXISTS (
                SELECT FROM twinstream.transactions AS t
                WHERE t.idempotency_key = p.idempotency_key AND t.platform <> of_platform
            ) THEN 'arrived'
            WHEN e.status = 'failed' THEN 'buried'
            ELSE 'on_its_way'
        END
    FROM page AS p
    LEFT JOIN twinstream.sync_state AS b
        ON b.member_id = theirs.member_id AND b.platform = of_platform
    LEFT JOIN twinstream.sync_events AS e ON e.idempotency_key = p.idempotency_key
    WINDOW newer AS (ORDER BY p.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY p.id DESC;
END $$;
