-- migrate:up
-- Earning by being there: messages, voice, reactions received. The ledger is kept for ever, so such amounts do
-- not become an event each. They are added to an open window, and a window becomes one event when it is closed
-- (docs/decisions/0020). A bot needs EXECUTE on `earn` and `close_windows_of` and nothing else.

-- The XP that an account has earned for a reason since the window was opened, and when it earned last. A row is the
-- account's, so it stays with the account when links come and go. It outlives its windows: time is the guard
-- against repeats. A statement that adds to an open window changes no indexed column, so it stays on its page
-- while there is room.
CREATE TABLE twinstream.earning_windows (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    reason text NOT NULL COLLATE "C",
    xp bigint NOT NULL DEFAULT 0,
    opened_at timestamptz,
    closed_at timestamptz,
    last_at timestamptz NOT NULL,
    day date NOT NULL,
    day_xp bigint NOT NULL DEFAULT 0,
    CONSTRAINT earning_window_once PRIMARY KEY (platform, account_id, reason),
    CONSTRAINT earning_window_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT earning_window_holds_xp CHECK (xp >= 0 AND (xp > 0) = (opened_at IS NOT NULL)),
    CONSTRAINT earning_window_day_not_negative CHECK (day_xp >= 0)
) WITH (fillfactor = 80);
COMMENT ON COLUMN twinstream.earning_windows.xp IS 'XP that is in no ledger yet';
COMMENT ON COLUMN twinstream.earning_windows.opened_at IS
    'when the window was opened, by the clock of Postgres; null while it is closed';
COMMENT ON COLUMN twinstream.earning_windows.closed_at IS 'when it was last closed: those who ask have it closed seldom';
COMMENT ON COLUMN twinstream.earning_windows.last_at IS
    'the moment of the last thing that counted, as its platform says it; never ahead of Postgres';
COMMENT ON COLUMN twinstream.earning_windows.day IS 'the last day on which something counted, in the time zone of the community';
COMMENT ON COLUMN twinstream.earning_windows.day_xp IS 'XP of that day';
CREATE INDEX earning_windows_open ON twinstream.earning_windows (platform, opened_at)
    WHERE opened_at IS NOT NULL;

-- The XP in the open windows of the person behind an account, on both platforms. An account without one has no row.
CREATE VIEW twinstream.open_earnings AS
SELECT a.platform, a.account_id, sum(w.xp)::bigint AS xp
FROM twinstream.accounts AS a
JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
JOIN twinstream.earning_windows AS w ON w.platform = theirs.platform AND w.account_id = theirs.account_id
WHERE w.opened_at IS NOT NULL
GROUP BY a.platform, a.account_id;

