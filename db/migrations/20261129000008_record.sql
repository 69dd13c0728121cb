-- migrate:up
-- The door to the ledger: functions that record events within the caller's own transaction. A bot in any
-- language needs EXECUTE on them and nothing else. Their names, parameters and results are an interface:
-- a later release adds parameters with defaults, or functions with new names, so an old bot works on a
-- new database (docs/decisions/0014).
--
-- Functions for callers (`record`, `record_xp`, ...) are SECURITY DEFINER and search Postgres's own schema
-- only. The temporary schema is named last: where it is not named it comes first, and a caller could put
-- a type of its own in the place of `text` and act as the owner. Functions for callers call the others,
-- which only our own processes may. All of them name each object of ours with its schema; functions of
-- Postgres such as now() go without, so that the simulation can put its own clock in front. A plan is made
-- once for any parameters (force_generic_plan), because planning takes longer than one event. It must serve
-- an event as well as a thousand, and a table of any size, so rows are always looked up by their index: with
-- `= ANY (array)`, or by a subquery that runs for each row (OFFSET 0 keeps it one). A join would be planned
-- for the tables as they are at the first call, and might read a whole table once that has grown.

ALTER TABLE sync_events ADD COLUMN left_to_relay boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sync_events.left_to_relay IS
    'no producer publishes this event: the relay does, without the wait that it grants a producer';

-- The roles that the operator's script made, by what they do. Empty: one login does everything.
CREATE TABLE roles (
    duty text PRIMARY KEY,
    role name NOT NULL,
    CONSTRAINT role_duty_known CHECK (
        duty IN (
            'owner', 'consumers', 'to_discord', 'to_telegram', 'telegram_bot', 'discord_bot', 'web', 'reader'
        )
    )
);

-- An event of a call, as its payload says, and the member that its account belongs to once that is locked.
-- Keys compare byte by byte, as they do in the ledger's index.
CREATE TYPE event AS (
    member_id bigint,
    idempotency_key text COLLATE "C",
    source text,
    type text,
    account_id bigint,
    delta_xp bigint,
    delta_balance bigint,
    achievement text,
    reason text,
    entity_id text,
    occurred_at timestamptz,
    payload text
);

-- Refuses a login that may not act for a platform.
CREATE FUNCTION require_caller(of_platform text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM twinstream.roles) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (
        SELECT FROM twinstream.roles AS r JOIN pg_roles AS p ON p.rolname = r.role
        WHERE r.duty IN ('owner', 'consumers', 'to_discord', 'to_telegram', of_platform || '_bot')
            AND pg_has_role(session_user, p.oid, 'MEMBER')
    ) THEN
        RAISE EXCEPTION 'the login % may not act for %', session_user, of_platform
            USING ERRCODE = 'insufficient_privilege', HINT = format(
                'Grant it the role of that platform''s bot: GRANT %s TO %I', coalesce(
                    (SELECT quote_ident(r.role) FROM twinstream.roles AS r
                    WHERE r.duty = of_platform || '_bot'), 'it'
                ), session_user
            );
    END IF;
END $$;

-- The key that an event has unless its sender gives it another (schemas/keys.py).
CREATE FUNCTION key_of(e twinstream.event) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE e.source WHEN 'telegram' THEN 'tg_' ELSE 'dc_' END || CASE e.type
        WHEN 'xp.changed' THEN e.reason || '_' || e.account_id::text || '_' || e.entity_id
        WHEN 'balance.changed' THEN
            e.reason || '.balance_' || e.account_id::text || '_' || e.entity_id
        ELSE 'achievement.' || e.achievement || '_' || e.account_id::text
    END
$$;

