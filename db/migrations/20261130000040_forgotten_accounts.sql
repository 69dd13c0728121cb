-- migrate:up
-- Forgetting a person is the one exception to "the ledger is only added to" (docs/decisions/0018). Ids and keys
-- leave the record; of them stay HMACs, whose secret is outside of the database. By these an entry that is
-- delivered again is known, and nobody who has the database alone can try ids until one fits.

-- The accounts that were forgotten. The number grows with every forgetting, so that a transaction sees that one
-- came in between.
CREATE TABLE twinstream.forgotten_accounts (
    mark text COLLATE "C" NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    forgotten_at timestamptz NOT NULL,
    CONSTRAINT forgotten_account_once PRIMARY KEY (mark),
    CONSTRAINT forgotten_account_numbered UNIQUE (number),
    CONSTRAINT forgotten_account_mark_is_hmac CHECK (mark COLLATE "C" ~ '^[0-9a-f]{64}$')
);
-- Most that is judged is newer than the newest.
CREATE INDEX forgotten_accounts_by_time ON twinstream.forgotten_accounts (forgotten_at);
COMMENT ON COLUMN twinstream.forgotten_accounts.mark IS 'HMAC-SHA256 of the platform and the account''s id';

-- The inner and the outer key of HMAC-SHA256. Its key is the SHA-256 of the secret, so a secret has any length.
CREATE FUNCTION twinstream.mark_pads(secret text) RETURNS bytea[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    key CONSTANT bytea := sha256(convert_to(secret, 'UTF8'));
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
BEGIN
    FOR n IN 0..31 LOOP
        inner_pad := set_byte(inner_pad, n, get_byte(inner_pad, n) # get_byte(key, n));
        outer_pad := set_byte(outer_pad, n, get_byte(outer_pad, n) # get_byte(key, n));
    END LOOP;
    RETURN ARRAY[inner_pad, outer_pad];
END $$;

-- The HMAC of a text, as 64 hexadecimal digits.
CREATE FUNCTION twinstream.mark_of(pads bytea[], said text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(pads[2] || sha256(pads[1] || convert_to(said, 'UTF8'))), 'hex')
$$;

CREATE FUNCTION twinstream.account_mark(pads bytea[], of_platform text, of_account bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT twinstream.mark_of(pads, format('account:%s:%s', of_platform, of_account)) $$;

-- Tells whether one of these accounts was forgotten after this moment, so that what it did then must not come back.
CREATE FUNCTION twinstream.was_forgotten_since(
    of_platform text, account_ids bigint[], moment timestamptz, forget_secret text
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    pads bytea[];
BEGIN
    IF NOT coalesce(
        forget_secret <> '' AND moment < (SELECT max(f.forgotten_at) FROM twinstream.forgotten_accounts AS f), false
    ) THEN
        RETURN false;
    END IF;
    pads := twinstream.mark_pads(forget_secret);
    RETURN EXISTS (
        SELECT FROM unnest(account_ids) AS u (id) JOIN twinstream.forgotten_accounts AS f
            ON f.mark = twinstream.account_mark(pads, of_platform, u.id)
        WHERE moment < f.forgotten_at
    );
END $$;

-- The key that an entry has once its account is forgotten.
CREATE FUNCTION twinstream.forgotten_key(pads bytea[], key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'forgotten:' || twinstream.mark_of(pads, 'key:' || key)
$$;

-- Returns the places of those events that count no more, because their accounts were forgotten; NULL for none.
-- An event counts no more if its key is in the ledger under its HMAC. Of events from a stream, those count no
-- more either that no ledger has and that say that they happened before their account was forgotten.
CREATE FUNCTION twinstream.find_forgotten(
    events twinstream.event[], forget_secret text, is_from_stream boolean
) RETURNS bigint[] LANGUAGE plpgsql STABLE
-- As `record_events`, of which it is a part.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
BEGIN
    RETURN (
        SELECT array_agg(e.ordinality)
        FROM unnest(events) WITH ORDINALITY AS e
        WHERE EXISTS (
            SELECT FROM twinstream.transactions AS t
            WHERE t.idempotency_key = twinstream.forgotten_key(pads, e.idempotency_key)
                AND t.platform = e.source
        ) OR is_from_stream AND EXISTS (
            SELECT FROM twinstream.forgotten_accounts AS f
            WHERE f.mark = twinstream.account_mark(pads, e.source, e.account_id)
                AND e.occurred_at < f.forgotten_at
        )
    );
END $$;

-- As before, and with `forget_secret` events of forgotten accounts change nothing: their member is NULL, and
-- they were not created now. Without it, an old event of a forgotten account counts as a new member's.
DROP FUNCTION twinstream.record_events(text[], text, boolean, boolean, boolean);
CREATE FUNCTION twinstream.record_events(
    payloads text[], as_status text, is_left_to_relay boolean, waits boolean, is_ours boolean,
    forget_secret text DEFAULT NULL
) RETURNS TABLE (key text, member_id bigint, created boolean) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    events CONSTANT twinstream.event[] := twinstream.read_events(payloads);
    of_platform CONSTANT text := events[1].source;
    -- NULL while nobody was ever forgotten, and then no event is looked at twice.
    last_forgotten CONSTANT bigint := CASE WHEN forget_secret <> '' THEN (
        SELECT f.number FROM twinstream.forgotten_accounts AS f ORDER BY f.number DESC LIMIT 1
    ) END;
    old bigint[];
    account_ids bigint[];
    locked bigint[];
    owned twinstream.event[];
    places bigint[];
    fresh twinstream.event[];
    owners bigint[];
    first_of_each bigint[];
BEGIN
    IF events IS NULL THEN
        RETURN;
    END IF;
    PERFORM twinstream.require_caller(of_platform);
    IF last_forgotten IS NOT NULL THEN
        old := twinstream.find_forgotten(events, forget_secret, as_status = 'published' AND NOT is_ours);
    END IF;
    IF old IS NOT NULL THEN
        -- The others are recorded as if they had come alone.
        RETURN QUERY
        WITH others AS (
            SELECT u.payload, u.place, row_number() OVER (ORDER BY u.place) AS number
            FROM unnest(payloads) WITH ORDINALITY AS u (payload, place) WHERE u.place <> ALL (old)
        ), recorded AS (
            SELECT r.* FROM twinstream.record_events(
                ARRAY (SELECT o.payload FROM others AS o ORDER BY o.number),
                as_status, is_left_to_relay, waits, is_ours
            ) WITH ORDINALITY AS r (key, member_id, created, number)
        )
        SELECT e.idempotency_key, r.member_id, CASE WHEN o.place IS NULL THEN false ELSE r.created END
        FROM unnest(events) WITH ORDINALITY AS e LEFT JOIN others AS o ON o.place = e.ordinality
        LEFT JOIN recorded AS r ON r.number = o.number
        ORDER BY e.ordinality;
        RETURN;
    END IF;
    -- Most calls have one event, whose account needs no statement.
    IF cardinality(events) = 1 THEN
        account_ids := ARRAY[events[1].account_id];
    ELSE
        account_ids := ARRAY (SELECT DISTINCT e.account_id FROM unnest(events) AS e);
    END IF;
    locked := twinstream.lock_accounts(of_platform, account_ids, waits);
    IF forget_secret <> '' AND last_forgotten IS DISTINCT FROM (
        SELECT f.number FROM twinstream.forgotten_accounts AS f ORDER BY f.number DESC LIMIT 1
    ) THEN
        -- It may be one of these accounts, whose lock was waited for. The next attempt knows.
        RAISE EXCEPTION 'an account is being forgotten at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
    IF cardinality(locked) = cardinality(account_ids) THEN
        locked := NULL; -- all of them, so none has to be looked for
    ELSE
        locked := coalesce(locked, '{}');
    END IF;
    -- The member of each event, read after the accounts are locked, by a statement of its own. An event is
    -- left out where another transaction holds its account.
    SELECT
        array_agg(ROW (
            a.member_id, e.idempotency_key, e.source, e.type, e.account_id, e.delta_xp, e.delta_balance,
            e.achievement, e.reason, e.entity_id, e.occurred_at, e.payload
        )::twinstream.event ORDER BY a.member_id, e.idempotency_key, e.ordinality),
        array_agg(e.ordinality ORDER BY a.member_id, e.idempotency_key, e.ordinality)
    INTO owned, places
    FROM unnest(events) WITH ORDINALITY AS e
    CROSS JOIN LATERAL (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = e.account_id OFFSET 0
    ) AS a
    WHERE locked IS NULL OR e.account_id = ANY (locked);
    fresh := twinstream.enter(of_platform, owned, as_status, is_left_to_relay);
    IF fresh IS NOT NULL THEN
        PERFORM twinstream.require_keys(fresh, is_ours);
        IF is_left_to_relay THEN
            -- Postgres sends equal notifications of a transaction once, and only if it commits.
            PERFORM pg_notify('twinstream_left_to_relay', of_platform);
        END IF;
    END IF;
    IF cardinality(fresh) = 1 AND cardinality(events) = 1 THEN
        key := fresh[1].idempotency_key;
        member_id := fresh[1].member_id;
        created := true;
        RETURN NEXT;
        RETURN;
    END IF;
    IF cardinality(fresh) = cardinality(events) THEN
        RETURN QUERY
        SELECT u.idempotency_key, u.member_id, true
        FROM ROWS FROM (unnest(fresh), unnest(places)) AS u (
            member_id, idempotency_key, source, type, account_id, delta_xp, delta_balance, achievement,
            reason, entity_id, occurred_at, payload, place
        )
        ORDER BY u.place;
        RETURN;
    END IF;
    PERFORM twinstream.refuse_conflicts(of_platform, owned);
    owners := array_fill(NULL::bigint, ARRAY[cardinality(events)]);
    FOR number IN 1..coalesce(cardinality(places), 0) LOOP
        owners[places[number]] := owned[number].member_id;
    END LOOP;
    first_of_each := ARRAY (
        SELECT min(e.ordinality) FROM unnest(events) WITH ORDINALITY AS e
        WHERE e.idempotency_key = ANY (ARRAY (SELECT f.idempotency_key FROM unnest(fresh) AS f))
        GROUP BY e.idempotency_key
    );
    RETURN QUERY
    SELECT e.idempotency_key, owners[e.ordinality],
        CASE WHEN owners[e.ordinality] IS NOT NULL THEN e.ordinality = ANY (first_of_each) END
    FROM unnest(events) WITH ORDINALITY AS e ORDER BY e.ordinality;
END $$;

DROP FUNCTION twinstream.record(text[], boolean, boolean);
CREATE FUNCTION twinstream.record(payloads text[], caller_publishes boolean DEFAULT false, waits_for_locks boolean DEFAULT true, forget_secret text DEFAULT NULL) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF cardinality(payloads) > 1000 THEN
        RAISE EXCEPTION '% events in one call, the limit is 1000: their members are locked until it commits',
            cardinality(payloads)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'call_has_a_thousand_events_at_most';
    END IF;
    RETURN QUERY SELECT * FROM twinstream.record_events(
        payloads, 'pending', NOT caller_publishes, waits_for_locks, false, forget_secret
    );
END $$;

DROP FUNCTION twinstream.record_xp(text, bigint, bigint, text, text, text);
CREATE FUNCTION twinstream.record_xp(source text, user_id bigint, delta_xp bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL, forget_secret text DEFAULT NULL) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'xp.changed', user_id, delta_xp, NULL, NULL, reason, entity_id, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

DROP FUNCTION twinstream.record_balance(text, bigint, bigint, text, text, text);
CREATE FUNCTION twinstream.record_balance(source text, user_id bigint, delta_balance bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL, forget_secret text DEFAULT NULL) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'balance.changed', user_id, NULL, delta_balance, NULL, reason, entity_id,
        NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

DROP FUNCTION twinstream.record_achievement(text, bigint, text, text);
CREATE FUNCTION twinstream.record_achievement(source text, user_id bigint, achievement text, idempotency_key text DEFAULT NULL, forget_secret text DEFAULT NULL) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'achievement.unlocked', user_id, NULL, NULL, achievement, 'achievement',
        achievement, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

-- As before, and keys that begin with `forgotten:` are the record's own.
CREATE OR REPLACE FUNCTION twinstream.is_reserved(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:') OR starts_with(key, 'import:')
        OR starts_with(key, 'forgotten:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.is_reserved(key text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:') OR starts_with(key, 'import:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;
DROP FUNCTION twinstream.record_achievement(text, bigint, text, text, text);
CREATE FUNCTION twinstream.record_achievement(source text, user_id bigint, achievement text, idempotency_key text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'achievement.unlocked', user_id, NULL, NULL, achievement, 'achievement',
        achievement, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;
DROP FUNCTION twinstream.record_balance(text, bigint, bigint, text, text, text, text);
CREATE FUNCTION twinstream.record_balance(source text, user_id bigint, delta_balance bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'balance.changed', user_id, NULL, delta_balance, NULL, reason, entity_id,
        NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;
DROP FUNCTION twinstream.record_xp(text, bigint, bigint, text, text, text, text);
CREATE FUNCTION twinstream.record_xp(source text, user_id bigint, delta_xp bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'xp.changed', user_id, delta_xp, NULL, NULL, reason, entity_id, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;
DROP FUNCTION twinstream.record(text[], boolean, boolean, text);
CREATE FUNCTION twinstream.record(payloads text[], caller_publishes boolean DEFAULT false, waits_for_locks boolean DEFAULT true) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF cardinality(payloads) > 1000 THEN
        RAISE EXCEPTION '% events in one call, the limit is 1000: their members are locked until it commits',
            cardinality(payloads)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'call_has_a_thousand_events_at_most';
    END IF;
    RETURN QUERY SELECT * FROM twinstream.record_events(
        payloads, 'pending', NOT caller_publishes, waits_for_locks, false
    );
END $$;
DROP FUNCTION twinstream.record_events(text[], text, boolean, boolean, boolean, text);
CREATE FUNCTION twinstream.record_events(payloads text[], as_status text, is_left_to_relay boolean, waits boolean, is_ours boolean) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    events CONSTANT twinstream.event[] := twinstream.read_events(payloads);
    of_platform CONSTANT text := events[1].source;
    account_ids bigint[];
    locked bigint[];
    owned twinstream.event[];
    places bigint[];
    fresh twinstream.event[];
    owners bigint[];
    first_of_each bigint[];
BEGIN
    IF events IS NULL THEN
        RETURN;
    END IF;
    PERFORM twinstream.require_caller(of_platform);
    account_ids := ARRAY (SELECT DISTINCT e.account_id FROM unnest(events) AS e);
    locked := twinstream.lock_accounts(of_platform, account_ids, waits);
    IF cardinality(locked) = cardinality(account_ids) THEN
        locked := NULL; -- all of them, so none has to be looked for
    ELSE
        locked := coalesce(locked, '{}');
    END IF;
    -- The member of each event, read after the accounts are locked, by a statement of its own. An event is
    -- left out where another transaction holds its account.
    SELECT
        array_agg(ROW (
            a.member_id, e.idempotency_key, e.source, e.type, e.account_id, e.delta_xp, e.delta_balance,
            e.achievement, e.reason, e.entity_id, e.occurred_at, e.payload
        )::twinstream.event ORDER BY a.member_id, e.idempotency_key, e.ordinality),
        array_agg(e.ordinality ORDER BY a.member_id, e.idempotency_key, e.ordinality)
    INTO owned, places
    FROM unnest(events) WITH ORDINALITY AS e
    CROSS JOIN LATERAL (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = e.account_id OFFSET 0
    ) AS a
    WHERE locked IS NULL OR e.account_id = ANY (locked);
    fresh := twinstream.enter(of_platform, owned, as_status, is_left_to_relay);
    IF fresh IS NOT NULL THEN
        PERFORM twinstream.require_keys(fresh, is_ours);
        IF is_left_to_relay THEN
            -- Postgres sends equal notifications of a transaction once, and only if it commits.
            PERFORM pg_notify('twinstream_left_to_relay', of_platform);
        END IF;
    END IF;
    IF cardinality(fresh) = cardinality(events) THEN
        RETURN QUERY
        SELECT u.idempotency_key, u.member_id, true
        FROM ROWS FROM (unnest(fresh), unnest(places)) AS u (
            member_id, idempotency_key, source, type, account_id, delta_xp, delta_balance, achievement,
            reason, entity_id, occurred_at, payload, place
        )
        ORDER BY u.place;
        RETURN;
    END IF;
    PERFORM twinstream.refuse_conflicts(of_platform, owned);
    owners := array_fill(NULL::bigint, ARRAY[cardinality(events)]);
    FOR number IN 1..coalesce(cardinality(places), 0) LOOP
        owners[places[number]] := owned[number].member_id;
    END LOOP;
    first_of_each := ARRAY (
        SELECT min(e.ordinality) FROM unnest(events) WITH ORDINALITY AS e
        WHERE e.idempotency_key = ANY (ARRAY (SELECT f.idempotency_key FROM unnest(fresh) AS f))
        GROUP BY e.idempotency_key
    );
    RETURN QUERY
    SELECT e.idempotency_key, owners[e.ordinality],
        CASE WHEN owners[e.ordinality] IS NOT NULL THEN e.ordinality = ANY (first_of_each) END
    FROM unnest(events) WITH ORDINALITY AS e ORDER BY e.ordinality;
END $$;
DROP FUNCTION twinstream.find_forgotten(twinstream.event[], text, boolean);
DROP FUNCTION twinstream.forgotten_key(bytea[], text);
DROP FUNCTION twinstream.was_forgotten_since(text, bigint[], timestamptz, text);
DROP FUNCTION twinstream.account_mark(bytea[], text, bigint);
DROP FUNCTION twinstream.mark_of(bytea[], text);
DROP FUNCTION twinstream.mark_pads(text);
DROP TABLE twinstream.forgotten_accounts;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;