-- Makes events of the open windows of these accounts that were opened at `upto` or before, and empties them. The
-- caller has locked the accounts and their members. The relay publishes the events. A platform that keeps its
-- members in a table of its own is owed the amounts: the caller pays what it can, the consumers the rest.
-- Returns the members.
CREATE FUNCTION twinstream.close_windows(
    of_platform text, account_ids bigint[], upto timestamptz, stores text[]
) RETURNS bigint[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    due twinstream.event[];
    entered twinstream.event[];
BEGIN
    SELECT array_agg(e.event ORDER BY (e.event).member_id, (e.event).idempotency_key) INTO due
    FROM twinstream.earning_windows AS w
    CROSS JOIN LATERAL (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = w.platform AND a.account_id = w.account_id OFFSET 0
    ) AS a
    -- Each window has another last moment, so its event has a key of its own.
    CROSS JOIN LATERAL (SELECT (extract(epoch FROM w.last_at) * 1000000)::bigint::text AS entity_id) AS i
    CROSS JOIN LATERAL (SELECT ROW (
        a.member_id, NULL, w.platform, 'xp.changed', w.account_id, w.xp, 0, NULL, w.reason, i.entity_id,
        w.last_at, NULL
    )::twinstream.event AS bare) AS b
    CROSS JOIN LATERAL (SELECT ROW (
        a.member_id, k.key, w.platform, 'xp.changed', w.account_id, w.xp, 0, NULL, w.reason, i.entity_id,
        w.last_at,
        -- As schemas/codec.py writes it.
        concat(
            '{"type":"xp.changed","idempotency_key":"', k.key, '","source":"', w.platform, '","user_id":',
            w.account_id, ',"reason":"', w.reason, '","entity_id":"', i.entity_id, '","occurred_at":"',
            to_char(w.last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '","v":1,"delta_xp":',
            w.xp, '}'
        )
    )::twinstream.event AS event FROM twinstream.key_of(b.bare) AS k (key)) AS e
    WHERE w.platform = of_platform AND w.account_id = ANY (account_ids) AND w.opened_at <= upto;
    IF due IS NULL THEN
        RETURN '{}';
    END IF;
    UPDATE twinstream.earning_windows AS w SET xp = 0, opened_at = NULL, closed_at = now()
    WHERE w.platform = of_platform AND w.account_id = ANY (account_ids) AND w.opened_at <= upto;
    entered := twinstream.enter(of_platform, due, 'pending', true);
    IF cardinality(entered) IS DISTINCT FROM cardinality(due) THEN
        RAISE EXCEPTION 'the event of a window is in the ledger already: %', (
            SELECT min(d.idempotency_key) FROM unnest(due) AS d WHERE NOT EXISTS (
                SELECT FROM unnest(entered) AS e WHERE e.idempotency_key = d.idempotency_key
            )
        ) USING ERRCODE = 'check_violation', CONSTRAINT = 'window_is_closed_once';
    END IF;
    PERFORM pg_notify('twinstream_left_to_relay', of_platform);
    IF of_platform = ANY (stores) THEN
        INSERT INTO twinstream.store_debts AS d (member_id, platform, xp, balance)
        SELECT e.member_id, of_platform, sum(e.delta_xp), 0 FROM unnest(due) AS e
        GROUP BY e.member_id ORDER BY e.member_id
        ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
            xp = d.xp + excluded.xp, updated_at = now();
    END IF;
    RETURN ARRAY (SELECT DISTINCT e.member_id FROM unnest(due) AS e ORDER BY e.member_id);
END $$;

-- Closes all windows of the people behind these accounts, on both platforms. The caller has locked the accounts
-- and their members. An account on the other platform that a link holds at this moment is left out: that
-- transaction closes its windows itself. Nothing is waited for. Returns the members.
CREATE FUNCTION twinstream.close_windows_of_people(of_platform text, account_ids bigint[], stores text[])
RETURNS bigint[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    partners bigint[];
BEGIN
    WITH held AS MATERIALIZED (
        SELECT theirs.account_id
        FROM twinstream.accounts AS a
        JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id AND theirs.platform <> a.platform
        WHERE a.platform = of_platform AND a.account_id = ANY (account_ids)
        FOR KEY SHARE OF theirs SKIP LOCKED
    )
    SELECT array_agg(h.account_id) INTO partners FROM held AS h;
    RETURN twinstream.close_windows(of_platform, account_ids, 'infinity', stores)
        || twinstream.close_windows(
            CASE of_platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END, partners, 'infinity', stores
        );
END $$;

-- Closes all windows of accounts that the caller has locked with their members, before amounts move between them.
CREATE FUNCTION twinstream.close_windows_of_locked(platforms text[], account_ids bigint[], stores text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..cardinality(account_ids) LOOP
        PERFORM twinstream.close_windows(platforms[n], ARRAY[account_ids[n]], 'infinity', stores);
    END LOOP;
END $$;

-- Lets an account that takes another one's place go on where that one was: what a person earned today, and when
-- last, counts for the person.
CREATE FUNCTION twinstream.carry_earning(of_platform text, old_id bigint, new_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO twinstream.earning_windows AS w (platform, account_id, reason, last_at, day, day_xp)
    SELECT o.platform, new_id, o.reason, o.last_at, o.day, o.day_xp FROM twinstream.earning_windows AS o
    WHERE o.platform = of_platform AND o.account_id = old_id
    ON CONFLICT ON CONSTRAINT earning_window_once DO UPDATE SET
        last_at = greatest(w.last_at, excluded.last_at), day = greatest(w.day, excluded.day),
        day_xp = CASE WHEN w.day >= excluded.day THEN w.day_xp ELSE 0 END
            + CASE WHEN excluded.day >= w.day THEN excluded.day_xp ELSE 0 END
$$;

-- Tells whether an account that never earned for this reason was forgotten, and what it did is older than that.
CREATE FUNCTION twinstream.is_from_before_forgetting(
    of_platform text, of_account bigint, of_reason text, moment timestamptz, forget_secret text
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT forget_secret <> '' AND NOT EXISTS (
        SELECT FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.account_id = of_account AND w.reason = of_reason
    ) AND twinstream.was_forgotten_since(of_platform, ARRAY[of_account], moment, forget_secret)
$$;

-- Adds earnings to windows; `earn` says what is promised.
CREATE FUNCTION twinstream.add_earnings(
    of_platform text, account_ids bigint[], reasons text[], amounts bigint[], moments timestamptz[], days date[],
    cooldowns_s double precision[], day_limits bigint[], window_s double precision, stores text[],
    waits_for_locks boolean, forget_secret text
) RETURNS TABLE (xp bigint, last_at timestamptz, day_xp bigint, member_id bigint, closed boolean)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    here CONSTANT text := of_platform;
    size CONSTANT integer := coalesce(cardinality(account_ids), 0);
    last_forgotten CONSTANT bigint := CASE WHEN forget_secret <> '' THEN (
        SELECT f.number FROM twinstream.forgotten_accounts AS f ORDER BY f.number DESC LIMIT 1
    ) END;
    ladder CONSTANT bigint[] := twinstream.ladder();
    counted bigint[] := array_fill(NULL::bigint, ARRAY[size]);
    lasts timestamptz[] := array_fill(NULL::timestamptz, ARRAY[size]);
    sums bigint[] := array_fill(NULL::bigint, ARRAY[size]);
    owners bigint[] := array_fill(NULL::bigint, ARRAY[size]);
    too_old boolean[];
    wanted bigint[];
    locked bigint[] := '{}';
    promoted bigint[] := '{}';
    aged bigint[] := '{}';
    emptied bigint[] := '{}';
    n integer;
    owner bigint;
    moment timestamptz;
    known_at timestamptz;
    today bigint;
    fresh bigint;
    opened timestamptz;
    books bigint;
    total bigint;
    level_due bigint;
    held bigint;
BEGIN
    IF size = 0 THEN
        RETURN;
    END IF;
    PERFORM twinstream.require_caller(here);
    IF size > 1000 THEN
        RAISE EXCEPTION '% earnings in one call, the limit is 1000: their members are locked until it commits', size
            USING ERRCODE = 'check_violation', CONSTRAINT = 'call_has_a_thousand_earnings_at_most';
    END IF;
    SELECT min(u.number) INTO n
    FROM unnest(account_ids, reasons, amounts, moments, days, cooldowns_s, day_limits)
        WITH ORDINALITY AS u (account_id, reason, amount, moment, day, cooldown_s, day_limit, number)
    WHERE (u.account_id > 0 AND length(u.reason) <= 64 AND u.amount BETWEEN 1 AND 1000000000
        AND u.reason COLLATE "C" ~ '^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$' AND isfinite(u.moment) AND isfinite(u.day)
        AND u.reason NOT IN ('achievement_bonus', 'reconcile')
        AND u.cooldown_s BETWEEN 0 AND 31536000 AND u.day_limit >= 0) IS NOT TRUE;
    IF n IS NOT NULL THEN
        RAISE EXCEPTION 'earning % (account %, reason %, amount %) is none: expected seven arrays of one length with'
            ' an account, a reason of words, 1 to 10**9 XP, a moment, a day, a cooldown of a year at most and a'
            ' limit', n, account_ids[n], quote_nullable(reasons[n]), amounts[n]
            USING ERRCODE = 'check_violation', CONSTRAINT = 'earning_is_well_formed';
    END IF;
    IF last_forgotten IS NOT NULL THEN
        too_old := ARRAY (
            SELECT twinstream.is_from_before_forgetting(here, u.account_id, u.reason, u.moment, forget_secret)
            FROM unnest(account_ids, reasons, moments) WITH ORDINALITY AS u (account_id, reason, moment, number)
            ORDER BY u.number
        );
    END IF;
    wanted := ARRAY (
        SELECT DISTINCT u.account_id FROM unnest(account_ids, too_old) AS u (account_id, too_old)
        WHERE u.too_old IS NOT TRUE
    );
    IF wanted <> '{}' THEN
        locked := coalesce(twinstream.lock_accounts(here, wanted, waits_for_locks), '{}');
    END IF;
    IF forget_secret <> '' AND last_forgotten IS DISTINCT FROM (
        SELECT f.number FROM twinstream.forgotten_accounts AS f ORDER BY f.number DESC LIMIT 1
    ) THEN
        RAISE EXCEPTION 'an account is being forgotten at this moment' USING ERRCODE = 'serialization_failure';
    END IF;
    FOR n IN
        SELECT u.number FROM unnest(account_ids, moments) WITH ORDINALITY AS u (account_id, moment, number)
        ORDER BY u.account_id, u.moment, u.number
    LOOP
        IF too_old[n] THEN
            -- The account has no window for this reason, so nothing counted last.
            counted[n] := 0;
            sums[n] := 0;
            CONTINUE;
        END IF;
        CONTINUE WHEN account_ids[n] <> ALL (locked);
        owner := (
            SELECT a.member_id FROM twinstream.accounts AS a
            WHERE a.platform = here AND a.account_id = account_ids[n]
        );
        moment := least(moments[n], now());
        SELECT max(w.last_at), coalesce(sum(w.day_xp) FILTER (WHERE w.day >= days[n]), 0) INTO known_at, today
        FROM twinstream.accounts AS a CROSS JOIN LATERAL (
            SELECT w.last_at, w.day, w.day_xp FROM twinstream.earning_windows AS w
            WHERE w.platform = a.platform AND w.account_id = a.account_id AND w.reason = reasons[n] OFFSET 0
        ) AS w
        WHERE a.member_id = owner;
        fresh := CASE
            WHEN moment <= known_at OR moment < known_at + make_interval(secs => cooldowns_s[n]) THEN 0
            ELSE greatest(0, least(amounts[n], day_limits[n] - today))
        END;
        IF fresh > 0 THEN
            -- A window is of one week and one month, because its event counts for those of its last moment.
            IF EXISTS (
                SELECT FROM twinstream.earning_windows AS w
                WHERE w.platform = here AND w.account_id = account_ids[n] AND w.reason = reasons[n]
                    AND w.opened_at IS NOT NULL AND w.day < days[n]
                    AND (date_trunc('week', w.day::timestamp), date_trunc('month', w.day::timestamp))
                        <> (date_trunc('week', days[n]::timestamp), date_trunc('month', days[n]::timestamp))
            ) THEN
                emptied := emptied || twinstream.close_windows(here, ARRAY[account_ids[n]], 'infinity', stores);
            END IF;
            INSERT INTO twinstream.earning_windows AS w
                (platform, account_id, reason, xp, opened_at, last_at, day, day_xp)
            VALUES (here, account_ids[n], reasons[n], fresh, now(), moment, days[n], fresh)
            ON CONFLICT ON CONSTRAINT earning_window_once DO UPDATE SET
                xp = w.xp + excluded.xp, opened_at = coalesce(w.opened_at, excluded.opened_at),
                last_at = excluded.last_at, day = greatest(w.day, excluded.day),
                day_xp = excluded.day_xp + CASE WHEN w.day >= excluded.day THEN w.day_xp ELSE 0 END
            RETURNING w.opened_at INTO opened;
            IF opened <= now() - make_interval(secs => window_s) THEN
                aged := aged || account_ids[n];
            END IF;
            SELECT coalesce(s.xp, 0), m.xp, m.level_due_xp INTO books, total, level_due
            FROM twinstream.members AS m
            LEFT JOIN twinstream.sync_state AS s ON s.member_id = m.id AND s.platform = here
            WHERE m.id = owner;
            SELECT sum(w.xp) INTO held
            FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                SELECT w.xp FROM twinstream.earning_windows AS w
                WHERE w.platform = a.platform AND w.account_id = a.account_id OFFSET 0
            ) AS w
            WHERE a.member_id = owner;
            -- A level is news once, so it closes once: `level_due` stays behind where levels are not announced.
            IF twinstream.rank_on(books + held, ladder) > twinstream.rank_on(books, ladder)
                OR total < level_due AND total + held >= level_due
            THEN
                promoted := promoted || account_ids[n];
            END IF;
        END IF;
        counted[n] := fresh;
        lasts[n] := CASE WHEN fresh > 0 THEN moment ELSE known_at END;
        sums[n] := today + fresh;
        owners[n] := owner;
    END LOOP;
    IF promoted <> '{}' THEN
        emptied := emptied || twinstream.close_windows_of_people(here, promoted, stores);
    END IF;
    IF aged <> '{}' THEN
        emptied := emptied || twinstream.close_windows(
            here, aged, now() - make_interval(secs => window_s), stores
        );
    END IF;
    RETURN QUERY
    SELECT u.counted, u.last_at, u.day_xp, u.member_id, coalesce(u.member_id = ANY (emptied), false)
    FROM unnest(counted, lasts, sums, owners) WITH ORDINALITY
        AS u (counted, last_at, day_xp, member_id, number)
    ORDER BY u.number;
END $$;

-- Adds what accounts of one platform earned, in the order of its moments. The arrays are parallel: what was
-- earned, for which reason, when the platform says it happened, on which day of the community that was; how long
-- ago the person's last one must be, and how much the person may earn for the reason on that day.
--
-- Something counts if it is at least the cooldown, and more than no time, later than what counted last for the
-- same reason of the same person, on either platform. So what comes again never counts twice. A moment ahead of
-- Postgres's clock is taken as now. Of an amount that exceeds the limit of the day, the rest up to it counts.
--
-- A window that was opened `window_s` ago is closed, one of another week or month than what is added, and all
-- windows of a person whom they raise to another rank, or to a level that is to be announced
-- (`members.level_due_xp`).
-- `stores` names the platforms whose bots keep members in a table of their own (`close_windows`).
--
-- Returns a row for each, in order: what counted (0 for nothing; null: another transaction holds the person, and
-- `waits_for_locks` is false, so call again), the moment of what counted last, what the person earned on that day,
-- the member, and whether windows of the member were closed.
--
-- Errors by constraint: call_has_a_thousand_earnings_at_most, earning_is_well_formed.
CREATE FUNCTION twinstream.earn(
    platform text, account_ids bigint[], reasons text[], amounts bigint[], moments timestamptz[], days date[],
    cooldowns_s double precision[], day_limits bigint[], window_s double precision, stores text[] DEFAULT '{}',
    waits_for_locks boolean DEFAULT true, forget_secret text DEFAULT NULL
) RETURNS TABLE (xp bigint, last_at timestamptz, day_xp bigint, member_id bigint, closed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.add_earnings(
        platform, account_ids, reasons, amounts, moments, days, cooldowns_s, day_limits, window_s, stores,
        waits_for_locks, forget_secret
    );
END $$;

-- Closes the windows of the person behind an account, because the person asks for what they have. Returns the
-- members whose windows were closed: one or none. None if another transaction holds the person: nobody waits for a
-- lock to be told a total. None either if one of them was closed within the last `rest_s`: the ledger is kept for
-- ever, and nobody fills it by asking. Errors: none of its own.
CREATE FUNCTION twinstream.close_windows_of(
    platform text, account_id bigint, stores text[] DEFAULT '{}', rest_s double precision DEFAULT 3600
) RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    here CONSTANT text := platform;
    asked CONSTANT bigint := account_id;
BEGIN
    PERFORM twinstream.require_caller(here);
    -- Most people who ask have none, and lock nothing.
    IF (
        SELECT bool_or(w.opened_at IS NOT NULL)
            AND NOT bool_or(w.closed_at BETWEEN now() - make_interval(secs => rest_s) AND now()) IS TRUE
        FROM twinstream.accounts AS a
        JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
        JOIN twinstream.earning_windows AS w ON w.platform = theirs.platform AND w.account_id = theirs.account_id
        WHERE a.platform = here AND a.account_id = asked
    ) IS NOT TRUE THEN
        RETURN;
    END IF;
    IF twinstream.lock_accounts(here, ARRAY[asked], false) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT DISTINCT u.id
    FROM unnest(twinstream.close_windows_of_people(here, ARRAY[asked], stores)) AS u (id);
END $$;

-- Closes the windows of these accounts that are due by now; those from the future, and all that the same accounts
-- have, because the clock was set back. The caller has locked the accounts and their members. Returns the members.
CREATE FUNCTION twinstream.close_old_windows(
    of_platform text, account_ids bigint[], window_s double precision, stores text[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    members bigint[];
BEGIN
    members := twinstream.close_windows(
        of_platform, account_ids, now() - make_interval(secs => window_s), stores
    );
    IF EXISTS (
        SELECT FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.account_id = ANY (account_ids)
            AND w.opened_at > now() + interval '1 minute'
    ) THEN
        members := members || twinstream.close_windows(of_platform, account_ids, 'infinity', stores);
    END IF;
    RETURN members;
END $$;

-- Closes up to `at_most` windows of one platform that were opened `window_s` ago or more, the oldest first, and
-- passes over people whom other transactions hold, and the accounts `passed_over`. A window from a future that no
-- clock has is closed as well: the clock was set back. Windows that the record refuses stay open, and cost the
-- others nothing. Returns the members, how many windows were closed, and the accounts whose windows were refused,
-- with the reason for each.
CREATE FUNCTION twinstream.close_due_windows(
    of_platform text, window_s double precision, at_most integer, stores text[] DEFAULT '{}',
    passed_over bigint[] DEFAULT '{}',
    OUT members bigint[], OUT closed integer, OUT refused bigint[], OUT reasons text[]
) LANGUAGE plpgsql AS $$
DECLARE
    account_ids bigint[];
    one bigint;
    were_open integer;
BEGIN
    WITH old AS (
        SELECT w.account_id FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.opened_at <= now() - make_interval(secs => window_s)
            AND w.account_id <> ALL (passed_over)
        ORDER BY w.opened_at LIMIT at_most
    ), early AS (
        SELECT w.account_id FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.opened_at > now() + interval '1 minute'
            AND w.account_id <> ALL (passed_over)
        ORDER BY w.opened_at LIMIT at_most
    ), both_kinds AS (
        SELECT o.account_id FROM old AS o UNION ALL SELECT e.account_id FROM early AS e
    )
    SELECT array_agg(DISTINCT b.account_id) INTO account_ids FROM both_kinds AS b;
    members := '{}';
    closed := 0;
    refused := '{}';
    reasons := '{}';
    IF account_ids IS NULL THEN
        RETURN;
    END IF;
    account_ids := coalesce(twinstream.lock_accounts(of_platform, account_ids, false), '{}');
    were_open := (
        SELECT count(*) FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.account_id = ANY (account_ids) AND w.opened_at IS NOT NULL
    );
    BEGIN
        members := twinstream.close_old_windows(of_platform, account_ids, window_s, stores);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
        FOREACH one IN ARRAY account_ids LOOP
            BEGIN
                members := members || twinstream.close_old_windows(of_platform, ARRAY[one], window_s, stores);
            EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
                refused := refused || one;
                reasons := reasons || SQLERRM;
            END;
        END LOOP;
    END;
    closed := were_open - (
        SELECT count(*) FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.account_id = ANY (account_ids) AND w.opened_at IS NOT NULL
    );
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.close_due_windows(text, double precision, integer, text[], bigint[]),
    twinstream.close_old_windows(text, bigint[], double precision, text[]),
    twinstream.close_windows_of(text, bigint, text[], double precision),
    twinstream.earn(text, bigint[], text[], bigint[], timestamptz[], date[], double precision[], bigint[], double precision, text[], boolean, text),
    twinstream.add_earnings(text, bigint[], text[], bigint[], timestamptz[], date[], double precision[], bigint[], double precision, text[], boolean, text),
    twinstream.is_from_before_forgetting(text, bigint, text, timestamptz, text),
    twinstream.carry_earning(text, bigint, bigint),
    twinstream.close_windows_of_locked(text[], bigint[], text[]),
    twinstream.close_windows_of_people(text, bigint[], text[]),
    twinstream.close_windows(text, bigint[], timestamptz, text[]);
DROP VIEW twinstream.open_earnings;
DROP TABLE twinstream.earning_windows;