-- The reason in a key that has the form of `key_of`, or null for a key of any other form. The numbers are
-- the limits of schemas/fields.py: a word has 64 characters, an entity 128, and an id is a bigint.
CREATE FUNCTION reason_in_key(key text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    word CONSTANT text := '[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*';
    found text[] := regexp_match(
        key COLLATE "C", '^(?:tg|dc)_achievement\.(' || word || ')_([1-9][0-9]*)$'
    );
BEGIN
    IF found IS NOT NULL THEN
        RETURN CASE WHEN length(found[1]) <= 64 AND found[2]::numeric <= 9223372036854775807
            THEN 'achievement' END;
    END IF;
    found := regexp_match(
        key COLLATE "C",
        '^(?:tg|dc)_(' || word || ')(?:\.balance)?_([1-9][0-9]*)_([A-Za-z0-9_.:-]+)$'
    );
    RETURN CASE WHEN length(found[1]) <= 64 AND found[2]::numeric <= 9223372036854775807
        AND length(found[3]) <= 128 THEN found[1] END;
END $$;

-- Tells whether a key is for events of our own processes only.
CREATE FUNCTION is_reserved(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;

-- Refuses events whose keys may not be theirs. Keys that are in the ledger are never judged again, so this
-- is for new events only. Reserved keys are for our own processes (`is_ours`).
CREATE FUNCTION require_keys(events twinstream.event[], is_ours boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Nearly every event has its own key and an open reason, and needs no closer look.
    others CONSTANT twinstream.event[] := ARRAY (
        SELECT u FROM unnest(events) AS u
        WHERE u.idempotency_key <> twinstream.key_of(u)
            OR u.reason IN ('achievement_bonus', 'reconcile')
    );
    e twinstream.event;
BEGIN
    FOREACH e IN ARRAY others LOOP
        IF NOT is_ours AND twinstream.is_reserved(e.idempotency_key) THEN
            RAISE EXCEPTION 'the key % is reserved for events of twinstream itself: use another reason or'
                ' another key', quote_literal(e.idempotency_key)
                USING ERRCODE = 'check_violation', CONSTRAINT = 'key_is_reserved';
        END IF;
        -- A key of that form says what it is the key of, so it is the event's own or a wrong one.
        IF e.idempotency_key <> twinstream.key_of(e)
            AND twinstream.reason_in_key(e.idempotency_key) IS NOT NULL
        THEN
            RAISE EXCEPTION 'the key % is the key of another event; this one''s own is %: leave the key'
                ' out, or use one of another form', quote_literal(e.idempotency_key),
                quote_literal(twinstream.key_of(e))
                USING ERRCODE = 'check_violation', CONSTRAINT = 'key_agrees_with_event';
        END IF;
    END LOOP;
END $$;

-- Reads events from their payloads, in order, and checks what the wire format says (schemas/fields.py).
-- Refuses a call with a fault and says what it is. `read_events` calls it for what is not written plainly.
CREATE FUNCTION read_any_events(payloads text[]) RETURNS twinstream.event[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    word CONSTANT text := '^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$';
    -- Postgres reads more: days before months, 24:00, a minute of 60 seconds, a time without seconds.
    time CONSTANT text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
        '([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$';
    events twinstream.event[];
    fault text;
    of_both boolean;
BEGIN
    SELECT
        array_agg(
            ROW (
                NULL, e.idempotency_key, e.source, e.type, e.user_id,
                CASE e.type WHEN 'xp.changed' THEN e.delta_xp ELSE 0 END,
                CASE e.type WHEN 'balance.changed' THEN e.delta_balance ELSE 0 END,
                CASE e.type WHEN 'achievement.unlocked' THEN e.achievement END,
                e.reason, e.entity_id, e.occurred_at::timestamptz, p.payload
            )::twinstream.event ORDER BY p.number
        ),
        min(f.fault), min(e.source) <> max(e.source)
    INTO events, fault, of_both
    FROM unnest(payloads) WITH ORDINALITY AS p (payload, number)
    -- Parsed once: OFFSET keeps Postgres from putting the cast in every place that uses it.
    CROSS JOIN LATERAL (SELECT p.payload::jsonb AS body OFFSET 0) AS b
    CROSS JOIN LATERAL jsonb_to_record(b.body) AS e (
        v integer, type text, idempotency_key text, source text, user_id bigint, reason text,
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text
    )
    -- The same fields as they are written. Postgres turns numbers into text and text into numbers, and reads
    -- 1e2 as a whole number; a consumer would refuse such an event after its origin had recorded it.
    CROSS JOIN LATERAL json_to_record(p.payload::json) AS w (
        v json, type json, idempotency_key json, source json, user_id json, reason json, entity_id json,
        occurred_at json, delta_xp json, delta_balance json, achievement json
    )
    CROSS JOIN LATERAL (SELECT CASE
        WHEN octet_length(p.payload) > 16384 THEN 'the payload has more than 16384 bytes'
        WHEN jsonb_path_exists(b.body, '$.**{100}')
            THEN 'the payload is nested deeper than 100 levels'
        WHEN concat_ws(' ', w.v, w.delta_xp, w.delta_balance) ~ '[^0-9 -]' OR (
            e.v IS NULL AND b.body ? 'v'
        ) THEN 'v, delta_xp and delta_balance are written in digits, such as 100'
        WHEN w.user_id::text !~ '^(-?[0-9]+|"[1-9][0-9]*")$' THEN format(
            'user_id is %s; expected the account''s id, 1 to 2**63-1, in digits', left(w.user_id::text, 60)
        )
        WHEN concat(
            left(w.type::text, 1), left(w.idempotency_key::text, 1), left(w.source::text, 1),
            left(w.reason::text, 1), left(w.entity_id::text, 1), left(w.occurred_at::text, 1),
            left(w.achievement::text, 1)
        ) ~ '[^"]' THEN 'all fields but v, user_id, delta_xp and delta_balance are strings, in quotes'
        WHEN coalesce(e.v, 1) <> 1 THEN format('v is %s; expected 1', e.v)
        WHEN e.source IS NULL OR e.source NOT IN ('telegram', 'discord')
            THEN format('source is %L; expected telegram or discord', e.source)
        WHEN e.user_id IS NULL OR e.user_id < 1
            THEN format('user_id is %L; expected the account''s id, 1 to 2**63-1', e.user_id)
        WHEN e.reason IS NULL OR length(e.reason) > 64 OR e.reason COLLATE "C" !~ word THEN format(
            'reason is %L; expected words of a-z and 0-9 joined by _, each beginning with a letter, at'
            ' most 64 characters', e.reason
        )
        -- A bound in the pattern itself ({1,128}) takes ten times as long.
        WHEN e.entity_id IS NULL OR length(e.entity_id) > 128
            OR e.entity_id COLLATE "C" !~ '^[A-Za-z0-9_.:-]+$' THEN
            format('entity_id is %L; expected 1 to 128 characters of A-Z a-z 0-9 _ . : -', e.entity_id)
        WHEN e.idempotency_key IS NULL OR length(e.idempotency_key) > 256
            OR e.idempotency_key COLLATE "C" !~ '^[!-~]+$' THEN format(
            'idempotency_key is %L; expected 1 to 256 printable ASCII characters without spaces',
            e.idempotency_key
        )
        WHEN e.occurred_at IS NULL OR e.occurred_at COLLATE "C" !~ time
            OR e.occurred_at::timestamptz < '0001-01-01T00:00:00Z'
            OR e.occurred_at::timestamptz >= '10000-01-01T00:00:00Z'
            THEN format(
                'occurred_at is %L; expected an RFC 3339 time with its offset, years 1 to 9999 in UTC',
                e.occurred_at
            )
        WHEN e.type = 'xp.changed' THEN CASE
            WHEN e.delta_xp IS NULL OR e.delta_xp NOT BETWEEN -1000000000000 AND 1000000000000
                OR e.delta_xp = 0
                THEN format('delta_xp is %L; expected -10**12 to 10**12, not 0', e.delta_xp) END
        WHEN e.type = 'balance.changed' THEN CASE
            WHEN e.delta_balance IS NULL
                OR e.delta_balance NOT BETWEEN -1000000000000 AND 1000000000000
                OR e.delta_balance = 0
                THEN format('delta_balance is %L; expected -10**12 to 10**12, not 0', e.delta_balance)
            END
        WHEN e.type = 'achievement.unlocked' THEN CASE
            WHEN e.achievement IS NULL OR length(e.achievement) > 64
                OR e.achievement COLLATE "C" !~ word THEN format(
                'achievement is %L; expected words of a-z and 0-9 joined by _, each beginning with a'
                ' letter, at most 64 characters', e.achievement
            ) END
        ELSE format(
            'type is %L; expected xp.changed, balance.changed or achievement.unlocked', e.type
        )
    END AS fault) AS f;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '%', fault
            USING ERRCODE = 'check_violation', CONSTRAINT = 'event_follows_the_wire_format';
    END IF;
    IF of_both THEN
        RAISE EXCEPTION 'the events are of both platforms: record those of each in a call'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'call_is_of_one_platform';
    END IF;
    RETURN events;
END $$;

-- Does as `read_any_events`, in a third of the time for events that are written as schemas/codec.py writes
-- them, which most are. Such a payload has nothing but the fields of its event, in one order, each number in
-- the only way to write it: put together again from its fields it is the same text. That leaves the values.
-- The texts of all events are matched at once, because a regular expression costs more to begin than to go
-- on. No text has a tab or a line feed, which JSON writes as an escape, so they keep the texts apart.
CREATE FUNCTION read_events(payloads text[]) RETURNS twinstream.event[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- The reason, the entity, the time, the key without quotes and backslashes, and the achievement.
    texts CONSTANT text := '^([a-z][a-z0-9]*(_[a-z][a-z0-9]*)*\t[A-Za-z0-9_.:-]+'
        '\t[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z'
        '\t[!#-[\]-~]+(\t[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*)?\n)+$';
    events twinstream.event[];
    is_plain boolean;
BEGIN
    SELECT
        array_agg(
            ROW (
                NULL, e.idempotency_key, e.source, e.type, e.user_id, coalesce(e.delta_xp, 0),
                coalesce(e.delta_balance, 0), e.achievement, e.reason, e.entity_id, t.occurred_at, p.payload
            )::twinstream.event ORDER BY p.number
        ),
        bool_and(coalesce(
            p.payload = concat(
                '{"type":"', e.type, '","idempotency_key":"', e.idempotency_key, '","source":"', e.source,
                '","user_id":', e.user_id, ',"reason":"', e.reason, '","entity_id":"', e.entity_id,
                '","occurred_at":"', e.occurred_at, '","v":1,', CASE e.type
                    WHEN 'xp.changed' THEN '"delta_xp":' || e.delta_xp
                    WHEN 'balance.changed' THEN '"delta_balance":' || e.delta_balance
                    WHEN 'achievement.unlocked' THEN '"achievement":"' || e.achievement || '"'
                END, '}'
            )
            AND octet_length(p.payload) <= 16384 AND e.user_id > 0 AND length(e.reason) <= 64
            AND length(e.entity_id) <= 128 AND length(e.idempotency_key) <= 256
            AND t.occurred_at >= '0001-01-01T00:00:00Z' AND t.occurred_at < '10000-01-01T00:00:00Z'
            AND CASE e.type WHEN 'achievement.unlocked' THEN length(e.achievement) <= 64
                ELSE coalesce(e.delta_xp, e.delta_balance) BETWEEN -1000000000000 AND 1000000000000
                    AND coalesce(e.delta_xp, e.delta_balance) <> 0 END,
            false
        ))
            AND (bool_and(e.source = 'telegram') OR bool_and(e.source = 'discord'))
            AND string_agg(concat(
                e.reason, E'\t', e.entity_id, E'\t', e.occurred_at, E'\t', e.idempotency_key,
                E'\t' || e.achievement, E'\n'
            ), '') COLLATE "C" ~ texts
    INTO events, is_plain
    FROM unnest(payloads) WITH ORDINALITY AS p (payload, number)
    CROSS JOIN LATERAL jsonb_to_record(p.payload::jsonb) AS e (
        v integer, type text, idempotency_key text, source text, user_id bigint, reason text,
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text
    )
    CROSS JOIN LATERAL (SELECT e.occurred_at::timestamptz AS occurred_at OFFSET 0) AS t;
    RETURN CASE WHEN is_plain THEN events ELSE twinstream.read_any_events(payloads) END;
END $$;

-- Says where two events with one key differ in a field, or null if they do not.
CREATE FUNCTION difference(field text, known text, new text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN known IS DISTINCT FROM new
        THEN format('%s %s is now %s', field, coalesce(known, 'none'), coalesce(new, 'none')) END
$$;

-- Raises the error for a key that belongs to an event with different content.
CREATE FUNCTION refuse_other_content(key text, differences text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the idempotency key % already belongs to a different event: %; use a new key for a'
        ' new event', quote_literal(key), differences
        USING ERRCODE = 'unique_violation', CONSTRAINT = 'key_names_one_event', DETAIL = key;
END $$;

-- Creates a member for each of these accounts that has none. Locks no member that exists.
CREATE FUNCTION create_members(of_platform text, account_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    surplus bigint[];
BEGIN
    WITH missing AS MATERIALIZED (
        SELECT u.account_id, row_number() OVER (ORDER BY u.account_id) AS number
        FROM unnest(account_ids) AS u (account_id)
        WHERE NOT EXISTS (
            SELECT FROM twinstream.accounts AS a
            WHERE a.platform = of_platform AND a.account_id = u.account_id
        )
    ), fresh AS (
        -- A member for each account; the ids are only known after the insert.
        INSERT INTO twinstream.members (xp) SELECT 0 FROM missing RETURNING id
    ), numbered AS (
        -- The n-th member gets the n-th account.
        SELECT f.id, row_number() OVER (ORDER BY f.id) AS number FROM fresh AS f
    ), taken AS (
        -- Another transaction may have created the account meanwhile; its member is surplus.
        INSERT INTO twinstream.accounts (platform, account_id, member_id)
        SELECT of_platform, m.account_id, n.id FROM missing AS m JOIN numbered AS n USING (number)
        ORDER BY m.account_id
        ON CONFLICT ON CONSTRAINT account_once DO NOTHING
        RETURNING member_id
    )
    SELECT array_agg(f.id) INTO surplus FROM fresh AS f
    WHERE NOT EXISTS (SELECT FROM taken AS t WHERE t.member_id = f.id);
    DELETE FROM twinstream.members AS m WHERE m.id = ANY (surplus);
END $$;

-- Wishes: the only code that writes what a member should see. A new wish replaces `wanted`, `wanted_key`,
-- `wanted_at` and `priority`, and frees the row from whatever hindered the old wish. A member who is
-- absent stays parked, because no visit can reach them. The same wish once more changes nothing. A wish
-- for a platform where the member has no account is left out: linking makes it.
CREATE FUNCTION want(
    member_ids bigint[], platforms text[], names text[], numbers integer[], keys text[],
    priorities integer[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO twinstream.surfaces AS f (member_id, platform, surface, wanted, wanted_key, priority)
    SELECT w.member_id, w.platform, w.name, w.number, w.key, w.priority
    FROM unnest(member_ids, platforms, names, numbers, keys, priorities)
        AS w (member_id, platform, name, number, key, priority)
    WHERE (
        SELECT true FROM twinstream.accounts AS a
        WHERE a.member_id = w.member_id AND a.platform = w.platform
    )
    ORDER BY w.member_id, w.platform, w.name
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET
        wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
        priority = excluded.priority, attempts = 0,
        retry_at = CASE WHEN f.parked = 'absent' THEN f.retry_at END,
        error = CASE WHEN f.parked = 'absent' THEN f.error END,
        parked = CASE WHEN f.parked = 'absent' THEN f.parked END
    WHERE f.wanted <> excluded.wanted;
END $$;

-- Raises the error for accounts that would be overdrawn.
CREATE FUNCTION refuse_overdraft(of_accounts bigint[], by_xp boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the member has less % than this would take away',
        CASE WHEN by_xp THEN 'XP' ELSE 'balance' END
        USING ERRCODE = 'check_violation', DETAIL = array_to_string(of_accounts, ','),
            CONSTRAINT = format('member_%s_not_negative', CASE WHEN by_xp THEN 'xp' ELSE 'balance' END);
END $$;

-- Adds events that have just entered their origin's ledger to the totals of their members. The CHECKs of
-- `members` refuse the same; this names all accounts at fault.
--
-- A member's week and month have what the member earned in them, by the event's own time. Repairs, links and
-- imports change the totals alone. A sum of an older period is replaced by the first event of a new
-- one, so no work is due at midnight. A transaction that began before midnight may come after one that began
-- later: its events count for the period that the member's row has already. `takes`: one of them takes
-- something away.
CREATE FUNCTION add_to_totals(events twinstream.event[], takes boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    starts CONSTANT record := twinstream.period_starts();
    overdrawn bigint[];
    by_xp boolean;
BEGIN
    IF takes THEN
        SELECT array_agg(n.account_id ORDER BY n.account_id), bool_or(n.xp < 0) INTO overdrawn, by_xp
        FROM (
            SELECT min(e.account_id) AS account_id, m.xp + sum(e.delta_xp) AS xp,
                m.balance + sum(e.delta_balance) AS balance
            FROM unnest(events) AS e JOIN twinstream.members AS m ON m.id = e.member_id
            GROUP BY m.id
        ) AS n
        WHERE least(n.xp, n.balance) < 0;
        IF overdrawn IS NOT NULL THEN
            PERFORM twinstream.refuse_overdraft(overdrawn, by_xp);
        END IF;
    END IF;
    UPDATE twinstream.members AS m SET xp = m.xp + n.xp, balance = m.balance + n.balance,
        earned_at = CASE WHEN n.earns_xp THEN now() ELSE m.earned_at END,
        balance_at = CASE WHEN n.earns_balance THEN now() ELSE m.balance_at END,
        week = CASE WHEN n.week_xp = 0 OR m.week = starts.next_week THEN m.week ELSE starts.week END,
        week_xp = n.week_xp + CASE
            WHEN n.week_xp = 0 OR m.week IN (starts.week, starts.next_week) THEN m.week_xp ELSE 0 END,
        week_discord_xp = CASE n.source WHEN 'discord' THEN n.week_xp ELSE 0 END + CASE
            WHEN n.week_xp = 0 OR m.week IN (starts.week, starts.next_week) THEN m.week_discord_xp ELSE 0 END,
        month = CASE WHEN n.month_xp = 0 OR m.month = starts.next_month THEN m.month ELSE starts.month END,
        month_xp = n.month_xp + CASE
            WHEN n.month_xp = 0 OR m.month IN (starts.month, starts.next_month) THEN m.month_xp ELSE 0 END,
        month_discord_xp = CASE n.source WHEN 'discord' THEN n.month_xp ELSE 0 END + CASE
            WHEN n.month_xp = 0 OR m.month IN (starts.month, starts.next_month) THEN m.month_discord_xp
            ELSE 0 END
    FROM (
        -- Events that earn something are of one platform: only links have both in a call.
        SELECT e.member_id, min(e.source) AS source,
            sum(e.delta_xp)::bigint AS xp, sum(e.delta_balance)::bigint AS balance,
            bool_or(k.earns AND e.delta_xp <> 0) AS earns_xp,
            bool_or(k.earns AND e.delta_balance <> 0) AS earns_balance,
            sum(CASE WHEN k.earns AND e.occurred_at >= starts.week_at THEN e.delta_xp ELSE 0 END)::bigint
                AS week_xp,
            sum(CASE WHEN k.earns AND e.occurred_at >= starts.month_at THEN e.delta_xp ELSE 0 END)::bigint
                AS month_xp
        FROM unnest(events) AS e
        CROSS JOIN LATERAL (SELECT e.reason <> 'reconcile'
            AND NOT starts_with(e.idempotency_key, 'link:')
            AND NOT starts_with(e.idempotency_key, 'import:') AS earns) AS k
        GROUP BY e.member_id
    ) AS n
    WHERE m.id = n.member_id;
END $$;

-- Wants these ranks of members whose books the caller has just changed, where they are not wanted already:
-- most are, and a wish that is the same once more would write its row all the same. All writers of these
-- wishes hold the row of the books. The newest key explains a wish; an event of a member (0) is more urgent
-- than one of reconcile (2).
CREATE FUNCTION want_ranks(
    of_platform text, members bigint[], ranks integer[], events twinstream.event[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
    wanted integer[];
BEGIN
    SELECT array_agg(n.member_id), array_agg(n.rank) INTO changed, wanted
    FROM unnest(members, ranks) AS n (member_id, rank)
    WHERE n.rank IS DISTINCT FROM (
        SELECT f.wanted FROM twinstream.surfaces AS f
        WHERE f.member_id = n.member_id AND f.platform = of_platform AND f.surface = 'rank'
    );
    IF changed IS NULL THEN
        RETURN;
    END IF;
    PERFORM twinstream.want(
        array_agg(n.member_id), array_agg(of_platform), array_agg('rank'::text), array_agg(n.rank),
        array_agg(c.key), array_agg(c.priority)
    )
    FROM unnest(changed, wanted) AS n (member_id, rank)
    CROSS JOIN LATERAL (
        SELECT max(e.idempotency_key) AS key,
            min(CASE e.reason WHEN 'reconcile' THEN 2 ELSE 0 END) AS priority
        FROM unnest(events) AS e WHERE e.member_id = n.member_id
    ) AS c;
END $$;

-- Adds events that have just entered one platform's ledger to its books, with achievements and wishes.
-- Events come in member order, and rows are locked in it. `unlocks`: one of them has an achievement.
CREATE FUNCTION add_to_books(of_platform text, events twinstream.event[], unlocks boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- As `ladder` has it, whose one query would be planned anew in each transaction.
    ladder CONSTANT bigint[] := ARRAY (SELECT r.xp FROM twinstream.ranks AS r ORDER BY r.xp);
    members bigint[];
    ranks integer[];
BEGIN
    WITH books AS (
        -- One row per member, because a statement may change a row only once. Signed amounts are added,
        -- never written, so the order of events does not matter. Rank follows from XP.
        INSERT INTO twinstream.sync_state AS s
            (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
        SELECT n.member_id, of_platform, n.xp, n.balance, n.discord_xp, n.discord_balance,
            twinstream.rank_on(n.xp, ladder)
        FROM (
            SELECT e.member_id, sum(e.delta_xp)::bigint AS xp, sum(e.delta_balance)::bigint AS balance,
                sum(CASE e.source WHEN 'discord' THEN e.delta_xp ELSE 0 END)::bigint AS discord_xp,
                sum(CASE e.source WHEN 'discord' THEN e.delta_balance ELSE 0 END)::bigint
                    AS discord_balance
            FROM unnest(events) AS e GROUP BY e.member_id ORDER BY e.member_id
        ) AS n
        ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
            xp = s.xp + excluded.xp,
            balance = s.balance + excluded.balance,
            discord_xp = s.discord_xp + excluded.discord_xp,
            discord_balance = s.discord_balance + excluded.discord_balance,
            rank = twinstream.rank_on(s.xp + excluded.xp, ladder),
            version = s.version + 1,
            updated_at = now()
        RETURNING s.member_id, s.rank
    )
    SELECT array_agg(b.member_id), array_agg(b.rank) INTO members, ranks FROM books AS b;
    PERFORM twinstream.want_ranks(of_platform, members, ranks, events);
    IF unlocks THEN
        -- A set: a second unlock adds nothing and may only prove that the first was earlier.
        INSERT INTO twinstream.achievements AS h (member_id, platform, achievement, unlocked_at)
        SELECT e.member_id, of_platform, e.achievement, min(e.occurred_at) FROM unnest(events) AS e
        WHERE e.achievement IS NOT NULL
        GROUP BY e.member_id, e.achievement ORDER BY e.member_id, e.achievement
        ON CONFLICT ON CONSTRAINT achievement_once DO UPDATE SET
            unlocked_at = least(h.unlocked_at, excluded.unlocked_at);
        PERFORM twinstream.want(
            array_agg(e.member_id), array_agg(of_platform), array_agg('achievement:' || e.achievement),
            array_agg(1), array_agg(e.key), array_agg(e.priority)
        )
        FROM (
            SELECT e.member_id, e.achievement, max(e.idempotency_key) AS key,
                min(CASE e.reason WHEN 'reconcile' THEN 2 ELSE 0 END) AS priority
            FROM unnest(events) AS e WHERE e.achievement IS NOT NULL GROUP BY e.member_id, e.achievement
        ) AS e;
    END IF;
END $$;

-- Enters events into one platform's ledger and books, each key once for ever. Returns the events whose keys
-- were not there yet; only those change anything. The caller has locked their accounts; the events come in
-- the order of their members, and all rows are locked in it. With `as_status` the platform is the origin of
-- the events: their members' totals change too, and the events themselves are appended in that status.
CREATE FUNCTION enter(
    of_platform text, events twinstream.event[], as_status text, is_left_to_relay boolean
) RETURNS twinstream.event[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    keys text[];
    unlocks boolean;
    takes boolean;
    fresh twinstream.event[] := events;
    appended integer;
BEGIN
    WITH entered AS (
        -- A key that is there already enters nothing, so all that follows happens once.
        INSERT INTO twinstream.transactions (platform, idempotency_key, source, type, account_id,
            delta_xp, delta_balance, achievement, reason, entity_id, occurred_at)
        SELECT of_platform, e.idempotency_key, e.source, e.type, e.account_id, e.delta_xp,
            e.delta_balance, e.achievement, e.reason, e.entity_id, e.occurred_at
        FROM unnest(events) AS e
        ON CONFLICT ON CONSTRAINT transaction_once DO NOTHING
        RETURNING idempotency_key, delta_xp, delta_balance, achievement
    )
    -- Most events unlock nothing and take nothing away. It is noticed here, because each question by a
    -- statement of its own costs as much as entering a row.
    SELECT array_agg(n.idempotency_key), bool_or(n.achievement IS NOT NULL),
        bool_or(least(n.delta_xp, n.delta_balance) < 0)
    INTO keys, unlocks, takes FROM entered AS n;
    IF keys IS NULL THEN
        RETURN NULL;
    END IF;
    IF cardinality(keys) < cardinality(events) THEN
        -- A key may also be in the call twice; its first event entered.
        fresh := (
            SELECT array_agg(events[n.first] ORDER BY n.first)
            FROM (
                SELECT min(e.ordinality) AS first FROM unnest(events) WITH ORDINALITY AS e
                WHERE e.idempotency_key = ANY (keys) GROUP BY e.idempotency_key
            ) AS n
        );
    END IF;
    PERFORM twinstream.add_to_books(of_platform, fresh, unlocks);
    IF as_status IS NOT NULL THEN
        PERFORM twinstream.add_to_totals(fresh, takes);
        -- A row that is there already may have been buried before any producer recorded the event; it
        -- becomes this event's row. Any other row is an event of the opposite platform with this key.
        INSERT INTO twinstream.sync_events AS k (idempotency_key, source, type, account_id, payload,
            status, left_to_relay, published_at)
        SELECT e.idempotency_key, e.source, e.type, e.account_id, e.payload, as_status,
            is_left_to_relay, CASE WHEN as_status = 'published' THEN now() END
        FROM unnest(fresh) AS e
        ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
            source = excluded.source, type = excluded.type, account_id = excluded.account_id,
            payload = excluded.payload, status = excluded.status,
            left_to_relay = excluded.left_to_relay, published_at = excluded.published_at,
            created_at = excluded.created_at, error_message = NULL
        WHERE k.status = 'failed';
        GET DIAGNOSTICS appended = ROW_COUNT;
        IF appended < cardinality(fresh) THEN
            PERFORM twinstream.refuse_other_content(k.idempotency_key, twinstream.difference(
                'source', quote_literal(k.source), quote_literal(of_platform)
            ))
            FROM twinstream.sync_events AS k
            WHERE k.idempotency_key = ANY (keys) AND k.source <> of_platform;
        END IF;
    END IF;
    RETURN fresh;
END $$;

-- Enters events that the ledger of their origin has into the opposite platform's ledger and books. The caller
-- has locked their accounts. Returns the keys that were not there yet.
CREATE FUNCTION enter_at_opposite(of_platform text, origin text, keys text[]) RETURNS text[]
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    events CONSTANT twinstream.event[] := (
        SELECT array_agg(ROW (
            a.member_id, t.idempotency_key, t.source, t.type, t.account_id, t.delta_xp, t.delta_balance,
            t.achievement, t.reason, t.entity_id, t.occurred_at, NULL
        )::twinstream.event ORDER BY a.member_id, t.idempotency_key)
        FROM twinstream.transactions AS t
        CROSS JOIN LATERAL (
            SELECT a.member_id FROM twinstream.accounts AS a
            WHERE a.platform = t.source AND a.account_id = t.account_id OFFSET 0
        ) AS a
        WHERE t.platform = origin AND t.idempotency_key = ANY (keys)
    );
BEGIN
    RETURN ARRAY (
        SELECT e.idempotency_key FROM unnest(twinstream.enter(of_platform, events, NULL, false)) AS e
    );
END $$;

-- Locks accounts of one platform and their members until the transaction ends. Creates a member for an
-- account that is seen for the first time. Returns the locked accounts; unless `waits`, an account is left
-- out that another transaction holds, by itself or by its member.
CREATE FUNCTION lock_accounts(of_platform text, account_ids bigint[], waits boolean) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    locked bigint[];
    missing bigint[];
BEGIN
    -- The second look finds the members that the first one created; each further look needs a link that
    -- commits in between.
    FOR look IN 1..5 LOOP
        -- Accounts first, in their order, as a link locks them: this reads to whom they belong once no
        -- link has them. Then the members, in theirs, so that no two callers wait for each other.
        IF waits THEN
            WITH known AS MATERIALIZED (
                SELECT a.account_id, a.member_id FROM twinstream.accounts AS a
                WHERE a.platform = of_platform AND a.account_id = ANY (account_ids)
                ORDER BY a.account_id FOR KEY SHARE
            ), held AS MATERIALIZED (
                SELECT k.account_id FROM known AS k JOIN twinstream.members AS m ON m.id = k.member_id
                ORDER BY m.id FOR NO KEY UPDATE OF m
            )
            SELECT array_agg(h.account_id) INTO locked FROM held AS h;
        ELSE
            WITH known AS MATERIALIZED (
                SELECT a.account_id, a.member_id FROM twinstream.accounts AS a
                WHERE a.platform = of_platform AND a.account_id = ANY (account_ids)
                ORDER BY a.account_id FOR KEY SHARE SKIP LOCKED
            ), held AS MATERIALIZED (
                SELECT k.account_id FROM known AS k JOIN twinstream.members AS m ON m.id = k.member_id
                ORDER BY m.id FOR NO KEY UPDATE OF m SKIP LOCKED
            )
            SELECT array_agg(h.account_id) INTO locked FROM held AS h;
        END IF;
        EXIT WHEN cardinality(locked) = cardinality(account_ids);
        SELECT array_agg(u.account_id) INTO missing FROM unnest(account_ids) AS u (account_id)
        WHERE NOT EXISTS (
            SELECT FROM twinstream.accounts AS a
            WHERE a.platform = of_platform AND a.account_id = u.account_id
        );
        EXIT WHEN missing IS NULL AND NOT waits;
        IF look = 5 THEN
            RAISE EXCEPTION '% accounts keep changing hands: %', of_platform, account_ids[1:3]
                USING ERRCODE = 'serialization_failure';
        END IF;
        PERFORM twinstream.create_members(of_platform, missing);
    END LOOP;
    RETURN locked;
END $$;

-- Refuses events whose key belongs to an event with different content. The time is ignored, because a retry
-- may have read the clock again. For an achievement the cause is ignored too, because a second cause is no
-- second achievement.
CREATE FUNCTION refuse_conflicts(of_platform text, events twinstream.event[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM twinstream.refuse_other_content(e.idempotency_key, d.differences)
    FROM unnest(events) AS e
    CROSS JOIN LATERAL (
        SELECT * FROM twinstream.transactions AS t
        WHERE t.idempotency_key = e.idempotency_key AND t.platform = of_platform OFFSET 0
    ) AS t
    CROSS JOIN LATERAL (SELECT concat_ws(', ',
        twinstream.difference('source', quote_literal(t.source), quote_literal(e.source)),
        twinstream.difference('type', quote_literal(t.type), quote_literal(e.type)),
        twinstream.difference('account_id', t.account_id::text, e.account_id::text),
        twinstream.difference('delta_xp', t.delta_xp::text, e.delta_xp::text),
        twinstream.difference('delta_balance', t.delta_balance::text, e.delta_balance::text),
        twinstream.difference('achievement', quote_literal(t.achievement), quote_literal(e.achievement)),
        CASE WHEN t.achievement IS NULL THEN twinstream.difference('reason', quote_literal(t.reason), quote_literal(e.reason)) END,
        CASE WHEN t.achievement IS NULL
            THEN twinstream.difference('entity_id', quote_literal(t.entity_id), quote_literal(e.entity_id)) END
    ) AS differences) AS d
    WHERE d.differences <> '';
END $$;

-- Settles events from the stream of `origin`, each known by its key, on the opposite platform: compares them with
-- the origin's ledger, enters what the opposite ledger does not have, and completes the events. One call is
-- a whole transaction if the caller has none. `names` are those that came with the events, if any did; an event
-- that was entered before brings no old name back. With `lock_wait_ms`, the transaction waits no longer for a lock.
--
-- Returns the keys that were entered now, and the member of each. Keys without an entry at the origin are
-- `unknown`, and then nothing was done but to lock accounts: the caller records these events and calls again.
-- Events whose bytes are not those that were recorded, such as of completed events, which keep none, are
-- `doubtful`, and nothing was done either: the caller compares what they say, as it was decoded on the way, and
-- calls again with `compared`.
--
-- Accounts are locked in their order, so none is linked or unlinked until the transaction ends; then books
-- in the order of members, then events in the order of their ids, as recording does it.
CREATE FUNCTION settle(
    of_platform text, origin text, keys text[], payloads text[], names text[] DEFAULT NULL,
    lock_wait_ms integer DEFAULT NULL, compared boolean DEFAULT false,
    OUT entered text[], OUT members bigint[], OUT unknown text[], OUT doubtful text[]
) LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    events twinstream.event[];
    account_ids bigint[];
    known_as text[];
BEGIN
    IF lock_wait_ms IS NOT NULL THEN
        PERFORM set_config('lock_timeout', lock_wait_ms::text, true);
    END IF;
    -- A subquery for each account locks it and reads its member once no link has it. An event that was recorded
    -- with the same bytes is the same. The payload of a buried event may be of another one that claimed its key before.
    SELECT
        array_agg(ROW (
            a.member_id, t.idempotency_key, t.source, t.type, t.account_id, t.delta_xp, t.delta_balance,
            t.achievement, t.reason, t.entity_id, t.occurred_at, NULL
        )::twinstream.event ORDER BY a.member_id, t.idempotency_key),
        array_agg(t.idempotency_key) FILTER (WHERE t.is_doubtful)
    INTO events, doubtful
    FROM (
        SELECT t.*, u.payload, (
            SELECT k.payload FROM twinstream.sync_events AS k
            WHERE k.idempotency_key = u.key AND k.source = origin AND k.status IN ('pending', 'published')
        ) IS DISTINCT FROM u.payload AS is_doubtful
        FROM unnest(keys, payloads) AS u (key, payload)
        CROSS JOIN LATERAL (
            SELECT * FROM twinstream.transactions AS t
            WHERE t.idempotency_key = u.key AND t.platform = origin OFFSET 0
        ) AS t
        ORDER BY t.source, t.account_id OFFSET 0
    ) AS t
    CROSS JOIN LATERAL (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = t.source AND a.account_id = t.account_id
        FOR KEY SHARE
    ) AS a;
    IF coalesce(cardinality(events), 0) < cardinality(keys) THEN
        unknown := ARRAY (
            SELECT u.key FROM unnest(keys) AS u (key)
            WHERE u.key <> ALL (ARRAY (SELECT e.idempotency_key FROM unnest(events) AS e))
        );
        RETURN;
    END IF;
    IF doubtful IS NOT NULL AND NOT compared THEN
        RETURN;
    END IF;
    SELECT array_agg(e.idempotency_key), array_agg(e.member_id) INTO entered, members
    FROM unnest(twinstream.enter(of_platform, events, NULL, false)) AS e;
    IF names IS NOT NULL THEN
        -- The newest first: `array_position` finds it.
        SELECT array_agg(t.account_id ORDER BY u.place DESC), array_agg(u.name ORDER BY u.place DESC)
        INTO account_ids, known_as
        FROM unnest(keys, names) WITH ORDINALITY AS u (key, name, place)
        CROSS JOIN LATERAL (
            SELECT t.account_id FROM twinstream.transactions AS t
            WHERE t.idempotency_key = u.key AND t.platform = origin OFFSET 0
        ) AS t
        WHERE u.name IS NOT NULL AND (cardinality(entered) = cardinality(keys) OR u.key = ANY (entered));
        UPDATE twinstream.accounts AS a
        SET display_name = known_as[array_position(account_ids, a.account_id)]
        WHERE a.platform = origin AND a.account_id = ANY (account_ids)
            AND a.display_name IS DISTINCT FROM known_as[array_position(account_ids, a.account_id)];
    END IF;
    -- Both ledgers have what the payload says, so it is kept no longer. An event that was buried before its
    -- account was known has none yet; its ledger row does.
    UPDATE twinstream.sync_events AS k
    SET status = 'completed', processed_by = of_platform, processed_at = now(),
        published_at = coalesce(k.published_at, now()), error_message = NULL, payload = NULL,
        account_id = coalesce(k.account_id, (
            SELECT t.account_id FROM twinstream.transactions AS t
            WHERE t.idempotency_key = k.idempotency_key AND t.platform = of_platform
        ))
    WHERE k.id = ANY (ARRAY (
        SELECT o.id FROM twinstream.sync_events AS o
        WHERE o.idempotency_key = ANY (keys) AND o.status <> 'completed'
        ORDER BY o.id
        FOR NO KEY UPDATE
    ));
END $$;

-- Records events of one platform, all or none; `record` says what is promised.
CREATE FUNCTION record_events(
    payloads text[], as_status text, is_left_to_relay boolean, waits boolean, is_ours boolean
) RETURNS TABLE (key text, member_id bigint, created boolean)
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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

-- Records events in the caller's transaction, each as the wire carries it (docs/wire.md): ledger entry,
-- books, totals, wishes and the event itself. All events of a call are of one platform, and all are
-- recorded or none. Returns a row for each, in order: its key, its member, and whether it was created; a
-- known key with the same content changes nothing. Members stay locked until the transaction ends.
--
-- The relay publishes the events once the transaction has committed. A caller that publishes them itself
-- says so; the relay then publishes what the caller has not marked after some seconds. Unless
-- `waits_for_locks`, events of members that other transactions hold are left out: their `created` is null.
--
-- Errors by constraint: event_follows_the_wire_format, call_is_of_one_platform,
-- call_has_a_thousand_events_at_most, key_is_reserved,
-- key_agrees_with_event, key_names_one_event (DETAIL: the key), member_xp_not_negative and
-- member_balance_not_negative (DETAIL: the accounts).
CREATE FUNCTION record(
    payloads text[], caller_publishes boolean DEFAULT false, waits_for_locks boolean DEFAULT true
) RETURNS TABLE (key text, member_id bigint, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The payload of an event that happens now, with the key of its parts unless another is given. A null in
-- `parts` is left out, so `record_events` says that it is missing.
CREATE FUNCTION payload_of(e twinstream.event) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'type', e.type, 'source', e.source, 'user_id', e.account_id, 'reason', e.reason,
        'entity_id', e.entity_id, 'delta_xp', e.delta_xp, 'delta_balance', e.delta_balance,
        'achievement', e.achievement, 'v', 1,
        'idempotency_key', coalesce(e.idempotency_key, twinstream.key_of(e)),
        'occurred_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ))::text
$$;

-- Records that an account earned (or lost) XP. `reason` names the cause, `entity_id` its object: the same
-- source, account, reason and object are the same event, whose second call changes nothing. Returns the
-- key, the member, and whether the event is new. Errors: as `record`.
CREATE FUNCTION record_xp(
    source text, user_id bigint, delta_xp bigint, reason text, entity_id text,
    idempotency_key text DEFAULT NULL
) RETURNS TABLE (key text, member_id bigint, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'xp.changed', user_id, delta_xp, NULL, NULL, reason, entity_id, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;

-- Records that an account gained (or spent) balance; otherwise as `record_xp`.
CREATE FUNCTION record_balance(
    source text, user_id bigint, delta_balance bigint, reason text, entity_id text,
    idempotency_key text DEFAULT NULL
) RETURNS TABLE (key text, member_id bigint, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'balance.changed', user_id, NULL, delta_balance, NULL, reason, entity_id,
        NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;

-- Records that an account unlocked an achievement, once for ever; otherwise as `record_xp`.
CREATE FUNCTION record_achievement(
    source text, user_id bigint, achievement text, idempotency_key text DEFAULT NULL
) RETURNS TABLE (key text, member_id bigint, created boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'achievement.unlocked', user_id, NULL, NULL, achievement, 'achievement',
        achievement, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false);
END $$;

-- Functions are open to everybody unless somebody closes them.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION record_achievement(text, bigint, text, text),
    record_balance(text, bigint, bigint, text, text, text),
    record_xp(text, bigint, bigint, text, text, text), payload_of(event),
    record(text[], boolean, boolean), record_events(text[], text, boolean, boolean, boolean),
    settle(text, text, text[], text[], text[], integer, boolean), refuse_conflicts(text, event[]),
    enter_at_opposite(text, text, text[]), lock_accounts(text, bigint[], boolean),
    enter(text, event[], text, boolean), add_to_books(text, event[], boolean), add_to_totals(event[], boolean),
    refuse_overdraft(bigint[], boolean), want_ranks(text, bigint[], integer[], event[]),
    want(bigint[], text[], text[], integer[], text[], integer[]), create_members(text, bigint[]),
    refuse_other_content(text, text), difference(text, text, text), read_events(text[]),
    read_any_events(text[]),
    require_keys(event[], boolean), is_reserved(text), reason_in_key(text), key_of(event), require_caller(text);
DROP TYPE event;
DROP TABLE roles;
ALTER TABLE sync_events DROP COLUMN left_to_relay;
