-- The schema that db/migrations and db/contracts make, for reading. `make schema` writes it.

CREATE SCHEMA twinstream;

CREATE TYPE twinstream.event AS (
	member_id bigint,
	idempotency_key text COLLATE pg_catalog."C",
	source text,
	type text,
	account_id bigint,
	delta_xp bigint,
	delta_balance bigint,
	achievement text,
	reason text,
	entity_id text,
	occurred_at timestamp with time zone,
	payload text
);

CREATE TYPE twinstream.forgotten_one AS (
	platform text,
	account_id bigint,
	member_id bigint,
	pseudonym bigint
);

CREATE TYPE twinstream.link_actor AS (
	kind text,
	platform text,
	account_id bigint,
	reason text
);

CREATE TYPE twinstream.share AS (
	platform text,
	account_id bigint,
	member_id bigint,
	xp bigint,
	balance bigint
);

CREATE FUNCTION twinstream.account_mark(pads bytea[], of_platform text, of_account bigint) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT twinstream.mark_of(pads, format('account:%s:%s', of_platform, of_account)) $$;

CREATE FUNCTION twinstream.accounts_changed_lately(of_platform text, looked_at integer, besides bigint[], at_most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT DISTINCT a.account_id
    FROM (
        SELECT k.source, k.account_id, k.status FROM twinstream.sync_events AS k
        ORDER BY k.id DESC LIMIT looked_at
    ) AS e
    JOIN twinstream.accounts AS theirs
        ON theirs.platform = e.source AND theirs.account_id = e.account_id
    JOIN twinstream.accounts AS a ON a.member_id = theirs.member_id
    WHERE e.status = 'completed' AND a.platform = of_platform AND a.account_id <> ALL (besides)
    LIMIT at_most;
END $$;

CREATE FUNCTION twinstream.accounts_of_day(of_platform text, of_account bigint, since timestamp with time zone) RETURNS TABLE(platform text, account_id bigint, is_own boolean)
    LANGUAGE sql STABLE
    AS $$
    WITH own AS (
        SELECT theirs.platform, theirs.account_id
        FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
        WHERE a.platform = of_platform AND a.account_id = of_account
    )
    SELECT u.platform, u.account_id, bool_or(u.is_own)
    FROM (
        SELECT o.platform, o.account_id, true AS is_own FROM own AS o
        UNION ALL
        SELECT p.platform, p.account_id, false
        FROM own AS o CROSS JOIN LATERAL twinstream.links_of(o.platform, o.account_id) AS l
        CROSS JOIN LATERAL (
            VALUES ('telegram', l.telegram_account_id), ('discord', l.discord_account_id)
        ) AS p (platform, account_id)
        -- A link that was unlinked first and undone later had ended when it was unlinked.
        WHERE coalesce(l.unlinked_at, l.undone_at) >= since
    ) AS u
    GROUP BY u.platform, u.account_id
$$;

CREATE FUNCTION twinstream.accounts_of_person(of_platform text, of_account bigint) RETURNS TABLE(platform text, account_id bigint, member_id bigint)
    LANGUAGE sql STABLE
    AS $$
    SELECT theirs.platform, theirs.account_id, theirs.member_id
    FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account
    UNION
    SELECT of_platform, of_account, NULL WHERE NOT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.platform = of_platform AND a.account_id = of_account
    )
$$;

CREATE TABLE twinstream.achievements (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    achievement text NOT NULL,
    unlocked_at timestamp with time zone NOT NULL,
    CONSTRAINT achievement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE FUNCTION twinstream.achievements_of(of_member bigint) RETURNS twinstream.achievements[]
    LANGUAGE sql
    AS $$
    SELECT array_agg(h) FROM twinstream.achievements AS h WHERE h.member_id = of_member
$$;

CREATE FUNCTION twinstream.add_earnings(of_platform text, account_ids bigint[], reasons text[], amounts bigint[], moments timestamp with time zone[], days date[], cooldowns_s double precision[], day_limits bigint[], window_s double precision, stores text[], waits_for_locks boolean, forget_secret text) RETURNS TABLE(xp bigint, last_at timestamp with time zone, day_xp bigint, member_id bigint, closed boolean)
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
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
END $_$;

CREATE FUNCTION twinstream.add_to_books(of_platform text, events twinstream.event[], unlocks boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.add_to_totals(events twinstream.event[], takes boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.add_up_scores(VARIADIC of_members bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- A new row copies `on_board`. A change of that waits, and then finds the row.
    PERFORM FROM twinstream.members AS m
    WHERE m.id = ANY (of_members)
        AND NOT EXISTS (SELECT FROM twinstream.member_scores AS s WHERE s.member_id = m.id)
    ORDER BY m.id FOR SHARE;
    INSERT INTO twinstream.member_scores (member_id, on_board)
    SELECT m.id, m.on_board FROM twinstream.members AS m WHERE m.id = ANY (of_members) ORDER BY m.id
    ON CONFLICT ON CONSTRAINT member_score_once DO NOTHING;
    PERFORM FROM twinstream.member_scores AS s WHERE s.member_id = ANY (of_members)
    ORDER BY s.member_id FOR NO KEY UPDATE;
    UPDATE twinstream.member_scores AS s SET
        reputation = n.reputation, streak = n.streak, streak_day = n.streak_day,
        reputation_at = CASE s.reputation WHEN n.reputation THEN s.reputation_at ELSE now() END,
        streak_at = CASE WHEN (s.streak, s.streak_day) IS DISTINCT FROM (n.streak, n.streak_day)
            THEN now() ELSE s.streak_at END
    FROM (
        SELECT t.member_id, t.reputation, c.streak, c.day AS streak_day
        FROM (
            SELECT a.member_id, sum(c.reputation)::bigint AS reputation,
                array_agg(c.streak) AS streaks, array_agg(c.streak_day) AS days
            FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
            WHERE a.member_id = ANY (of_members) GROUP BY a.member_id
        ) AS t CROSS JOIN LATERAL twinstream.common_streak(t.streaks, t.days) AS c
    ) AS n
    WHERE s.member_id = n.member_id AND (s.reputation, s.streak, s.streak_day)
        IS DISTINCT FROM (n.reputation, n.streak, n.streak_day);
    DELETE FROM twinstream.member_scores AS s
    WHERE s.member_id = ANY (of_members) AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
        WHERE a.member_id = s.member_id
    );
END $$;

CREATE FUNCTION twinstream.ask_to_forget(platform text, account_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    IF EXISTS (
        SELECT FROM twinstream.forget_requests AS r
        WHERE r.platform = ask_to_forget.platform AND r.account_id = ask_to_forget.account_id
            AND r.forgotten_at IS NULL
    ) THEN
        RETURN; -- a process that is at it holds the row until it is done
    END IF;
    -- Before the account is locked: the consumers take the two in this order.
    INSERT INTO twinstream.forget_requests (platform, account_id) VALUES (platform, account_id)
    ON CONFLICT ON CONSTRAINT forget_request_once DO UPDATE SET
        asked_at = excluded.asked_at, undress_until = NULL, forgotten_at = NULL, attempts = 0,
        retry_at = NULL, error = NULL;
    -- A link that is being made commits first, and a later one finds the request (`require_leave_to_link`).
    PERFORM FROM twinstream.accounts AS a
    WHERE a.platform = ask_to_forget.platform AND a.account_id = ask_to_forget.account_id FOR KEY SHARE;
    IF EXISTS (
        SELECT FROM twinstream.links_of(platform, account_id) AS l
        WHERE l.unlinked_at IS NULL AND l.undone_at IS NULL
            AND l.linked_at > now() - make_interval(secs => twinstream.undo_seconds())
    ) THEN
        PERFORM twinstream.refuse_link('link_is_settled', format(
            'the link of the %s account %s can still be undone; unlink the accounts first', platform, account_id
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.author_of_message(of_platform text, of_place bigint, of_message bigint) RETURNS TABLE(account_id bigint, sent_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
    SELECT p.author_ids[p.place], to_timestamp(p.sent_at[p.place])
    FROM (
        SELECT a.author_ids, a.sent_at, array_position(a.message_ids, of_message) AS place
        FROM twinstream.message_authors AS a
        WHERE a.platform = of_platform AND a.place_id = of_place AND a.first_message_id <= of_message
        ORDER BY a.first_message_id DESC LIMIT 1
    ) AS p WHERE p.author_ids[p.place] > 0
$$;

CREATE FUNCTION twinstream.board_standing(of_platform text, of_account bigint) RETURNS TABLE(member_id bigint, on_board boolean, is_hidden boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT m.id, m.on_board, twinstream.is_hidden(m.id)
    FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account;
END $$;

CREATE FUNCTION twinstream.bot_name_elsewhere(of_platform text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN (SELECT b.name FROM twinstream.bot_names AS b WHERE b.platform <> of_platform);
END $$;

CREATE FUNCTION twinstream.carry_earned(move text, carried twinstream.share, left_behind bigint, new_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.enter_link_events(
        twinstream.link_events(move, 'move_from', ARRAY[ROW (
            carried.platform, carried.account_id, left_behind, -carried.xp, -carried.balance
        )::twinstream.share])
        || twinstream.link_events(move, 'move_to', ARRAY[ROW (
            carried.platform, new_id, carried.member_id, carried.xp, carried.balance
        )::twinstream.share])
    );
END $$;

CREATE FUNCTION twinstream.carry_earning(of_platform text, old_id bigint, new_id bigint) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.earning_windows AS w (platform, account_id, reason, last_at, day, day_xp)
    SELECT o.platform, new_id, o.reason, o.last_at, o.day, o.day_xp FROM twinstream.earning_windows AS o
    WHERE o.platform = of_platform AND o.account_id = old_id
    ON CONFLICT ON CONSTRAINT earning_window_once DO UPDATE SET
        last_at = greatest(w.last_at, excluded.last_at), day = greatest(w.day, excluded.day),
        day_xp = CASE WHEN w.day >= excluded.day THEN w.day_xp ELSE 0 END
            + CASE WHEN excluded.day >= w.day THEN excluded.day_xp ELSE 0 END
$$;

CREATE FUNCTION twinstream.carry_invites() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM twinstream.invites AS i
        WHERE i.platform = NEW.platform AND i.account_id = NEW.to_account_id AND i.status = 'paid'
    ) THEN
        PERFORM twinstream.void_invite(NEW.platform, NEW.from_account_id);
    ELSIF EXISTS (
        SELECT FROM twinstream.invites AS i
        WHERE i.platform = NEW.platform AND i.account_id = NEW.from_account_id
    ) THEN
        DELETE FROM twinstream.invites AS i
        WHERE i.platform = NEW.platform AND i.account_id = NEW.to_account_id;
        UPDATE twinstream.invites AS i SET account_id = NEW.to_account_id, is_earned = false, look_at = now()
        WHERE i.platform = NEW.platform AND i.account_id = NEW.from_account_id;
    ELSE
        PERFORM twinstream.void_invite(NEW.platform, NEW.to_account_id);
    END IF;
    UPDATE twinstream.invites AS i SET inviter_id = NEW.to_account_id
    WHERE i.platform = NEW.platform AND i.inviter_id = NEW.from_account_id;
    -- Of two accounts that were one person's, one has invited the other.
    PERFORM twinstream.void_invite(i.platform, i.account_id) FROM twinstream.invites AS i
    WHERE i.platform = NEW.platform AND i.account_id = NEW.to_account_id AND i.inviter_id = i.account_id;
    -- One link of a member: that of the new account, if it has one.
    UPDATE twinstream.invite_links AS l SET is_revoked = true, revoke_at = now()
    WHERE l.platform = NEW.platform AND l.account_id = NEW.from_account_id AND NOT l.is_revoked AND EXISTS (
        SELECT FROM twinstream.invite_links AS o
        WHERE o.platform = l.platform AND o.chat_id = l.chat_id AND o.account_id = NEW.to_account_id
            AND NOT o.is_revoked
    );
    UPDATE twinstream.invite_links AS l SET account_id = NEW.to_account_id
    WHERE l.platform = NEW.platform AND l.account_id = NEW.from_account_id;
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.carry_link_rules(of_platform text, old_id bigint, new_id bigint) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
    SELECT r.platform, new_id, r.link_id FROM twinstream.link_rewards AS r
    WHERE r.platform = of_platform AND r.account_id = old_id
    ON CONFLICT ON CONSTRAINT link_reward_once DO NOTHING;
    INSERT INTO twinstream.link_bans (platform, account_id)
    SELECT b.platform, new_id FROM twinstream.link_bans AS b
    WHERE b.platform = of_platform AND b.account_id = old_id
    ON CONFLICT ON CONSTRAINT link_ban_once DO NOTHING
$$;

CREATE FUNCTION twinstream.carry_reactions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.reactions AS r
        (platform, place_id, message_id, giver_account_id, receiver_account_id, day)
    SELECT o.platform, o.place_id, o.message_id, NEW.to_account_id, o.receiver_account_id, o.day
    FROM twinstream.reactions AS o
    WHERE o.platform = NEW.platform AND o.giver_account_id = NEW.from_account_id
        AND o.receiver_account_id <> NEW.to_account_id
    ON CONFLICT ON CONSTRAINT reaction_once DO NOTHING;
    UPDATE twinstream.reactions AS r SET receiver_account_id = NEW.to_account_id
    WHERE r.platform = NEW.platform AND r.receiver_account_id = NEW.from_account_id
        AND r.giver_account_id <> NEW.to_account_id;
    UPDATE twinstream.message_authors AS a
    SET author_ids = array_replace(a.author_ids, NEW.from_account_id, NEW.to_account_id)
    WHERE a.platform = NEW.platform AND NEW.from_account_id = ANY (a.author_ids);
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.carry_reputation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.account_scores AS s (platform, account_id, reputation)
    SELECT o.platform, NEW.to_account_id, o.reputation FROM twinstream.account_scores AS o
    WHERE o.platform = NEW.platform AND o.account_id = NEW.from_account_id AND o.reputation <> 0
    ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET
        reputation = s.reputation + excluded.reputation;
    UPDATE twinstream.account_scores AS s SET reputation = 0
    WHERE s.platform = NEW.platform AND s.account_id = NEW.from_account_id AND s.reputation <> 0;
    INSERT INTO twinstream.thanks AS t
        (platform, giver_account_id, receiver_account_id, day, entity_id, given_at)
    SELECT o.platform, NEW.to_account_id, o.receiver_account_id, o.day, o.entity_id, o.given_at
    FROM twinstream.thanks AS o
    WHERE o.platform = NEW.platform AND o.giver_account_id = NEW.from_account_id
        AND o.receiver_account_id <> NEW.to_account_id
    -- The receiver had the XP of the first row.
    ON CONFLICT ON CONSTRAINT thank_once_a_day DO NOTHING;
    UPDATE twinstream.thanks AS t SET receiver_account_id = NEW.to_account_id
    WHERE t.platform = NEW.platform AND t.receiver_account_id = NEW.from_account_id
        AND t.giver_account_id <> NEW.to_account_id AND NOT EXISTS (
            SELECT FROM twinstream.thanks AS k
            WHERE k.platform = t.platform AND k.receiver_account_id = NEW.to_account_id
                AND k.giver_account_id = t.giver_account_id AND k.day = t.day
        );
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.carry_streak() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.daily_claims AS c (platform, account_id, claimed_at, day_ends_at, xp, balance)
    SELECT o.platform, NEW.to_account_id, o.claimed_at, o.day_ends_at, o.xp, o.balance
    FROM twinstream.daily_claims AS o
    WHERE o.platform = NEW.platform AND o.account_id = NEW.from_account_id
    ON CONFLICT ON CONSTRAINT daily_claim_once DO UPDATE SET
        claimed_at = excluded.claimed_at, day_ends_at = excluded.day_ends_at, xp = excluded.xp,
        balance = excluded.balance
    WHERE c.claimed_at < excluded.claimed_at;
    INSERT INTO twinstream.account_scores AS c
        (platform, account_id, streak, longest_streak, streak_day, forgiven_month, forgiven_days)
    SELECT o.platform, NEW.to_account_id, o.streak, o.longest_streak, o.streak_day, o.forgiven_month,
        o.forgiven_days
    FROM twinstream.account_scores AS o
    WHERE o.platform = NEW.platform AND o.account_id = NEW.from_account_id AND o.streak_day IS NOT NULL
    ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET
        (streak, streak_day) = (
            SELECT s.streak, s.day FROM twinstream.common_streak(
                ARRAY[c.streak, excluded.streak], ARRAY[c.streak_day, excluded.streak_day]
            ) AS s
        ),
        longest_streak = greatest(c.longest_streak, excluded.longest_streak),
        (forgiven_month, forgiven_days) = (
            SELECT f.month, f.days
            FROM (
                VALUES (c.forgiven_month, c.forgiven_days), (excluded.forgiven_month, excluded.forgiven_days)
            ) AS f (month, days)
            ORDER BY f.month DESC NULLS LAST, f.days DESC LIMIT 1
        );
    UPDATE twinstream.account_scores AS o SET streak = 0, longest_streak = 0, streak_day = NULL
    WHERE o.platform = NEW.platform AND o.account_id = NEW.from_account_id;
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.change_earned(link text, step text, changes twinstream.share[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    events CONSTANT twinstream.event[] := twinstream.link_events(link, step, changes);
BEGIN
    IF events IS NOT NULL THEN
        PERFORM twinstream.add_to_totals(events, true);
        PERFORM twinstream.enter_link_events(events);
    END IF;
END $$;

CREATE FUNCTION twinstream.claim_announcements(of_platform text, members bigint[], surfaces text[], numbers integer[]) RETURNS TABLE(member_id bigint, surface text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH standing AS (
        SELECT f.member_id, f.surface
        FROM unnest(members, surfaces, numbers) AS t (member_id, surface, number)
        JOIN twinstream.surfaces AS f
            ON f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface
        WHERE f.announce AND f.announced = t.number AND f.wanted >= f.announced
        ORDER BY f.member_id, f.surface
        FOR NO KEY UPDATE OF f SKIP LOCKED
    )
    UPDATE twinstream.surfaces AS f SET announce = false
    FROM standing AS s
    WHERE f.member_id = s.member_id AND f.platform = of_platform AND f.surface = s.surface
    RETURNING f.member_id, f.surface;
END $$;

CREATE FUNCTION twinstream.claim_daily(of_platform text, of_account bigint, known_as text, days date[], begins timestamp with time zone[], rules jsonb, stores text[] DEFAULT '{}'::text[], forget_secret text DEFAULT NULL::text) RETURNS TABLE(outcome text, xp bigint, balance bigint, streak integer, longest integer, lost integer, forgiven integer, left_to_forgive integer, next_at timestamp with time zone, counted_by text, unlocked text[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    rule record;
    today date;
    began_at timestamptz;
    ends_at timestamptz;
    last twinstream.daily_claims;
    had record;
    missed integer;
    used integer;
    month date;
    entity text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    SELECT r.* INTO rule FROM jsonb_to_record(rules) AS r (
        xp bigint, balance bigint, xp_per_streak_day bigint, balance_per_streak_day bigint,
        xp_streak_bonus_max bigint, balance_streak_bonus_max bigint, forgiven_days integer, least_xp bigint,
        milestones jsonb
    );
    -- A day that a zone leaves out begins when the next one does.
    SELECT d.day, d.begins_at INTO today, began_at FROM unnest(days, begins) AS d (day, begins_at)
    WHERE d.begins_at <= now() ORDER BY d.begins_at DESC, d.day DESC LIMIT 1;
    ends_at := (SELECT min(b.moment) FROM unnest(begins) AS b (moment) WHERE b.moment > now());
    IF today IS NULL OR ends_at IS NULL THEN
        RAISE EXCEPTION 'the clock of the bot and the clock of Postgres, %, are days apart', now()
            USING ERRCODE = 'check_violation', CONSTRAINT = 'day_is_among_the_days';
    END IF;
    PERFORM twinstream.lock_accounts(of_platform, ARRAY[of_account], true);
    PERFORM twinstream.remember_name(of_platform, of_account, known_as);
    PERFORM twinstream.lock_day(of_platform, of_account, began_at);
    SELECT s.* INTO had FROM twinstream.streak_of(of_platform, of_account) AS s;
    month := date_trunc('month', today)::date;
    used := CASE WHEN had.forgiven_month = month THEN had.forgiven_days ELSE 0 END;
    -- The day is a moment in the key, so days of two time zones that have one name are two.
    entity := to_char(began_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"');

    -- A claim counts until its day has ended, and for the day of today's zone in which it was made. One that is
    -- more than a day ahead was made while the clock was wrong: it counts for today, and no longer.
    UPDATE twinstream.daily_claims AS c SET claimed_at = now(), day_ends_at = ends_at
    WHERE c.platform = of_platform AND c.account_id = of_account AND c.claimed_at > now() + interval '1 day';
    SELECT c.* INTO last
    FROM twinstream.accounts_of_day(of_platform, of_account, began_at) AS d
    JOIN twinstream.daily_claims AS c ON c.platform = d.platform AND c.account_id = d.account_id
    WHERE (d.is_own AND c.day_ends_at > now() OR c.claimed_at >= began_at)
    ORDER BY c.claimed_at DESC LIMIT 1;
    IF last.platform IS NOT NULL OR EXISTS (
        -- The ledger knows the day, though the row is gone: the person was forgotten, and came back.
        SELECT FROM twinstream.transactions AS t
        WHERE t.platform = of_platform AND t.idempotency_key = ANY (ARRAY (
            SELECT twinstream.key_of(ROW (
                NULL, NULL, of_platform, u.type, of_account, NULL, NULL, NULL, 'daily_claim', entity, NULL, NULL
            )::twinstream.event) FROM unnest(ARRAY['xp.changed', 'balance.changed']) AS u (type)
        ))
    ) THEN
        RETURN QUERY SELECT 'counted', coalesce(last.xp, 0), coalesce(last.balance, 0), coalesce(had.streak, 0),
            coalesce(had.longest, 0), 0, 0, greatest(0, rule.forgiven_days - used),
            greatest(CASE WHEN last.claimed_at < began_at THEN last.day_ends_at ELSE ends_at END, last.day_ends_at),
            coalesce(last.platform, of_platform), '{}'::text[];
        RETURN;
    END IF;
    IF rule.least_xp > 0 THEN
        -- XP in an open window is the person's as well.
        PERFORM twinstream.close_windows_of_people(of_platform, ARRAY[of_account], stores);
    END IF;
    IF rule.least_xp > (
        SELECT m.xp FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
        WHERE a.platform = of_platform AND a.account_id = of_account
    ) THEN
        RETURN QUERY SELECT 'least_xp', 0::bigint, 0::bigint, 0, 0, 0, 0, 0, ends_at, NULL, '{}'::text[];
        RETURN;
    END IF;

    lost := 0;
    forgiven := 0;
    streak := coalesce(had.streak, 0) + 1;
    IF had.day IS NOT NULL THEN
        SELECT twinstream.missed_days(had.day, max(c.claimed_at), max(c.day_ends_at), today, begins) INTO missed
        FROM twinstream.accounts_of_day(of_platform, of_account, 'infinity') AS d
        JOIN twinstream.daily_claims AS c ON c.platform = d.platform AND c.account_id = d.account_id;
        IF missed > 0 AND missed <= rule.forgiven_days - used THEN
            forgiven := missed;
        ELSIF missed > 0 THEN
            lost := had.streak;
            streak := 1;
        END IF;
    END IF;
    xp := rule.xp + least(rule.xp_per_streak_day * (streak - 1), rule.xp_streak_bonus_max);
    balance := rule.balance + least(rule.balance_per_streak_day * (streak - 1), rule.balance_streak_bonus_max);
    IF NOT twinstream.record_amounts(of_platform, of_account, xp, balance, 'daily_claim', entity, stores, forget_secret) THEN
        -- Of an account that was forgotten today: nothing was recorded.
        RETURN QUERY SELECT 'counted', 0::bigint, 0::bigint, 0, 0, 0, 0, 0, ends_at, of_platform, '{}'::text[];
        RETURN;
    END IF;
    INSERT INTO twinstream.daily_claims AS c (platform, account_id, claimed_at, day_ends_at, xp, balance)
    VALUES (of_platform, of_account, now(), ends_at, xp, balance)
    ON CONFLICT ON CONSTRAINT daily_claim_once DO UPDATE SET
        claimed_at = excluded.claimed_at, day_ends_at = excluded.day_ends_at, xp = excluded.xp,
        balance = excluded.balance;
    PERFORM twinstream.keep_streak(of_platform, of_account, streak, today, month, used + forgiven);
    unlocked := twinstream.unlock_new(of_platform, of_account, ARRAY (
        SELECT m.key FROM jsonb_each_text(rule.milestones) AS m WHERE m.value::integer <= streak ORDER BY m.key
    ), forget_secret);
    RETURN QUERY SELECT 'claimed', xp, balance, streak, greatest(streak, coalesce(had.longest, 0)), lost, forgiven,
        greatest(0, rule.forgiven_days - used - forgiven), ends_at, of_platform, unlocked;
END $$;

CREATE FUNCTION twinstream.close_due_windows(of_platform text, window_s double precision, at_most integer, stores text[] DEFAULT '{}'::text[], passed_over bigint[] DEFAULT '{}'::bigint[], OUT members bigint[], OUT closed integer, OUT refused bigint[], OUT reasons text[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.close_old_windows(of_platform text, account_ids bigint[], window_s double precision, stores text[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.close_windows(of_platform text, account_ids bigint[], upto timestamp with time zone, stores text[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION twinstream.close_windows_of(platform text, account_id bigint, stores text[] DEFAULT '{}'::text[], rest_s double precision DEFAULT 3600) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION twinstream.close_windows_of_locked(platforms text[], account_ids bigint[], stores text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    FOR n IN 1..cardinality(account_ids) LOOP
        PERFORM twinstream.close_windows(platforms[n], ARRAY[account_ids[n]], 'infinity', stores);
    END LOOP;
END $$;

CREATE FUNCTION twinstream.close_windows_of_people(of_platform text, account_ids bigint[], stores text[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION twinstream.common_streak(streaks integer[], days date[], OUT streak integer, OUT day date) RETURNS record
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT coalesce(max(s.streak), 0), max(s.day)
    FROM unnest(streaks, days) AS s (streak, day)
    WHERE s.day >= (SELECT max(d.day) - 1 FROM unnest(days) AS d (day))
$$;

CREATE FUNCTION twinstream.confirm_offer(of_platform text, of_account bigint, offer_id bigint, stores text[] DEFAULT '{}'::text[], with_policy text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    offer twinstream.link_offers;
    rule text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF twinstream.read_stop_sign() IS NOT NULL THEN
        RETURN 'paused';
    END IF;
    offer := twinstream.lock_offer(offer_id);
    IF offer.id IS NULL OR offer.platform <> of_platform
        OR offer.account_id <> of_account OR offer.opener_id IS NULL
    THEN
        RETURN 'ended';
    ELSIF twinstream.partner_of(of_platform, of_account) = offer.opener_id THEN
        RETURN 'linked'; -- by an earlier press, or by the other side's own offer
    ELSIF offer.status <> 'opened' OR NOT twinstream.is_under_way(offer) THEN
        RETURN 'ended';
    END IF;
    BEGIN
        PERFORM twinstream.link_accounts(
            CASE of_platform WHEN 'telegram' THEN of_account ELSE offer.opener_id END,
            CASE of_platform WHEN 'telegram' THEN offer.opener_id ELSE of_account END,
            with_policy, stores,
            actor => ROW ('member', of_platform, of_account, '')::twinstream.link_actor
        );
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        CASE rule
            WHEN 'account_is_linked' THEN RETURN 'already_linked';
            WHEN 'links_per_account_limited' THEN RETURN 'too_many_links';
            WHEN 'account_may_link' THEN RETURN 'forbidden';
            WHEN 'link_cooldown_is_over' THEN RETURN 'cooling_down';
            ELSE RAISE;
        END CASE;
    END;
    UPDATE twinstream.link_offers AS o SET changed_at = now(),
        status = CASE WHEN o.id = offer.id THEN 'linked' ELSE 'ended' END,
        -- The opener is told; the other offers end quietly.
        news_for = CASE WHEN o.id <> offer.id THEN NULL
            WHEN o.platform = 'telegram' THEN 'discord' ELSE 'telegram' END
    WHERE o.id = offer.id OR o.status IN ('waiting', 'opened') AND (
        (o.platform = offer.platform AND o.account_id = offer.account_id)
        OR (o.platform <> offer.platform AND o.account_id = offer.opener_id)
        OR (o.platform = offer.platform AND o.opener_id = offer.opener_id)
        OR (o.platform <> offer.platform AND o.opener_id = offer.account_id)
    );
    RETURN 'linked';
END $$;

CREATE FUNCTION twinstream.cooldown_of(of_platform text, of_account bigint, besides bigint DEFAULT NULL::bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
    SELECT max(l.unlinked_at) + make_interval(secs => max(s.cooldown_s))
    FROM twinstream.links_of(of_platform, of_account) AS l CROSS JOIN twinstream.link_settings AS s
    WHERE l.undone_at IS NULL AND l.unlinked_at + make_interval(secs => s.cooldown_s) > now()
        AND besides IS DISTINCT FROM CASE of_platform
            WHEN 'telegram' THEN l.discord_account_id ELSE l.telegram_account_id END
$$;

CREATE FUNCTION twinstream.count_failure(of_platform text, of_account bigint) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.link_attempts AS t (platform, account_id, failures, window_ends_at)
    VALUES (
        of_platform, of_account, 1,
        now() + make_interval(secs => (twinstream.link_limits()).failures_window_s)
    )
    ON CONFLICT ON CONSTRAINT link_attempts_once DO UPDATE SET
        failures = CASE WHEN t.window_ends_at > now() THEN t.failures + 1 ELSE 1 END,
        window_ends_at = CASE WHEN t.window_ends_at > now() THEN t.window_ends_at
            ELSE excluded.window_ends_at END
$$;

CREATE FUNCTION twinstream.link_limits(OUT code_lifetime_s integer, OUT failures_max integer, OUT failures_window_s integer, OUT links_max integer, OUT links_period_s integer, OUT undo_s_max integer, OUT support_uses_max integer) RETURNS record
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT
        -- Seconds for which a code can be redeemed.
        600,
        -- Wrong codes after which an account is locked out until the window ends, and the seconds of the
        -- window from the first wrong code. Guessing 49 bits is hopeless with 5 tries in 15 minutes.
        5, 900,
        -- Links and moves of one account within the seconds of a period (30 days), so that points of alternate accounts
        -- cannot be poured into one. People link once; a mistake or two are put right.
        3, 30 * 86400,
        -- Seconds after a link within which it can be undone, where no setting says otherwise: 7 days.
        7 * 86400,
        -- Uses of administrators on one platform within 24 hours: more than a busy day of support needs, and
        -- too few for a bot that was taken over to part a community.
        20
$$;

CREATE FUNCTION twinstream.count_support_use(of_platform text, administrator bigint, for_operation text, of_account bigint, uses_max integer DEFAULT (twinstream.link_limits()).support_uses_max) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.obey_stop_sign();
    -- One use at a time: uses side by side would all find the same count.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.support' || of_platform, 0));
    IF uses_max <= (
        SELECT count(*) FROM twinstream.support_uses AS u
        WHERE u.platform = of_platform AND u.used_at > now() - interval '24 hours'
    ) THEN
        PERFORM twinstream.refuse_link('support_uses_limited', format(
            'administrators on %s have acted for members %s times within 24 hours; try again later',
            of_platform, uses_max
        ));
    END IF;
    INSERT INTO twinstream.support_uses (platform, administrator_id, operation, account_id)
    VALUES (of_platform, administrator, for_operation, of_account);
END $$;

CREATE FUNCTION twinstream.create_members(of_platform text, account_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE TABLE twinstream.links (
    id bigint NOT NULL,
    telegram_account_id bigint NOT NULL,
    discord_account_id bigint NOT NULL,
    policy text DEFAULT 'sum'::text NOT NULL,
    linked_at timestamp with time zone DEFAULT now() NOT NULL,
    unlinked_at timestamp with time zone,
    undone_at timestamp with time zone,
    telegram_xp_before bigint,
    telegram_balance_before bigint,
    discord_xp_before bigint,
    discord_balance_before bigint,
    CONSTRAINT link_ends_after_it_began CHECK (((unlinked_at >= linked_at) AND (undone_at >= linked_at))),
    CONSTRAINT link_policy_known CHECK ((policy = ANY (ARRAY['sum'::text, 'max'::text, 'telegram'::text, 'discord'::text])))
);

CREATE FUNCTION twinstream.current_link(of_platform text, of_account bigint) RETURNS twinstream.links
    LANGUAGE plpgsql
    AS $$
DECLARE
    current twinstream.links;
BEGIN
    SELECT l.* INTO current FROM twinstream.links AS l
    WHERE l.id = (
        SELECT max(o.id) FROM twinstream.links_of(of_platform, of_account) AS o
        WHERE o.unlinked_at IS NULL AND o.undone_at IS NULL
    ) AND l.unlinked_at IS NULL AND l.undone_at IS NULL
    FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM twinstream.refuse_link('account_is_not_linked', format(
            'the %s account %s is not linked', of_platform, of_account
        ));
    END IF;
    RETURN current;
END $$;

CREATE FUNCTION twinstream.decline_offer(of_platform text, of_account bigint, offer_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    offer twinstream.link_offers;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    offer := twinstream.lock_offer(offer_id);
    IF offer.id IS NULL OR of_account IS DISTINCT FROM (
        CASE WHEN offer.platform = of_platform THEN offer.account_id ELSE offer.opener_id END
    ) THEN
        RETURN 'ended';
    ELSIF offer.status IN ('linked', 'declined') THEN
        RETURN offer.status;
    ELSIF offer.status <> 'opened' OR NOT twinstream.is_under_way(offer) THEN
        RETURN 'ended';
    END IF;
    UPDATE twinstream.link_offers AS o SET status = 'declined', changed_at = now(),
        news_for = CASE of_platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END
    WHERE o.id = offer.id;
    RETURN 'declined';
END $$;

CREATE FUNCTION twinstream.difference(field text, known text, new text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN known IS DISTINCT FROM new
        THEN format('%s %s is now %s', field, coalesce(known, 'none'), coalesce(new, 'none')) END
$$;

CREATE FUNCTION twinstream.difference_of(has twinstream.share[], gets twinstream.share[]) RETURNS twinstream.share[]
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT array_agg(ROW (
        h.platform, h.account_id, h.member_id, g.xp - h.xp, g.balance - h.balance
    )::twinstream.share)
    FROM unnest(has) AS h JOIN unnest(gets) AS g ON g.platform = h.platform
$$;

CREATE FUNCTION twinstream.drop_old_announcements(of_platform text, older_than_s double precision) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    dropped bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.surfaces AS f SET announce = false
    WHERE f.platform = of_platform AND f.announce
        AND f.shown_at < now() - make_interval(secs => older_than_s);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

CREATE FUNCTION twinstream.drop_old_notices(of_platform text, older_than_s double precision) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    dropped bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.created_at < now() - CASE n.kind
        WHEN 'code_void' THEN make_interval(secs => older_than_s)
        ELSE make_interval(secs => (twinstream.link_limits()).links_period_s) END;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

CREATE FUNCTION twinstream.drop_revoked_link(of_platform text, of_link text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.invite_links AS l WHERE l.platform = of_platform AND l.link = of_link AND l.is_revoked;
END $$;

CREATE FUNCTION twinstream.earn(platform text, account_ids bigint[], reasons text[], amounts bigint[], moments timestamp with time zone[], days date[], cooldowns_s double precision[], day_limits bigint[], window_s double precision, stores text[] DEFAULT '{}'::text[], waits_for_locks boolean DEFAULT true, forget_secret text DEFAULT NULL::text) RETURNS TABLE(xp bigint, last_at timestamp with time zone, day_xp bigint, member_id bigint, closed boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.add_earnings(
        platform, account_ids, reasons, amounts, moments, days, cooldowns_s, day_limits, window_s, stores,
        waits_for_locks, forget_secret
    );
END $$;

CREATE FUNCTION twinstream.earned(of_platform text, of_account bigint, of_member bigint) RETURNS twinstream.share
    LANGUAGE plpgsql
    AS $$
DECLARE
    parts record;
    totals twinstream.members;
BEGIN
    SELECT coalesce(sum(p.xp), 0) AS all_xp, coalesce(sum(p.balance), 0) AS all_balance,
        coalesce(sum(p.xp) FILTER (WHERE p.platform = of_platform), 0)::bigint AS xp,
        coalesce(sum(p.balance) FILTER (WHERE p.platform = of_platform), 0)::bigint AS balance
    INTO parts
    FROM (
        SELECT s.platform, s.discord_xp AS xp, s.discord_balance AS balance
        FROM twinstream.sync_state AS s WHERE s.member_id = of_member AND s.platform = 'discord'
        UNION ALL
        SELECT s.platform, s.xp - s.discord_xp, s.balance - s.discord_balance
        FROM twinstream.sync_state AS s WHERE s.member_id = of_member AND s.platform = 'telegram'
    ) AS p;
    SELECT m.* INTO totals FROM twinstream.members AS m WHERE m.id = of_member;
    IF (parts.all_xp, parts.all_balance) IS DISTINCT FROM (totals.xp::numeric, totals.balance::numeric) THEN
        PERFORM twinstream.refuse_link('books_agree_with_totals', format(
            'the books of member %s differ from the totals; reconcile repairs them within two passes,'
            ' then try again', of_member
        ));
    END IF;
    RETURN ROW (of_platform, of_account, of_member, parts.xp, parts.balance)::twinstream.share;
END $$;

CREATE FUNCTION twinstream.earned_by_each(platforms text[], account_ids bigint[], owners bigint[]) RETURNS twinstream.share[]
    LANGUAGE sql
    AS $$
    SELECT array_agg(twinstream.earned(w.platform, w.account_id, w.member_id) ORDER BY w.number)
    FROM unnest(platforms, account_ids, owners) WITH ORDINALITY
        AS w (platform, account_id, member_id, number)
$$;

CREATE FUNCTION twinstream.end_invite(of_platform text, invited bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM twinstream.void_invite(of_platform, invited);
    UPDATE twinstream.invite_links AS l SET is_revoked = true, revoke_at = now()
    WHERE l.platform = of_platform AND l.account_id = invited AND NOT l.is_revoked;
END $$;

CREATE FUNCTION twinstream.end_notice(of_platform text, of_account bigint, of_kind text, created timestamp with time zone, of_subject text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.subject = of_subject AND n.created_at = created;
END $$;

CREATE FUNCTION twinstream.end_notice_of_link(of_platform text, of_account bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = 'linked'
        AND (n.details ->> 'link_id')::bigint = twinstream.newest_link(of_platform, of_account);
END $$;

CREATE FUNCTION twinstream.end_offer_news(of_platform text, offer_id bigint, told_status text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.link_offers AS o SET news_for = NULL
    WHERE o.id = offer_id AND o.news_for = of_platform AND o.status = told_status;
END $$;

CREATE FUNCTION twinstream.enter(of_platform text, events twinstream.event[], as_status text, is_left_to_relay boolean) RETURNS twinstream.event[]
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.enter_at_opposite(of_platform text, origin text, keys text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION twinstream.enter_link_events(events twinstream.event[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    in_member_order CONSTANT twinstream.event[] := (
        SELECT array_agg(e ORDER BY e.member_id, e.idempotency_key) FROM unnest(events) AS e
    );
BEGIN
    IF in_member_order IS NOT NULL THEN
        PERFORM twinstream.enter('telegram', in_member_order, NULL, false);
        PERFORM twinstream.enter('discord', in_member_order, NULL, false);
    END IF;
END $$;

CREATE FUNCTION twinstream.enter_reactions(of_platform text, places bigint[], messages bigint[], givers bigint[], authors bigint[], sent timestamp with time zone[], reacted timestamp with time zone[], zone text, per_pair integer, per_day integer, age_s_max double precision, forget_secret text DEFAULT NULL::text) RETURNS TABLE(number integer, author_id bigint, counted_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    one record;
    written_by bigint;
    written_at timestamptz;
    today date;
    of_giver integer;
    of_pair integer;
    is_left_out boolean;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    FOR one IN
        SELECT u.* FROM ROWS FROM (
            unnest(places), unnest(messages), unnest(givers), unnest(authors), unnest(sent), unnest(reacted)
        ) WITH ORDINALITY AS u (place, message, giver, author, sent_at, at, number)
        ORDER BY u.place, u.message, u.giver, u.number
    LOOP
        written_by := one.author;
        written_at := one.sent_at;
        IF written_by IS NULL THEN
            SELECT w.account_id, w.sent_at INTO written_by, written_at
            FROM twinstream.author_of_message(of_platform, one.place, one.message) AS w;
        END IF;
        CONTINUE WHEN written_by IS NULL OR written_by = one.giver
            OR written_at IS NULL OR written_at < now() - make_interval(secs => age_s_max)
            OR twinstream.was_forgotten_since(of_platform, ARRAY[written_by], written_at, forget_secret)
            OR twinstream.was_forgotten_since(of_platform, ARRAY[one.giver], one.at, forget_secret);
        today := (least(one.at, now()) AT TIME ZONE zone)::date;
        WITH theirs AS (
            SELECT p.platform, p.account_id
            FROM twinstream.accounts_of_person(of_platform, one.giver) AS p
        ), others AS (
            SELECT p.platform, p.account_id
            FROM twinstream.accounts_of_person(of_platform, written_by) AS p
        ), given AS (
            SELECT r.platform, r.receiver_account_id FROM theirs AS t JOIN twinstream.reactions AS r
                ON r.platform = t.platform AND r.giver_account_id = t.account_id
            WHERE r.day = today
        )
        SELECT
            EXISTS (
                SELECT FROM twinstream.accounts AS a
                WHERE a.platform = of_platform AND a.account_id = written_by AND a.left_out IS NOT NULL
            ),
            (SELECT count(*) FROM given),
            (
                SELECT count(*) FROM given AS g JOIN others AS o
                    ON o.platform = g.platform AND o.account_id = g.receiver_account_id
            )
        INTO is_left_out, of_giver, of_pair;
        CONTINUE WHEN is_left_out OR of_giver >= per_day OR of_pair >= per_pair;
        INSERT INTO twinstream.reactions
            (platform, place_id, message_id, giver_account_id, receiver_account_id, day)
        VALUES (of_platform, one.place, one.message, one.giver, written_by, today)
        ON CONFLICT ON CONSTRAINT reaction_once DO NOTHING;
        CONTINUE WHEN NOT FOUND;
        number := one.number;
        author_id := written_by;
        counted_at := now();
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION twinstream.exclude_from_boards(platforms text[], account_ids bigint[]) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    one text;
    judged twinstream.accounts[];
BEGIN
    FOREACH one IN ARRAY ARRAY['telegram', 'discord'] LOOP
        PERFORM twinstream.create_members(one, ARRAY (
            SELECT x.account_id FROM unnest(platforms, account_ids) AS x (platform, account_id)
            WHERE x.platform = one
        ));
    END LOOP;
    -- Accounts first, then their members, as events lock them.
    judged := ARRAY (
        SELECT a FROM twinstream.accounts AS a
        WHERE a.is_excluded <> EXISTS (
            SELECT FROM unnest(platforms, account_ids) AS x (platform, account_id)
            WHERE x.platform = a.platform AND x.account_id = a.account_id
        )
        ORDER BY a.platform, a.account_id FOR KEY SHARE
    );
    PERFORM FROM twinstream.members AS m
    WHERE m.id IN (
        SELECT a.member_id FROM twinstream.accounts AS a JOIN unnest(judged) AS j
            ON j.platform = a.platform AND j.account_id = a.account_id
    )
    ORDER BY m.id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET is_excluded = NOT j.is_excluded
    FROM unnest(judged) AS j
    WHERE a.platform = j.platform AND a.account_id = j.account_id AND a.is_excluded = j.is_excluded;
    RETURN cardinality(judged);
END $$;

CREATE FUNCTION twinstream.export_of(of_platform text, of_account bigint, entries_max bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    member CONSTANT bigint := (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = of_account
    );
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN json_build_object(
        'accounts', (
            SELECT json_agg(json_build_object(
                'platform', a.platform, 'id', a.account_id::text, 'name', a.display_name,
                'hidden_from_boards', a.is_hidden, 'member_since', a.linked_at
            ) ORDER BY a.platform) FROM twinstream.accounts AS a WHERE a.member_id = member
        ),
        'totals', (
            SELECT json_build_object(
                'xp', m.xp, 'balance', m.balance, 'created_at', m.created_at,
                'xp_changed_at', m.earned_at, 'balance_changed_at', m.balance_at,
                'week', m.week, 'xp_of_week', m.week_xp, 'of_it_on_discord', m.week_discord_xp,
                'month', m.month, 'xp_of_month', m.month_xp, 'of_that_on_discord', m.month_discord_xp,
                'listed_on_boards', m.on_board
            )
            FROM twinstream.members AS m WHERE m.id = member
        ),
        'books', (
            SELECT json_agg(json_build_object(
                'platform', s.platform, 'xp', s.xp, 'balance', s.balance, 'rank', s.rank,
                'updated_at', s.updated_at
            ) ORDER BY s.platform) FROM twinstream.sync_state AS s WHERE s.member_id = member
        ),
        'achievements', (
            SELECT json_agg(json_build_object(
                'platform', h.platform, 'achievement', h.achievement, 'unlocked_at', h.unlocked_at
            ) ORDER BY h.unlocked_at, h.achievement, h.platform)
            FROM twinstream.achievements AS h WHERE h.member_id = member
        ),
        'shown_on_platforms', (
            SELECT json_agg(json_build_object(
                'platform', f.platform, 'what', f.surface, 'wanted', f.wanted, 'shown', f.shown,
                'shown_at', f.shown_at, 'hindered_by', f.error
            ) ORDER BY f.platform, f.surface) FROM twinstream.surfaces AS f WHERE f.member_id = member
        ),
        'links', (
            SELECT json_agg(json_build_object(
                'telegram_account', l.telegram_account_id::text, 'discord_account', l.discord_account_id::text,
                'policy', l.policy, 'linked_at', l.linked_at, 'unlinked_at', l.unlinked_at,
                'undone_at', l.undone_at
            ) ORDER BY l.id)
            FROM twinstream.accounts AS a
            CROSS JOIN LATERAL twinstream.links_of(a.platform, a.account_id) AS l
            WHERE a.member_id = member AND (a.platform = 'telegram' OR NOT EXISTS (
                SELECT FROM twinstream.accounts AS t
                WHERE t.member_id = member AND t.platform = 'telegram'
                    AND t.account_id = l.telegram_account_id
            ))
        ),
        'moves', (
            SELECT json_agg(json_build_object(
                'platform', v.platform, 'from_account', v.from_account_id::text,
                'to_account', v.to_account_id::text, 'moved_at', v.moved_at
            ) ORDER BY v.id)
            FROM twinstream.accounts AS a JOIN twinstream.moves AS v ON v.platform = a.platform
                AND a.account_id IN (v.from_account_id, v.to_account_id)
            WHERE a.member_id = member
        ),
        'acts_of_administrators', (
            SELECT json_agg(json_build_object(
                'platform', u.platform, 'operation', u.operation, 'at', u.used_at
            ) ORDER BY u.id)
            FROM twinstream.accounts AS a JOIN twinstream.support_uses AS u
                ON u.platform = a.platform AND u.account_id = a.account_id
            WHERE a.member_id = member
        ),
        'notices', (
            SELECT json_agg(json_build_object(
                'platform', n.platform, 'kind', n.kind, 'created_at', n.created_at
            ) ORDER BY n.created_at)
            FROM twinstream.accounts AS a JOIN twinstream.notices AS n USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'acts', (
            SELECT json_agg(json_build_object(
                'operation', c.operation, 'telegram_account', c.telegram_account_id::text,
                'discord_account', c.discord_account_id::text, 'from_platform', c.from_platform,
                'from_account', c.from_account_id::text, 'by', c.actor, 'reason', c.reason, 'at', c.acted_at
            ) ORDER BY c.id)
            FROM twinstream.link_acts AS c WHERE c.id IN (
                SELECT u.id FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                    SELECT t.id FROM twinstream.link_acts AS t
                    WHERE a.platform = 'telegram' AND t.telegram_account_id = a.account_id
                    UNION ALL
                    SELECT d.id FROM twinstream.link_acts AS d
                    WHERE a.platform = 'discord' AND d.discord_account_id = a.account_id
                    UNION ALL
                    SELECT f.id FROM twinstream.link_acts AS f
                    WHERE f.from_platform = a.platform AND f.from_account_id = a.account_id
                ) AS u WHERE a.member_id = member
            )
        ),
        'offers', (
            -- The account on the other side may be a stranger's, so its number is left out.
            SELECT json_agg(json_build_object(
                'platform', a.platform, 'did', o.did, 'status', o.status, 'created_at', o.created_at,
                'expires_at', o.expires_at, 'changed_at', o.changed_at
            ) ORDER BY o.id, o.did)
            FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                SELECT s.*, 'started' AS did FROM twinstream.link_offers AS s
                WHERE s.platform = a.platform AND s.account_id = a.account_id
                UNION ALL
                SELECT s.*, 'opened' FROM twinstream.link_offers AS s
                WHERE s.platform <> a.platform AND s.opener_id = a.account_id
            ) AS o WHERE a.member_id = member
        ),
        'codes', (
            SELECT json_agg(json_build_object(
                'platform', c.platform, 'purpose', c.purpose, 'created_at', c.created_at,
                'expires_at', c.expires_at
            ) ORDER BY c.created_at)
            FROM twinstream.accounts AS a JOIN twinstream.link_codes AS c USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'wrong_codes', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'count', w.failures, 'counted_until', w.window_ends_at
            ) ORDER BY w.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_attempts AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'forbidden_to_link', (
            SELECT json_agg(json_build_object('platform', b.platform, 'since', b.forbidden_at)
                ORDER BY b.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_bans AS b USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_for_linking', (
            SELECT json_agg(json_build_object('platform', r.platform, 'paid_at', r.paid_at)
                ORDER BY r.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_rewards AS r USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'scores', (
            SELECT json_agg(json_build_object(
                'platform', c.platform, 'reputation', c.reputation, 'streak', c.streak,
                'longest_streak', c.longest_streak, 'streak_day', c.streak_day,
                'forgiven_month', c.forgiven_month, 'forgiven_days', c.forgiven_days
            ) ORDER BY c.platform)
            FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'thanks', (
            -- The other account may be a stranger's, so its number is left out.
            SELECT json_agg(json_build_object(
                'platform', t.platform, 'did', t.did, 'said_in', t.entity_id, 'xp', t.xp, 'at', t.given_at
            ) ORDER BY t.given_at, t.did)
            FROM (
                SELECT t.*, 'gave' AS did FROM twinstream.accounts AS a JOIN twinstream.thanks AS t
                    ON t.platform = a.platform AND t.giver_account_id = a.account_id
                WHERE a.member_id = member
                UNION ALL
                SELECT t.*, 'received' FROM twinstream.accounts AS a JOIN twinstream.thanks AS t
                    ON t.platform = a.platform AND t.receiver_account_id = a.account_id
                WHERE a.member_id = member
            ) AS t
        ),
        'reactions', (
            SELECT json_agg(json_build_object(
                'platform', r.platform, 'did', r.did, 'place', r.place_id::text,
                'message', r.message_id::text, 'day', r.day
            ) ORDER BY r.day, r.message_id, r.did)
            FROM (
                SELECT r.*, 'gave' AS did FROM twinstream.accounts AS a JOIN twinstream.reactions AS r
                    ON r.platform = a.platform AND r.giver_account_id = a.account_id
                WHERE a.member_id = member
                UNION ALL
                SELECT r.*, 'received' FROM twinstream.accounts AS a JOIN twinstream.reactions AS r
                    ON r.platform = a.platform AND r.receiver_account_id = a.account_id
                WHERE a.member_id = member
            ) AS r
        ),
        'messages_whose_author_is_known', (
            SELECT json_agg(json_build_object(
                'platform', p.platform, 'place', p.place_id::text, 'message', u.message_id::text,
                'sent_at', to_timestamp(u.sent_at)
            ) ORDER BY p.place_id, u.message_id)
            FROM twinstream.accounts AS a JOIN twinstream.message_authors AS p
                ON p.platform = a.platform AND a.account_id = ANY (p.author_ids)
            CROSS JOIN LATERAL unnest(p.message_ids, p.author_ids, p.sent_at) AS u (message_id, author_id, sent_at)
            WHERE a.member_id = member AND u.author_id = a.account_id
        ),
        'earning', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'reason', w.reason, 'xp_not_yet_entered', w.xp,
                'since', w.opened_at, 'last_at', w.last_at, 'day', w.day, 'xp_of_the_day', w.day_xp
            ) ORDER BY w.platform, w.reason)
            FROM twinstream.accounts AS a JOIN twinstream.earning_windows AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_from_administrators', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'xp', w.xp, 'balance', w.balance, 'achievement', w.achievement,
                'reason', w.reason, 'at', w.given_at
            ) ORDER BY w.id)
            FROM twinstream.accounts AS a JOIN twinstream.rewards AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_given_as_administrator', (
            -- The members are others, so their numbers are left out.
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'xp', w.xp, 'balance', w.balance, 'achievement', w.achievement,
                'reason', w.reason, 'at', w.given_at
            ) ORDER BY w.id)
            FROM twinstream.accounts AS a JOIN twinstream.rewards AS w
                ON w.platform = a.platform AND w.administrator_id = a.account_id
            WHERE a.member_id = member
        ),
        'invited', (
            -- The inviter and the invited are others, so their numbers are left out.
            SELECT json_agg(json_build_object(
                'platform', i.platform, 'did', i.did, 'joined_at', i.joined_at, 'status', i.status,
                'changed_at', i.changed_at
            ) ORDER BY i.joined_at)
            FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                SELECT v.*, 'came' AS did FROM twinstream.invites AS v
                WHERE v.platform = a.platform AND v.account_id = a.account_id
                UNION ALL
                SELECT v.*, 'invited' FROM twinstream.invites AS v
                WHERE v.platform = a.platform AND v.inviter_id = a.account_id
            ) AS i WHERE a.member_id = member
        ),
        'invite_links', (
            SELECT json_agg(json_build_object(
                'platform', l.platform, 'link', l.link, 'made_at', l.made_at, 'is_revoked', l.is_revoked
            ) ORDER BY l.made_at)
            FROM twinstream.accounts AS a JOIN twinstream.invite_links AS l USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'daily_claims', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'claimed_at', d.claimed_at, 'day_ends_at', d.day_ends_at, 'xp', d.xp,
                'balance', d.balance
            ) ORDER BY d.platform)
            FROM twinstream.accounts AS a JOIN twinstream.daily_claims AS d USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'owed_to_tables_of_bots', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'xp', d.xp, 'balance', d.balance, 'since', d.updated_at
            ) ORDER BY d.platform)
            FROM twinstream.store_debts AS d WHERE d.member_id = member
        ),
        'differences', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'subject', d.subject, 'field', d.field, 'seen', d.seen,
                'expected', d.expected, 'decision', d.decision, 'found_at', d.found_at
            ) ORDER BY d.id)
            FROM twinstream.drift AS d WHERE d.member_id = member
        ),
        'entries', (
            SELECT json_agg(json_build_object(
                'key', t.idempotency_key, 'platform', t.source, 'account', t.account_id::text,
                'type', t.type, 'xp', t.delta_xp, 'balance', t.delta_balance,
                'achievement', t.achievement, 'reason', t.reason, 'entity', t.entity_id,
                'occurred_at', t.occurred_at, 'recorded_at', t.created_at
            ) ORDER BY t.id DESC)
            FROM (
                SELECT n.* FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                    -- The newest end of the index `transactions_by_account`.
                    SELECT * FROM twinstream.transactions AS t
                    WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = a.platform
                    ORDER BY t.id DESC LIMIT entries_max
                ) AS n
                WHERE a.member_id = member ORDER BY n.id DESC LIMIT entries_max
            ) AS t
        )
    );
END $$;

CREATE FUNCTION twinstream.find_forgotten(events twinstream.event[], forget_secret text, is_from_stream boolean) RETURNS bigint[]
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION twinstream.find_issuer(of_platform text, of_account bigint, code text, for_purpose text, OUT refusal text, OUT platform text, OUT account_id bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF twinstream.read_stop_sign() IS NOT NULL THEN
        refusal := 'paused';
        RETURN;
    END IF;
    -- One try of an account at a time: tries side by side would all find the same count.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.link' || of_platform, of_account));
    IF EXISTS (
        SELECT FROM twinstream.link_attempts AS t
        WHERE t.platform = of_platform AND t.account_id = of_account AND t.window_ends_at > now()
            AND t.failures >= (twinstream.link_limits()).failures_max
    ) THEN
        refusal := 'locked_out';
        RETURN;
    END IF;
    SELECT c.platform, c.account_id INTO platform, account_id FROM twinstream.link_codes AS c
    WHERE c.code_hash = twinstream.hash_of_code(code) AND c.purpose = for_purpose AND c.expires_at > now()
    FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM twinstream.count_failure(of_platform, of_account);
        refusal := 'wrong_code';
    END IF;
END $$;

CREATE FUNCTION twinstream.find_marked(marks text[], forget_secret text) RETURNS TABLE(platform text, account_id bigint, mark text)
    LANGUAGE plpgsql STABLE
    AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
BEGIN
    RETURN QUERY
    SELECT a.platform, a.account_id, m.mark FROM twinstream.accounts AS a
    CROSS JOIN LATERAL (SELECT twinstream.account_mark(pads, a.platform, a.account_id) AS mark OFFSET 0) AS m
    WHERE a.account_id > 0 AND m.mark = ANY (marks);
END $$;

CREATE FUNCTION twinstream.find_pending(keys text[]) RETURNS TABLE(key text, payload text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    sources CONSTANT text[] := twinstream.platforms_of_caller();
BEGIN
    RETURN QUERY SELECT e.idempotency_key, e.payload FROM twinstream.sync_events AS e
    WHERE e.idempotency_key = ANY (keys) AND e.status = 'pending' AND e.source = ANY (sources);
END $$;

CREATE FUNCTION twinstream.finish_events_of(person twinstream.forgotten_one[], naming text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    keys CONSTANT text[] := ARRAY (
        SELECT e.idempotency_key
        FROM twinstream.sync_events AS e JOIN unnest(person) AS p ON p.platform = e.source
        WHERE e.account_id = p.account_id AND e.status <> 'completed'
        UNION
        SELECT u.key FROM unnest(naming) AS u (key)
    );
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY['discord', 'telegram'] LOOP
        PERFORM twinstream.enter_at_opposite(
            CASE source WHEN 'telegram' THEN 'discord' ELSE 'telegram' END, source, keys
        );
    END LOOP;
    DELETE FROM twinstream.sync_events AS e
    WHERE e.id IN (
        SELECT o.id FROM twinstream.sync_events AS o JOIN unnest(person) AS p ON p.platform = o.source
        WHERE o.account_id = p.account_id
    ) OR e.idempotency_key = ANY (keys);
    -- Buried entries that no platform recorded, and reasons that name the accounts.
    DELETE FROM twinstream.sync_events AS e
    WHERE e.status = 'failed' AND e.account_id IS NULL
        AND concat_ws(' ', e.idempotency_key, e.payload, e.error_message) ~ pattern;
    UPDATE twinstream.sync_events AS e
    SET error_message = regexp_replace(e.error_message, pattern, '\1(forgotten)', 'g')
    -- Each of these has an index of its own, and nearly all rows are completed.
    WHERE (e.status = 'failed' OR e.status = 'pending' OR e.status = 'published')
        AND e.error_message ~ pattern;
END $$;

CREATE FUNCTION twinstream.follow_account_scores() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    owners bigint[];
BEGIN
    -- A link of one of the accounts commits first, or waits: then it adds up what is written here.
    WITH theirs AS MATERIALIZED (
        SELECT a.member_id FROM twinstream.accounts AS a
        JOIN changed AS c ON c.platform = a.platform AND c.account_id = a.account_id
        ORDER BY a.platform, a.account_id FOR KEY SHARE OF a
    )
    SELECT array_agg(DISTINCT t.member_id) INTO owners FROM theirs AS t;
    IF TG_OP = 'UPDATE' THEN
        -- A row that was given to another account is one less of its owner's.
        owners := owners || ARRAY (
            SELECT a.member_id FROM twinstream.accounts AS a
            JOIN gone AS g ON g.platform = a.platform AND g.account_id = a.account_id
            WHERE NOT EXISTS (
                SELECT FROM changed AS c WHERE c.platform = g.platform AND c.account_id = g.account_id
            )
            FOR KEY SHARE OF a
        );
    END IF;
    IF owners IS NOT NULL THEN
        PERFORM twinstream.add_up_scores(VARIADIC owners);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    one twinstream.forgotten_one;
BEGIN
    FOREACH one IN ARRAY person LOOP
        DELETE FROM twinstream.notices AS n WHERE n.platform = one.platform AND n.account_id = one.account_id;
        DELETE FROM twinstream.link_codes AS c WHERE c.platform = one.platform AND c.account_id = one.account_id;
        DELETE FROM twinstream.link_attempts AS t
        WHERE t.platform = one.platform AND t.account_id = one.account_id;
        DELETE FROM twinstream.store_agreements AS s
        WHERE s.platform = one.platform AND s.account_id = one.account_id;
        DELETE FROM twinstream.store_debts AS d WHERE d.member_id = one.member_id;
        DELETE FROM twinstream.surfaces AS f WHERE f.member_id = one.member_id;
        DELETE FROM twinstream.account_scores AS c
        WHERE c.platform = one.platform AND c.account_id = one.account_id;
        -- An account that was unlinked from this one keeps achievements, by the keys of its events.
        UPDATE twinstream.surfaces AS f SET wanted_key = 'forgotten'
        WHERE f.wanted_key LIKE format('%%%s%%', one.account_id)
            AND f.wanted_key ~ twinstream.pattern_of_ids(ARRAY[one]);
        -- Points that others got by the person stay theirs.
        DELETE FROM twinstream.thanks AS t
        WHERE t.platform = one.platform AND one.account_id IN (t.giver_account_id, t.receiver_account_id);
        DELETE FROM twinstream.reactions AS r
        WHERE r.platform = one.platform AND one.account_id IN (r.giver_account_id, r.receiver_account_id);
        UPDATE twinstream.message_authors AS m SET author_ids = array_replace(m.author_ids, one.account_id, 0)
        WHERE m.platform = one.platform AND one.account_id = ANY (m.author_ids);
        -- Amounts in its open windows are in no ledger yet, and go too.
        DELETE FROM twinstream.earning_windows AS w
        WHERE w.platform = one.platform AND w.account_id = one.account_id;
        -- The reason is a text that a person wrote, and a private chat has its member's number.
        UPDATE twinstream.rewards AS w SET
            reason = '', entity_id = format('forgotten:%s', w.id),
            account_id = CASE w.account_id WHEN one.account_id THEN one.pseudonym ELSE w.account_id END,
            administrator_id = CASE w.administrator_id
                WHEN one.account_id THEN one.pseudonym ELSE w.administrator_id END
        WHERE w.platform = one.platform AND one.account_id IN (w.account_id, w.administrator_id);
        -- The mark of the account says that it was here. An invitation of a forgotten inviter pays nobody.
        DELETE FROM twinstream.invites AS i WHERE i.platform = one.platform AND i.account_id = one.account_id;
        UPDATE twinstream.invites AS i SET inviter_id = one.pseudonym, why = NULL
        WHERE i.platform = one.platform AND i.inviter_id = one.account_id;
        -- The link says nothing of the person; the bot revokes it, and then its row goes.
        UPDATE twinstream.invite_links AS l SET account_id = one.pseudonym, is_revoked = true, revoke_at = now()
        WHERE l.platform = one.platform AND l.account_id = one.account_id;
        DELETE FROM twinstream.daily_claims AS d
        WHERE d.platform = one.platform AND d.account_id = one.account_id;
        UPDATE twinstream.links AS l SET telegram_account_id = one.pseudonym
        WHERE one.platform = 'telegram' AND l.telegram_account_id = one.account_id;
        UPDATE twinstream.links AS l SET discord_account_id = one.pseudonym
        WHERE one.platform = 'discord' AND l.discord_account_id = one.account_id;
        UPDATE twinstream.moves AS m SET from_account_id = one.pseudonym
        WHERE m.platform = one.platform AND m.from_account_id = one.account_id;
        UPDATE twinstream.moves AS m SET to_account_id = one.pseudonym
        WHERE m.platform = one.platform AND m.to_account_id = one.account_id;
        UPDATE twinstream.support_uses AS u SET
            account_id = CASE u.account_id WHEN one.account_id THEN one.pseudonym ELSE u.account_id END,
            administrator_id = CASE u.administrator_id
                WHEN one.account_id THEN one.pseudonym ELSE u.administrator_id END
        WHERE u.platform = one.platform AND one.account_id IN (u.account_id, u.administrator_id);
        -- Offers to link, and what administrators decided about the account.
        DELETE FROM twinstream.link_offers AS o
        WHERE (o.platform = one.platform AND o.account_id = one.account_id)
            OR (o.platform <> one.platform AND o.opener_id = one.account_id);
        DELETE FROM twinstream.link_bans AS b WHERE b.platform = one.platform AND b.account_id = one.account_id;
        DELETE FROM twinstream.link_rewards AS r
        WHERE r.platform = one.platform AND r.account_id = one.account_id;
        -- Notices of others name it, too. They stay: the account at the other end of a link has to hear that
        -- the link ended, and that it can be undone.
        UPDATE twinstream.notices AS n
        SET details = jsonb_set(n.details, '{account_id}', to_jsonb(one.pseudonym))
            || '{"reason": ""}'::jsonb
        WHERE n.details ->> 'platform' = one.platform AND n.details ->> 'account_id' = one.account_id::text;
        -- A reason is a text that a person wrote, and may hold a name.
        UPDATE twinstream.link_acts AS a SET
            reason = '',
            telegram_account_id = CASE WHEN one.platform = 'telegram' AND a.telegram_account_id = one.account_id
                THEN one.pseudonym ELSE a.telegram_account_id END,
            discord_account_id = CASE WHEN one.platform = 'discord' AND a.discord_account_id = one.account_id
                THEN one.pseudonym ELSE a.discord_account_id END,
            from_account_id = CASE WHEN one.platform = a.from_platform AND a.from_account_id = one.account_id
                THEN one.pseudonym ELSE a.from_account_id END,
            actor_account_id = CASE WHEN one.platform = a.actor_platform AND a.actor_account_id = one.account_id
                THEN one.pseudonym ELSE a.actor_account_id END
        WHERE (one.platform = 'telegram' AND a.telegram_account_id = one.account_id)
            OR (one.platform = 'discord' AND a.discord_account_id = one.account_id)
            OR (one.platform = a.from_platform AND a.from_account_id = one.account_id)
            OR (one.platform = a.actor_platform AND a.actor_account_id = one.account_id);
    END LOOP;
END $$;

CREATE FUNCTION twinstream.forget_findings(person twinstream.forgotten_one[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    one twinstream.forgotten_one;
BEGIN
    FOREACH one IN ARRAY person LOOP
        DELETE FROM twinstream.drift AS d WHERE d.member_id = one.member_id OR d.platform = one.platform
            AND one.account_id IN (d.account_id, CASE d.subject WHEN 'books' THEN NULL ELSE d.subject_id END);
        UPDATE twinstream.snapshots AS s SET
            after_id = s.after_id - (s.after_id = one.account_id)::integer,
            upto_id = s.upto_id - (s.upto_id = one.account_id)::integer
        WHERE s.platform = one.platform AND s.subject <> 'books'
            AND one.account_id IN (s.after_id, s.upto_id);
        UPDATE twinstream.reconcile_walks AS w SET after_id = w.after_id - 1
        WHERE w.platform = one.platform AND w.subject <> 'books' AND w.after_id = one.account_id;
    END LOOP;
    DELETE FROM twinstream.drift AS d
    WHERE concat_ws(' ', d.seen, d.expected, d.in_flight, d.why, d.idempotency_key) ~ pattern;
    UPDATE twinstream.snapshots AS s SET refused = regexp_replace(s.refused, pattern, '\1(forgotten)', 'g')
    WHERE s.refused ~ pattern;
    UPDATE twinstream.reconcile_runs AS r
    SET stopped_because = regexp_replace(r.stopped_because, pattern, '\1(forgotten)', 'g')
    WHERE r.stopped_because ~ pattern;
END $$;

CREATE FUNCTION twinstream.forget_offers() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM twinstream.link_offers AS o
    WHERE (o.platform = OLD.platform AND o.account_id = OLD.account_id)
        OR (o.platform <> OLD.platform AND o.opener_id = OLD.account_id);
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.forget_person(of_platform text, of_account bigint, forget_secret text, moment timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(platform text, account_id bigint, entries bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
    forgotten_from CONSTANT timestamptz := coalesce(moment, clock_timestamp());
    naming text[];
    person twinstream.forgotten_one[];
    rewritten bigint;
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.obey_stop_sign();
    IF length(forget_secret) >= 16 IS NOT TRUE OR of_account < 1 THEN
        RAISE EXCEPTION 'forgetting needs a secret of 16 characters or more, and an account of a platform'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_long';
    END IF;
    person := twinstream.name_person(of_platform, of_account);
    naming := twinstream.keys_naming(person);
    -- Most of the work, before anything is locked that others wait for: a member with a million entries is
    -- answered meanwhile, and so is everybody whose bot or batch of events would wait for that member.
    rewritten := twinstream.rewrite_entries(person, '{}', pads);
    -- Reactions and authors that are being entered are there to be removed; later ones find the marks.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.forgetting', 0));
    PERFORM twinstream.lock_person(person);
    PERFORM twinstream.finish_events_of(person, naming);
    -- Entries that came meanwhile, and those of events that were on their way.
    rewritten := rewritten + twinstream.rewrite_entries(person, naming, pads);
    PERFORM twinstream.mark_link_rules(person, pads);
    PERFORM twinstream.forget_elsewhere(person);
    PERFORM twinstream.forget_findings(person);
    UPDATE twinstream.accounts AS a SET account_id = p.pseudonym, display_name = NULL, is_hidden = true
    FROM unnest(person) AS p WHERE a.platform = p.platform AND a.account_id = p.account_id;
    PERFORM twinstream.mark_forgotten(
        ARRAY (SELECT twinstream.account_mark(pads, p.platform, p.account_id) FROM unnest(person) AS p),
        pads, forgotten_from
    );
    RETURN QUERY SELECT p.platform, p.account_id, rewritten FROM unnest(person) AS p;
END $$;

CREATE FUNCTION twinstream.forget_shown(of_platform text, of_account bigint, only_absent boolean, with_priority integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF with_priority = 2 THEN -- that of a change by hand
        -- The member is locked as an event locks it: a rank that changes at this moment is the one wanted.
        PERFORM FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
        WHERE a.platform = of_platform AND a.account_id = of_account AND NOT EXISTS (
            SELECT FROM twinstream.surfaces AS f
            WHERE f.member_id = a.member_id AND f.platform = a.platform AND f.surface = 'rank'
        )
        FOR KEY SHARE OF a FOR NO KEY UPDATE OF m;
        PERFORM twinstream.want(
            ARRAY[a.member_id], ARRAY[a.platform], ARRAY['rank'], ARRAY[coalesce(s.rank, 0)],
            ARRAY['by_hand'], ARRAY[with_priority]
        )
        FROM twinstream.accounts AS a
        LEFT JOIN twinstream.sync_state AS s
            ON s.member_id = a.member_id AND s.platform = a.platform
        LEFT JOIN twinstream.surfaces AS f
            ON f.member_id = a.member_id AND f.platform = a.platform AND f.surface = 'rank'
        WHERE a.platform = of_platform AND a.account_id = of_account AND f.member_id IS NULL;
    END IF;
    WITH theirs AS (
        -- Locked in the order in which the ledger locks them. By account, because a link may have
        -- moved them.
        SELECT f.member_id, f.surface
        FROM twinstream.surfaces AS f
        JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
        WHERE a.platform = of_platform AND a.account_id = of_account
            AND (NOT only_absent OR f.parked = 'absent')
        ORDER BY f.surface
        FOR NO KEY UPDATE OF f
    )
    UPDATE twinstream.surfaces AS f SET
        -- The same wish once more, so that a visit under way does not count as its answer.
        wanted_at = now(), attempts = 0, retry_at = NULL, parked = NULL, error = NULL,
        priority = CASE WHEN f.wanted IS DISTINCT FROM f.shown
            THEN least(f.priority, with_priority) ELSE with_priority END,
        shown = NULL, forgotten = true,
        -- Numbers that a visit under way may still leave on the platform.
        unconfirmed = CASE WHEN only_absent OR f.taken_until > now() THEN array(
            SELECT DISTINCT u.number
            FROM unnest(coalesce(f.unconfirmed, ARRAY[coalesce(f.shown, 0)]) || 0) AS u (number)
        ) END
    FROM theirs AS t
    WHERE f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface;
END $$;

CREATE FUNCTION twinstream.forgive_store_debts(of_platform text, members bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.store_debts AS d
    WHERE d.platform = of_platform AND d.member_id = ANY (members);
END $$;

CREATE FUNCTION twinstream.forgotten_key(pads bytea[], key text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT 'forgotten:' || twinstream.mark_of(pads, 'key:' || key)
$$;

CREATE FUNCTION twinstream.give_announcements_back(of_platform text, members bigint[], surfaces text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.surfaces AS f SET announce = true
    FROM unnest(members, surfaces) AS t (member_id, surface)
    WHERE f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface;
END $$;

CREATE FUNCTION twinstream.give_reward(of_platform text, administrator bigint, of_account bigint, of_entity text, more_xp bigint, more_balance bigint, of_achievement text, why text, rewards_max integer, xp_max bigint, balance_max bigint, stores text[] DEFAULT '{}'::text[], forget_secret text DEFAULT NULL::text) RETURNS TABLE(outcome text, xp bigint, balance bigint, unlocked boolean, free_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    known twinstream.rewards;
    lately record;
    has record;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- One reward of an administrator at a time: rewards side by side would all find the same sums.
    PERFORM pg_advisory_xact_lock(
        hashtextextended(format('twinstream.rewards %s %s', of_platform, administrator), 0)
    );
    SELECT r.* INTO known FROM twinstream.rewards AS r
    WHERE r.platform = of_platform AND r.entity_id = of_entity;
    IF known.id IS NOT NULL THEN
        RETURN QUERY SELECT 'again', known.xp, known.balance, known.achievement IS NOT NULL, NULL::timestamptz;
        RETURN;
    END IF;
    -- A person has one account on a platform (account_one_per_platform).
    IF of_account = administrator THEN
        RETURN QUERY SELECT 'own', 0::bigint, 0::bigint, false, NULL::timestamptz;
        RETURN;
    END IF;
    SELECT count(*) AS rewards, coalesce(sum(abs(r.xp)), 0) AS xp, coalesce(sum(abs(r.balance)), 0) AS balance,
        min(r.given_at) + interval '24 hours' AS free_at
    INTO lately FROM twinstream.rewards AS r
    WHERE r.platform = of_platform AND r.administrator_id = administrator
        AND r.given_at > now() - interval '24 hours';
    IF lately.rewards >= rewards_max OR lately.xp + abs(more_xp) > xp_max
        OR lately.balance + abs(more_balance) > balance_max
    THEN
        RETURN QUERY SELECT 'limited', greatest(0, xp_max - lately.xp)::bigint,
            greatest(0, balance_max - lately.balance)::bigint, false, lately.free_at;
        RETURN;
    END IF;
    PERFORM twinstream.lock_accounts(of_platform, ARRAY[of_account], true);
    IF more_xp < 0 THEN
        -- XP in an open window is the member's as well, and may be taken away.
        PERFORM twinstream.close_windows_of_people(of_platform, ARRAY[of_account], stores);
    END IF;
    SELECT m.xp, m.balance INTO has FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account;
    IF least(has.xp + more_xp, has.balance + more_balance) < 0 THEN
        RETURN QUERY SELECT 'less', has.xp, has.balance, false, NULL::timestamptz;
        RETURN;
    END IF;
    unlocked := of_achievement IS NOT NULL AND cardinality(
        twinstream.unlock_new(of_platform, of_account, ARRAY[of_achievement], forget_secret)
    ) > 0;
    IF more_xp = 0 AND more_balance = 0 AND NOT unlocked THEN
        RETURN QUERY SELECT 'held', 0::bigint, 0::bigint, false, NULL::timestamptz;
        RETURN;
    END IF;
    PERFORM twinstream.record_amounts(
        of_platform, of_account, more_xp, more_balance, 'reward', of_entity, stores, forget_secret
    );
    INSERT INTO twinstream.rewards
        (platform, administrator_id, account_id, entity_id, xp, balance, achievement, reason)
    VALUES (
        of_platform, administrator, of_account, of_entity, more_xp, more_balance,
        CASE WHEN unlocked THEN of_achievement END, why
    );
    RETURN QUERY SELECT 'given', more_xp, more_balance, unlocked, NULL::timestamptz;
END $$;

CREATE FUNCTION twinstream.give_scores() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.add_up_scores(OLD.member_id, NEW.member_id);
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.hash_of_code(code text) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT sha256(convert_to(twinstream.normal_code(code), 'UTF8'))
$$;

CREATE FUNCTION twinstream.hash_of_token(token text) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT sha256(convert_to('link-' || token, 'UTF8'))
$$;

CREATE FUNCTION twinstream.held_in_stores(stores text[], member_ids bigint[]) RETURNS twinstream.share[]
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- A payment under way commits first; then its debt is gone.
    PERFORM FROM twinstream.store_debts AS d
    WHERE d.platform = ANY (stores) AND d.member_id = ANY (member_ids)
    ORDER BY d.platform, d.member_id FOR UPDATE;
    RETURN (
        SELECT array_agg(ROW (
            a.platform, a.account_id, a.member_id, coalesce(s.xp, 0) - coalesce(d.xp, 0),
            coalesce(s.balance, 0) - coalesce(d.balance, 0)
        )::twinstream.share)
        FROM twinstream.accounts AS a
        LEFT JOIN twinstream.sync_state AS s ON s.member_id = a.member_id AND s.platform = a.platform
        LEFT JOIN twinstream.store_debts AS d ON d.member_id = a.member_id AND d.platform = a.platform
        WHERE a.platform = ANY (stores) AND a.member_id = ANY (member_ids)
    );
END $$;

CREATE FUNCTION twinstream.hide_moved_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE twinstream.accounts AS a SET is_hidden = true
    FROM twinstream.accounts AS o
    WHERE a.platform = NEW.platform AND a.account_id = NEW.to_account_id
        AND o.platform = NEW.platform AND o.account_id = NEW.from_account_id AND o.is_hidden;
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.history(of_platform text, of_account bigint, at_most integer) RETURNS TABLE(display_name text, occurred_at timestamp with time zone, source text, reason text, delta_xp bigint, delta_balance bigint, achievement text, xp numeric, balance numeric, state text, entity_id text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

CREATE FUNCTION twinstream.is_from_before_forgetting(of_platform text, of_account bigint, of_reason text, moment timestamp with time zone, forget_secret text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT forget_secret <> '' AND NOT EXISTS (
        SELECT FROM twinstream.earning_windows AS w
        WHERE w.platform = of_platform AND w.account_id = of_account AND w.reason = of_reason
    ) AND twinstream.was_forgotten_since(of_platform, ARRAY[of_account], moment, forget_secret)
$$;

CREATE FUNCTION twinstream.is_hidden(of_member bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.is_hidden)
$$;

CREATE FUNCTION twinstream.is_on_board(of_member bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.left_out IS NULL
    ) AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.is_excluded
    ) AND NOT twinstream.is_hidden(of_member)
$$;

CREATE FUNCTION twinstream.is_reserved(key text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:') OR starts_with(key, 'import:')
        OR starts_with(key, 'forgotten:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;

CREATE TABLE twinstream.link_offers (
    id bigint NOT NULL,
    platform text NOT NULL,
    account_id bigint NOT NULL,
    code_hash bytea NOT NULL,
    token_hash bytea NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    opener_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    news_for text,
    CONSTRAINT link_offer_news_platform_known CHECK ((news_for = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT link_offer_opener_as_status CHECK (
CASE status
    WHEN 'waiting'::text THEN (opener_id IS NULL)
    WHEN 'void'::text THEN (opener_id IS NULL)
    WHEN 'opened'::text THEN (opener_id IS NOT NULL)
    WHEN 'linked'::text THEN (opener_id IS NOT NULL)
    WHEN 'declined'::text THEN (opener_id IS NOT NULL)
    ELSE true
END),
    CONSTRAINT link_offer_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT link_offer_status_known CHECK ((status = ANY (ARRAY['waiting'::text, 'opened'::text, 'linked'::text, 'declined'::text, 'void'::text, 'ended'::text])))
);

CREATE FUNCTION twinstream.is_under_way(offer twinstream.link_offers) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT offer.status IN ('waiting', 'opened') AND offer.expires_at > now()
$$;

CREATE FUNCTION twinstream.issue_code(platform text, account_id bigint, purpose text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    code CONSTANT text := twinstream.make_code();
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    IF purpose = 'link' THEN
        PERFORM twinstream.refuse_link('link_code_purpose_known', 'start_offer begins a link');
    END IF;
    PERFORM twinstream.create_members(platform, ARRAY[account_id]);
    INSERT INTO twinstream.link_codes (code_hash, platform, account_id, purpose, expires_at)
    VALUES (
        twinstream.hash_of_code(code), platform, account_id, purpose,
        now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
    )
    ON CONFLICT ON CONSTRAINT link_code_one_per_account DO UPDATE SET
        code_hash = excluded.code_hash, purpose = excluded.purpose, created_at = now(),
        expires_at = excluded.expires_at;
    RETURN code;
END $$;

CREATE FUNCTION twinstream.joins_of(of_platform text, account_ids bigint[], period_s integer) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE joined (account_id) AS (
        SELECT u.account_id FROM unnest(account_ids) AS u (account_id)
        UNION
        SELECT m.from_account_id
        FROM joined AS j JOIN twinstream.moves AS m ON m.to_account_id = j.account_id
        WHERE m.platform = of_platform AND m.moved_at > now() - make_interval(secs => period_s)
    ), moved AS (
        SELECT m.to_account_id, m.moved_at
        FROM joined AS j JOIN twinstream.moves AS m ON m.to_account_id = j.account_id
        WHERE m.platform = of_platform AND m.moved_at > now() - make_interval(secs => period_s)
    )
    SELECT (SELECT count(*) FROM moved) + count(*)
    FROM joined AS j CROSS JOIN LATERAL twinstream.links_of(of_platform, j.account_id) AS l
    WHERE l.linked_at > now() - make_interval(secs => period_s) AND NOT (
        l.telegram_xp_before IS NULL AND EXISTS (
            SELECT FROM moved AS m WHERE m.to_account_id = j.account_id AND m.moved_at = l.linked_at
        )
    )
$$;

CREATE FUNCTION twinstream.judge_board(VARIADIC of_members bigint[]) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.members AS m SET on_board = NOT m.on_board
    WHERE m.id = ANY (of_members) AND m.on_board <> twinstream.is_on_board(m.id)
$$;

CREATE FUNCTION twinstream.judge_board_of_account() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.judge_board(OLD.member_id, NEW.member_id);
    RETURN NULL;
END $$;

CREATE TABLE twinstream.invites (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    inviter_id bigint NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    look_at timestamp with time zone DEFAULT now() NOT NULL,
    is_earned boolean DEFAULT false NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    why text,
    CONSTRAINT invite_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT invite_status_known CHECK ((status = ANY (ARRAY['waiting'::text, 'paid'::text, 'void'::text, 'refused'::text])))
);

CREATE FUNCTION twinstream.judged_invite(one twinstream.invites, stay_s double precision, least_xp bigint, per_day integer, pause interval) RETURNS twinstream.invites
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    ripe_at CONSTANT timestamptz := one.joined_at + make_interval(secs => stay_s);
    turn timestamptz;
    is_enough boolean := one.is_earned;
BEGIN
    IF ripe_at > now() THEN
        -- The setting may change meanwhile.
        one.look_at := least(ripe_at, now() + interval '1 day');
        RETURN one;
    END IF;
    IF NOT is_enough THEN
        -- In the books of its own platform, so that what others give it by a link does not count. Neither do the
        -- entries that links, unlinks and moves themselves make.
        SELECT coalesce(sum(t.delta_xp), 0) >= least_xp INTO is_enough FROM twinstream.transactions AS t
        WHERE t.account_id = one.account_id AND t.source = one.platform AND t.platform = one.platform
            AND t.delta_xp > 0 AND t.idempotency_key NOT LIKE 'link:%';
    END IF;
    IF NOT is_enough THEN
        one.status := CASE WHEN ripe_at < now() - interval '30 days' THEN 'void' ELSE 'waiting' END;
        one.look_at := now() + pause;
        RETURN one;
    END IF;
    -- One payment of an inviter at a time, so that the limit holds. A move or a forgetting that holds the inviter
    -- may be about to change this row: it would wait for this payment, and this payment for it.
    IF twinstream.lock_accounts(one.platform, ARRAY[one.inviter_id], false) IS NULL THEN
        one.look_at := now() + pause;
        RETURN one;
    END IF;
    IF one.inviter_id < 0 OR EXISTS (
        -- Both were linked with one account: they are one person's.
        SELECT FROM twinstream.links_of(one.platform, one.account_id) AS l
        JOIN twinstream.links_of(one.platform, one.inviter_id) AS o ON CASE one.platform
            WHEN 'telegram' THEN o.discord_account_id = l.discord_account_id
            ELSE o.telegram_account_id = l.telegram_account_id END
    ) THEN
        one.status := 'void';
        RETURN one;
    END IF;
    turn := twinstream.turn_of(one.platform, one.inviter_id, per_day, NOT one.is_earned);
    one.is_earned := true;
    IF turn > now() THEN
        one.look_at := turn;
    ELSE
        one.status := 'paid';
    END IF;
    RETURN one;
END $$;

CREATE FUNCTION twinstream.keep_earnings(of_member bigint) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.members AS m SET week_discord_xp = 0, month_discord_xp = 0 WHERE m.id = of_member
$$;

CREATE FUNCTION twinstream.keep_invite_link(of_platform text, chat bigint, account bigint, made text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    known text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF made IS NOT NULL THEN
        -- A link that is being kept is there for a forgetting to revoke.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
        INSERT INTO twinstream.invite_links AS l (platform, chat_id, account_id, link)
        VALUES (of_platform, chat, account, made)
        ON CONFLICT DO NOTHING;
    END IF;
    SELECT l.link INTO known FROM twinstream.invite_links AS l
    WHERE l.platform = of_platform AND l.chat_id = chat AND l.account_id = account AND NOT l.is_revoked;
    IF known <> made THEN
        INSERT INTO twinstream.invite_links AS l (platform, chat_id, account_id, link, is_revoked)
        VALUES (of_platform, chat, account, made, true)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN known;
END $$;

CREATE FUNCTION twinstream.keep_places(of_platform text, named text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.parked_places AS p WHERE p.platform = of_platform AND NOT p.place = ANY (named);
END $$;

CREATE FUNCTION twinstream.keep_streak(of_platform text, of_account bigint, streak integer, day date, forgiven_month date, forgiven_days integer) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.account_scores AS c
        (platform, account_id, streak, longest_streak, streak_day, forgiven_month, forgiven_days)
    SELECT theirs.platform, theirs.account_id, streak, streak, day, forgiven_month, forgiven_days
    FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account
    ORDER BY theirs.platform, theirs.account_id
    ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET
        streak = excluded.streak, longest_streak = greatest(c.longest_streak, excluded.streak),
        streak_day = excluded.streak_day, forgiven_month = excluded.forgiven_month,
        forgiven_days = excluded.forgiven_days
$$;

CREATE FUNCTION twinstream.key_fault(e twinstream.event, OUT rule text, OUT why text) RETURNS SETOF record
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.require_keys(ARRAY[e], false);
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME, why = MESSAGE_TEXT;
    RETURN NEXT;
END $$;

CREATE FUNCTION twinstream.key_of(e twinstream.event) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE e.source WHEN 'telegram' THEN 'tg_' ELSE 'dc_' END || CASE e.type
        WHEN 'xp.changed' THEN e.reason || '_' || e.account_id::text || '_' || e.entity_id
        WHEN 'balance.changed' THEN
            e.reason || '.balance_' || e.account_id::text || '_' || e.entity_id
        ELSE 'achievement.' || e.achievement || '_' || e.account_id::text
    END
$$;

CREATE FUNCTION twinstream.keys_naming(person twinstream.forgotten_one[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    ids CONSTANT bigint[] := ARRAY (SELECT p.account_id FROM unnest(person) AS p);
    -- A plain search takes a fraction of the time of a pattern, and rules nearly all entries out.
    parts CONSTANT text[] := ARRAY (SELECT format('%%%s%%', p.account_id) FROM unnest(person) AS p);
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
BEGIN
    RETURN (
        SELECT array_agg(DISTINCT t.idempotency_key) FROM twinstream.transactions AS t
        WHERE (t.account_id <> ALL (ids) OR NOT EXISTS (
                SELECT FROM unnest(person) AS p WHERE p.platform = t.source AND p.account_id = t.account_id
            ))
            AND (t.idempotency_key LIKE ANY (parts) OR t.entity_id LIKE ANY (parts)
                OR t.reason LIKE ANY (parts))
            AND concat_ws(' ', t.idempotency_key, t.reason, t.entity_id) ~ pattern
    );
END $$;

CREATE TABLE twinstream.ranks (
    rank integer NOT NULL,
    name text NOT NULL,
    xp bigint NOT NULL,
    CONSTRAINT rank_threshold_not_negative CHECK ((xp >= 0))
);

CREATE FUNCTION twinstream.ladder() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((SELECT array_agg(r.xp ORDER BY r.xp) AS array_agg FROM twinstream.ranks r), '{}'::bigint[]);

CREATE FUNCTION twinstream.leave_out(of_platform text, account_ids bigint[], why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    changed bigint[];
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- Accounts first, then their members, as events lock them: a transaction that holds the member may change
    -- the row of the account.
    changed := ARRAY (
        SELECT a.account_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = ANY (account_ids)
            AND a.left_out IS DISTINCT FROM why AND a.left_out IS DISTINCT FROM 'bot'
        ORDER BY a.account_id FOR KEY SHARE
    );
    IF cardinality(changed) = 0 THEN
        RETURN;
    END IF;
    PERFORM FROM twinstream.members AS m
    WHERE m.id IN (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = ANY (changed)
    )
    ORDER BY m.id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET left_out = why
    WHERE a.platform = of_platform AND a.account_id = ANY (changed)
        AND a.left_out IS DISTINCT FROM why AND a.left_out IS DISTINCT FROM 'bot';
END $$;

CREATE FUNCTION twinstream.link_accounts(telegram_id bigint, discord_id bigint, with_policy text DEFAULT NULL::text, stores text[] DEFAULT '{}'::text[], links_max integer DEFAULT (twinstream.link_limits()).links_max, actor twinstream.link_actor DEFAULT NULL::twinstream.link_actor) RETURNS twinstream.links
    LANGUAGE plpgsql
    AS $$
DECLARE
    platforms CONSTANT text[] := ARRAY['telegram', 'discord'];
    ids CONSTANT bigint[] := ARRAY[telegram_id, discord_id];
    policy text := with_policy;
    owners bigint[];
    had twinstream.share[];
    held twinstream.share[];
    made twinstream.links;
    keep bigint;
BEGIN
    PERFORM twinstream.obey_stop_sign();
    IF policy IS NULL THEN
        -- Without the row the default counts: people may empty the table.
        policy := coalesce((SELECT s.policy FROM twinstream.link_settings AS s), 'sum');
    END IF;
    FOR n IN 1..2 LOOP
        PERFORM twinstream.create_members(platforms[n], ARRAY[ids[n]]);
    END LOOP;
    owners := twinstream.lock_owners(platforms, ids);
    PERFORM twinstream.close_windows_of_locked(platforms, ids, stores);
    FOR n IN 1..2 LOOP
        PERFORM twinstream.require_unlinked(platforms[n], ids[n]);
        PERFORM twinstream.require_leave_to_link(platforms[n], ids[n]);
        IF coalesce(actor.kind, 'member') = 'member' THEN
            PERFORM twinstream.require_cooldown(platforms[n], ids[n], ids[3 - n]);
        END IF;
        PERFORM twinstream.require_room(platforms[n], ARRAY[ids[n]], links_max);
    END LOOP;
    IF policy <> 'sum' THEN
        had := twinstream.earned_by_each(platforms, ids, owners);
    END IF;
    INSERT INTO twinstream.links AS l (telegram_account_id, discord_account_id, policy)
    VALUES (telegram_id, discord_id, policy) RETURNING l.* INTO made;
    PERFORM twinstream.note_amounts_before(made.id, owners);
    held := twinstream.held_in_stores(stores, owners);
    keep := least(owners[1], owners[2]);
    PERFORM twinstream.merge_members(keep, greatest(owners[1], owners[2]));
    PERFORM twinstream.change_earned(
        made.id::text, 'policy', twinstream.taken_away(policy, had, keep)
    );
    PERFORM twinstream.pay_link_reward(made, keep);
    PERFORM twinstream.owe_the_rest(stores, held, ARRAY[keep]);
    PERFORM twinstream.note_act('link', telegram_id, discord_id, made.id, actor);
    SELECT l.* INTO made FROM twinstream.links AS l WHERE l.id = made.id;
    RETURN made;
END $$;

CREATE FUNCTION twinstream.link_events(link text, step text, changes twinstream.share[]) RETURNS twinstream.event[]
    LANGUAGE sql
    AS $$
    SELECT array_agg(ROW (
        c.member_id, twinstream.link_key(link, step, c.platform, f.name), c.platform,
        f.name || '.changed', c.account_id, f.xp, f.balance, NULL,
        twinstream.link_reason(step) || coalesce((
            SELECT '_' || l.policy FROM twinstream.links AS l
            WHERE step = 'policy' AND l.id::text = link
        ), ''),
        link, now(), NULL
    )::twinstream.event)
    FROM unnest(changes) AS c
    CROSS JOIN LATERAL (
        VALUES ('xp', c.xp, 0::bigint), ('balance', 0::bigint, c.balance)
    ) AS f (name, xp, balance)
    WHERE f.xp <> 0 OR f.balance <> 0
$$;

CREATE FUNCTION twinstream.link_key(link text, step text, of_platform text, effect text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT format('link:%s:%s:%s:%s', link, step, of_platform, effect) $$;

CREATE FUNCTION twinstream.link_reason(step text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE step WHEN 'policy' THEN 'link' WHEN 'reward' THEN 'link_reward' WHEN 'unlink' THEN 'unlink'
        WHEN 'undo' THEN 'link_undo' ELSE 'account_move' END
$$;

CREATE TABLE twinstream.link_settings (
    policy text DEFAULT 'sum'::text NOT NULL,
    reward_xp bigint DEFAULT 0 NOT NULL,
    reward_balance bigint DEFAULT 0 NOT NULL,
    cooldown_s bigint DEFAULT 86400 NOT NULL,
    undo_s integer DEFAULT 604800 NOT NULL,
    CONSTRAINT link_setting_not_negative CHECK (((reward_xp >= 0) AND (reward_balance >= 0) AND (cooldown_s >= 0) AND (undo_s >= 0))),
    CONSTRAINT link_setting_policy_known CHECK ((policy = ANY (ARRAY['sum'::text, 'max'::text, 'telegram'::text, 'discord'::text])))
);

CREATE FUNCTION twinstream.link_rules() RETURNS twinstream.link_settings
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT s FROM twinstream.link_settings AS s
$$;

CREATE FUNCTION twinstream.link_state(of_platform text, of_account bigint) RETURNS TABLE(link_id bigint, is_linked boolean, other_account_id bigint, other_name text, linked_at timestamp with time zone, policy text, undo_until timestamp with time zone, forbidden_at timestamp with time zone, free_at timestamp with time zone, xp_before bigint, balance_before bigint, other_xp_before bigint, other_balance_before bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    newest twinstream.links;
    other_platform CONSTANT text := CASE of_platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END;
    on_telegram CONSTANT boolean := of_platform = 'telegram';
    other bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    SELECT l.* INTO newest FROM twinstream.links AS l
    WHERE l.id = twinstream.newest_link(of_platform, of_account);
    other := CASE WHEN on_telegram THEN newest.discord_account_id ELSE newest.telegram_account_id END;
    RETURN QUERY SELECT
        newest.id, newest.id IS NOT NULL AND newest.unlinked_at IS NULL AND newest.undone_at IS NULL,
        other,
        (
            SELECT a.display_name FROM twinstream.accounts AS a
            WHERE a.platform = other_platform AND a.account_id = other
        ),
        newest.linked_at, newest.policy,
        CASE WHEN newest.undone_at IS NULL AND newest.linked_at
            > now() - make_interval(secs => twinstream.undo_seconds())
            -- The other account may have a newer link.
            AND newest.id = twinstream.newest_link(other_platform, other)
        THEN newest.linked_at + make_interval(secs => twinstream.undo_seconds()) END,
        (
            SELECT b.forbidden_at FROM twinstream.link_bans AS b
            WHERE b.platform = of_platform AND b.account_id = of_account
        ),
        twinstream.cooldown_of(of_platform, of_account),
        CASE WHEN on_telegram THEN newest.telegram_xp_before ELSE newest.discord_xp_before END,
        CASE WHEN on_telegram THEN newest.telegram_balance_before ELSE newest.discord_balance_before END,
        CASE WHEN on_telegram THEN newest.discord_xp_before ELSE newest.telegram_xp_before END,
        CASE WHEN on_telegram THEN newest.discord_balance_before ELSE newest.telegram_balance_before END;
END $$;

CREATE FUNCTION twinstream.links_of(of_platform text, of_account bigint) RETURNS SETOF twinstream.links
    LANGUAGE sql STABLE
    AS $$
    SELECT l.* FROM twinstream.links AS l
    WHERE of_platform = 'telegram' AND l.telegram_account_id = of_account
    UNION ALL
    SELECT l.* FROM twinstream.links AS l
    WHERE of_platform = 'discord' AND l.discord_account_id = of_account
$$;

CREATE FUNCTION twinstream.list_scores() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE twinstream.member_scores AS s SET on_board = NEW.on_board WHERE s.member_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION twinstream.lock_accounts(of_platform text, account_ids bigint[], waits boolean) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.lock_day(of_platform text, of_account bigint, since timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT d.platform, d.account_id FROM twinstream.accounts_of_day(of_platform, of_account, since) AS d
        ORDER BY d.platform COLLATE "C", d.account_id
    LOOP
        PERFORM pg_advisory_xact_lock(
            hashtextextended(format('twinstream.daily %s %s', one.platform, one.account_id), 0)
        );
    END LOOP;
END $$;

CREATE FUNCTION twinstream.lock_offer(offer_id bigint, opener bigint DEFAULT NULL::bigint) RETURNS twinstream.link_offers
    LANGUAGE plpgsql
    AS $$
DECLARE
    found twinstream.link_offers;
BEGIN
    SELECT o.* INTO found FROM twinstream.link_offers AS o WHERE o.id = offer_id;
    opener := coalesce(opener, found.opener_id);
    PERFORM twinstream.lock_offers(
        CASE found.platform WHEN 'telegram' THEN found.account_id ELSE opener END,
        CASE found.platform WHEN 'telegram' THEN opener ELSE found.account_id END
    );
    PERFORM FROM twinstream.link_offers AS o
    WHERE o.id = offer_id OR o.status IN ('waiting', 'opened') AND (
        (o.platform = found.platform AND o.account_id = found.account_id)
        OR (o.platform <> found.platform AND o.account_id = opener)
        OR (o.platform = found.platform AND o.opener_id = opener)
        OR (o.platform <> found.platform AND o.opener_id = found.account_id)
    )
    ORDER BY o.id FOR UPDATE;
    SELECT o.* INTO found FROM twinstream.link_offers AS o WHERE o.id = offer_id;
    RETURN found;
END $$;

CREATE FUNCTION twinstream.lock_offers(telegram_id bigint, discord_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF telegram_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.offer.telegram', telegram_id));
    END IF;
    IF discord_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.offer.discord', discord_id));
    END IF;
END $$;

CREATE FUNCTION twinstream.lock_owners(platforms text[], account_ids bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    owners bigint[];
    found integer;
BEGIN
    WITH locked AS MATERIALIZED (
        SELECT a.platform, a.account_id, a.member_id
        FROM twinstream.accounts AS a
        JOIN unnest(platforms, account_ids) AS w (platform, account_id)
            ON w.platform = a.platform AND w.account_id = a.account_id
        ORDER BY a.platform, a.account_id FOR UPDATE OF a
    )
    SELECT array_agg(l.member_id ORDER BY w.number) INTO owners
    FROM unnest(platforms, account_ids) WITH ORDINALITY AS w (platform, account_id, number)
    JOIN locked AS l ON l.platform = w.platform AND l.account_id = w.account_id;
    PERFORM FROM twinstream.members AS m WHERE m.id = ANY (owners) ORDER BY m.id FOR UPDATE;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF coalesce(cardinality(owners), 0) < cardinality(account_ids)
        OR found < (SELECT count(DISTINCT o.id) FROM unnest(owners) AS o (id))
    THEN
        RAISE EXCEPTION 'one of the accounts is being linked or unlinked at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN owners;
END $$;

CREATE FUNCTION twinstream.lock_person(person twinstream.forgotten_one[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    owners bigint[];
BEGIN
    IF person[1].member_id IS NULL THEN
        IF EXISTS (
            SELECT FROM twinstream.accounts AS a
            WHERE a.platform = person[1].platform AND a.account_id = person[1].account_id
        ) THEN
            RAISE EXCEPTION 'the account has just been seen for the first time'
                USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN;
    END IF;
    owners := twinstream.lock_owners(
        ARRAY (SELECT p.platform FROM unnest(person) AS p), ARRAY (SELECT p.account_id FROM unnest(person) AS p)
    );
    IF (SELECT bool_or(o.id <> person[1].member_id) FROM unnest(owners) AS o (id)) OR cardinality(person) <> (
        SELECT count(*) FROM twinstream.accounts AS a WHERE a.member_id = person[1].member_id
    ) THEN
        RAISE EXCEPTION 'one of the accounts is being linked or unlinked at this moment'
            USING ERRCODE = 'serialization_failure';
    ELSIF EXISTS (
        SELECT FROM twinstream.sync_events AS e
        JOIN unnest(person) AS p ON p.platform = e.source AND p.account_id = e.account_id
        WHERE e.status IN ('pending', 'published') AND NOT EXISTS (
            SELECT FROM twinstream.transactions AS t
            WHERE t.idempotency_key = e.idempotency_key AND t.platform = e.source
        )
    ) THEN
        RAISE EXCEPTION 'an event of one of the accounts is being sent again at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

CREATE FUNCTION twinstream.lock_store_debts(of_platform text, members bigint[]) RETURNS TABLE(member_id bigint, account_id bigint, xp bigint, balance bigint, is_set_aside boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH owed AS MATERIALIZED (
        SELECT d.member_id, d.xp, d.balance, d.retry_at IS NOT NULL AS is_set_aside
        FROM twinstream.store_debts AS d
        WHERE d.platform = of_platform AND d.member_id = ANY (members)
        ORDER BY d.member_id
        FOR UPDATE
    )
    SELECT a.member_id, a.account_id, o.xp, o.balance, o.is_set_aside
    FROM twinstream.accounts AS a LEFT JOIN owed AS o USING (member_id)
    WHERE a.platform = of_platform AND a.member_id = ANY (members);
END $$;

CREATE FUNCTION twinstream.make_code() RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    code text;
BEGIN
    LOOP
        code := (
            SELECT string_agg(substr(
                'ABCDEFGHJKMNPQRSTVWXYZ23456789',
                1 + (('x' || right(gen_random_uuid()::text, 12))::bit(48)::bigint % 30)::integer, 1
            ), '')
            FROM generate_series(1, 10)
        );
        EXIT WHEN code ~ '[2-9][A-Z]+[2-9]';
    END LOOP;
    RETURN code;
END $$;

CREATE FUNCTION twinstream.make_token() RETURNS text
    LANGUAGE sql
    AS $$
    SELECT rtrim(translate(encode(substr(
        sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 1, 16
    ), 'base64'), '+/', '-_'), '=')
$$;

CREATE FUNCTION twinstream.mark_forgotten(marks text[], pads bytea[], moment timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.forget_secrets (fingerprint) VALUES (twinstream.mark_of(pads, 'fingerprint'))
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (
        SELECT FROM twinstream.forget_secrets AS s WHERE s.fingerprint = twinstream.mark_of(pads, 'fingerprint')
    ) THEN
        RAISE EXCEPTION 'people were forgotten with another secret'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_the_same',
                HINT = 'Set FORGET_SECRET to the one that was used before.';
    END IF;
    INSERT INTO twinstream.forgotten_accounts AS f (mark, forgotten_at)
    SELECT DISTINCT u.mark, moment FROM unnest(marks) AS u (mark)
    ON CONFLICT ON CONSTRAINT forgotten_account_once DO UPDATE SET
        number = DEFAULT, forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at);
END $$;

CREATE FUNCTION twinstream.mark_link_rules(person twinstream.forgotten_one[], pads bytea[]) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.link_marks (mark, rule, link_id)
    SELECT twinstream.account_mark(pads, p.platform, p.account_id), r.rule, r.link_id
    FROM unnest(person) AS p CROSS JOIN LATERAL (
        SELECT 'ban' AS rule, NULL::bigint AS link_id FROM twinstream.link_bans AS b
        WHERE b.platform = p.platform AND b.account_id = p.account_id
        UNION ALL
        SELECT 'reward', w.link_id FROM twinstream.link_rewards AS w
        WHERE w.platform = p.platform AND w.account_id = p.account_id
    ) AS r
    ON CONFLICT ON CONSTRAINT link_mark_once DO NOTHING
$$;

CREATE FUNCTION twinstream.mark_of(pads bytea[], said text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT encode(sha256(pads[2] || sha256(pads[1] || convert_to(said, 'UTF8'))), 'hex')
$$;

CREATE FUNCTION twinstream.mark_pads(secret text) RETURNS bytea[]
    LANGUAGE plpgsql IMMUTABLE
    AS $$
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

CREATE FUNCTION twinstream.mark_published(keys text[], fresh boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    sources CONSTANT text[] := twinstream.platforms_of_caller();
BEGIN
    WITH marked AS (
        SELECT e.id FROM twinstream.sync_events AS e
        WHERE e.idempotency_key = ANY (keys) AND e.status = 'pending' AND e.source = ANY (sources)
            AND (e.stream_losses = 0 OR NOT fresh)
        ORDER BY e.id
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE twinstream.sync_events AS e SET status = 'published', published_at = statement_timestamp()
    FROM marked AS m WHERE e.id = m.id;
END $$;

CREATE FUNCTION twinstream.merge_earnings(keep bigint, gone bigint) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.members AS k SET
        earned_at = CASE WHEN d.xp = 0 THEN k.earned_at WHEN k.xp = 0 THEN d.earned_at
            ELSE greatest(k.earned_at, d.earned_at) END,
        balance_at = CASE WHEN d.balance = 0 THEN k.balance_at WHEN k.balance = 0 THEN d.balance_at
            ELSE greatest(k.balance_at, d.balance_at) END,
        week = n.week, month = n.month,
        -- A sum counts if it is of the later period of the two.
        week_xp = CASE k.week WHEN n.week THEN k.week_xp ELSE 0 END
            + CASE d.week WHEN n.week THEN d.week_xp ELSE 0 END,
        week_discord_xp = CASE k.week WHEN n.week THEN k.week_discord_xp ELSE 0 END
            + CASE d.week WHEN n.week THEN d.week_discord_xp ELSE 0 END,
        month_xp = CASE k.month WHEN n.month THEN k.month_xp ELSE 0 END
            + CASE d.month WHEN n.month THEN d.month_xp ELSE 0 END,
        month_discord_xp = CASE k.month WHEN n.month THEN k.month_discord_xp ELSE 0 END
            + CASE d.month WHEN n.month THEN d.month_discord_xp ELSE 0 END
    FROM twinstream.members AS d
    CROSS JOIN LATERAL (
        SELECT greatest(o.week, d.week) AS week, greatest(o.month, d.month) AS month
        FROM twinstream.members AS o WHERE o.id = keep
    ) AS n
    WHERE k.id = keep AND d.id = gone
$$;

CREATE FUNCTION twinstream.merge_members(keep bigint, gone bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE twinstream.accounts AS a SET member_id = keep, linked_at = now() WHERE a.member_id = gone;
    INSERT INTO twinstream.sync_state AS s
        (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
    SELECT keep, d.platform, d.xp, d.balance, d.discord_xp, d.discord_balance, d.rank
    FROM twinstream.sync_state AS d WHERE d.member_id = gone
    ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
        xp = s.xp + excluded.xp, balance = s.balance + excluded.balance,
        discord_xp = s.discord_xp + excluded.discord_xp,
        discord_balance = s.discord_balance + excluded.discord_balance,
        rank = twinstream.rank_of(s.xp + excluded.xp), version = s.version + 1, updated_at = now();
    INSERT INTO twinstream.achievements AS h (member_id, platform, achievement, unlocked_at)
    SELECT keep, d.platform, d.achievement, d.unlocked_at
    FROM twinstream.achievements AS d WHERE d.member_id = gone
    ON CONFLICT ON CONSTRAINT achievement_once DO UPDATE SET
        unlocked_at = least(h.unlocked_at, excluded.unlocked_at);
    INSERT INTO twinstream.store_debts AS o (member_id, platform, xp, balance)
    SELECT keep, d.platform, d.xp, d.balance FROM twinstream.store_debts AS d WHERE d.member_id = gone
    ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
        xp = o.xp + excluded.xp, balance = o.balance + excluded.balance, updated_at = now();
    PERFORM twinstream.merge_earnings(keep, gone);
    UPDATE twinstream.members AS k SET xp = k.xp + d.xp, balance = k.balance + d.balance
    FROM twinstream.members AS d WHERE k.id = keep AND d.id = gone;
    PERFORM twinstream.want_merged(keep, gone);
    DELETE FROM twinstream.sync_state AS s WHERE s.member_id = gone;
    DELETE FROM twinstream.achievements AS h WHERE h.member_id = gone;
    DELETE FROM twinstream.store_debts AS o WHERE o.member_id = gone;
    DELETE FROM twinstream.surfaces AS f WHERE f.member_id = gone;
    DELETE FROM twinstream.members AS m WHERE m.id = gone;
END $$;

CREATE FUNCTION twinstream.missed_days(last_day date, claimed_at timestamp with time zone, day_ended_at timestamp with time zone, today date, begins timestamp with time zone[]) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT greatest(0, least(
        -- By the names of the days,
        today - last_day - 1,
        -- by the days of 24 hours since the claimed day ended,
        floor(extract(epoch FROM now() - day_ended_at) / 86400)::integer,
        -- and by the days of today's time zone that lie between.
        CASE WHEN claimed_at >= begins[1] THEN (
            SELECT count(DISTINCT b.moment)::integer - 1 FROM unnest(begins) AS b (moment)
            WHERE b.moment > claimed_at AND b.moment <= now()
        ) END
    ))
$$;

CREATE FUNCTION twinstream.move_account(platform text, account_id bigint, code text, stores text[] DEFAULT '{}'::text[]) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    issuer record;
BEGIN
    PERFORM twinstream.require_caller(platform);
    issuer := twinstream.find_issuer(platform, account_id, code, 'move');
    IF issuer.refusal IS NOT NULL THEN
        RETURN issuer.refusal;
    ELSIF issuer.platform <> platform THEN
        RETURN 'other_platform';
    END IF;
    PERFORM twinstream.replace_account(platform, issuer.account_id, account_id, stores);
    PERFORM twinstream.use_up_code(code);
    RETURN 'moved';
END $$;

CREATE FUNCTION twinstream.name_elsewhere(of_platform text, of_account bigint) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN (
        SELECT theirs.display_name
        FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs USING (member_id)
        WHERE a.platform = of_platform AND a.account_id = of_account
            AND theirs.platform <> of_platform
    );
END $$;

CREATE FUNCTION twinstream.name_person(of_platform text, of_account bigint) RETURNS twinstream.forgotten_one[]
    LANGUAGE sql
    AS $$
    SELECT array_agg(ROW (
        p.platform, p.account_id, p.member_id,
        -- 62 of the random bits of a UUID.
        -1 - (
            ('x' || left(replace(u.id::text, '-', ''), 12) || right(u.id::text, 4))::bit(64)::bigint
            & 4611686018427387903
        )
    )::twinstream.forgotten_one ORDER BY p.platform, p.account_id)
    FROM twinstream.accounts_of_person(of_platform, of_account) AS p
    CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE p.platform <> '') AS u
$$;

CREATE FUNCTION twinstream.newest_link(of_platform text, of_account bigint, other_account bigint DEFAULT NULL::bigint) RETURNS bigint
    LANGUAGE sql
    AS $$
    SELECT max(l.id) FROM twinstream.links_of(of_platform, of_account) AS l
    WHERE other_account IS NULL OR other_account = CASE of_platform
        WHEN 'telegram' THEN l.discord_account_id ELSE l.telegram_account_id END
$$;

CREATE FUNCTION twinstream.normal_code(typed text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT regexp_replace(upper(translate(
        regexp_replace(typed COLLATE "C",
            '^([^A-Za-z0-9]*link(@[A-Za-z0-9_]*)?|/([Пп]ри|[Сс])вязать(@[A-Za-z0-9_]*)?)', '', 'i'
        ),
        'АВЕКМНОРСТУХЗЅЈІҮавекмнорстухзѕјіүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχ'
            'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９',
        'ABEKMHOPCTYX3SJIYABEKMHOPCTYX3SJIYABEZHIKMNOPTYXABEZHIKMNOPTYX'
            'ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
    ) COLLATE "C"), '[^A-Z0-9]', '', 'g')
$$;

CREATE FUNCTION twinstream.note_act(of_operation text, telegram_id bigint, discord_id bigint, of_link bigint, acting twinstream.link_actor, replaced_on text DEFAULT NULL::text, replaced bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    act twinstream.link_acts;
    told_as CONSTANT text := CASE of_operation
        WHEN 'link' THEN 'linked' WHEN 'unlink' THEN 'unlinked' WHEN 'undo' THEN 'link_undone' END;
    moved CONSTANT bigint := CASE replaced_on WHEN 'telegram' THEN telegram_id ELSE discord_id END;
    partner CONSTANT bigint := CASE replaced_on WHEN 'telegram' THEN discord_id ELSE telegram_id END;
BEGIN
    INSERT INTO twinstream.link_acts AS a (
        operation, telegram_account_id, discord_account_id, from_platform, from_account_id, link_id, actor,
        actor_platform, actor_account_id, reason
    ) VALUES (
        of_operation, telegram_id, discord_id, replaced_on, replaced, of_link, coalesce(acting.kind, 'member'),
        acting.platform, acting.account_id, left(coalesce(acting.reason, ''), 300)
    ) RETURNING a.* INTO act;
    IF told_as IS NOT NULL THEN
        PERFORM twinstream.tell_of_act(act, 'telegram', telegram_id, told_as, 'discord', discord_id);
        PERFORM twinstream.tell_of_act(act, 'discord', discord_id, told_as, 'telegram', telegram_id);
    ELSIF of_operation = 'move' THEN
        PERFORM twinstream.tell_of_act(act, replaced_on, moved, 'moved_here', replaced_on, replaced);
        PERFORM twinstream.tell_of_act(act, replaced_on, replaced, 'moved_away', replaced_on, moved);
        PERFORM twinstream.tell_of_act(
            act, CASE replaced_on WHEN 'telegram' THEN 'discord' ELSE 'telegram' END, partner,
            'partner_moved', replaced_on, moved
        );
    END IF;
END $$;

CREATE FUNCTION twinstream.note_amounts_before(of_link bigint, owners bigint[]) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.links AS l SET
        telegram_xp_before = coalesce(t.xp - t.discord_xp, 0),
        telegram_balance_before = coalesce(t.balance - t.discord_balance, 0),
        discord_xp_before = coalesce(d.discord_xp, 0),
        discord_balance_before = coalesce(d.discord_balance, 0)
    FROM (VALUES (1)) AS one (number)
    LEFT JOIN twinstream.sync_state AS t ON t.member_id = owners[1] AND t.platform = 'telegram'
    LEFT JOIN twinstream.sync_state AS d ON d.member_id = owners[2] AND d.platform = 'discord'
    WHERE l.id = of_link
$$;

CREATE FUNCTION twinstream.note_bot_name(of_platform text, known_as text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.bot_names AS b (platform, name) VALUES (of_platform, left(known_as, 255))
    ON CONFLICT ON CONSTRAINT bot_name_once DO UPDATE SET name = excluded.name, noted_at = now();
END $$;

CREATE FUNCTION twinstream.note_forgotten(marks text[], moments timestamp with time zone[], forget_secret text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.mark_forgotten(ARRAY[u.mark], twinstream.mark_pads(forget_secret), u.moment)
    FROM unnest(marks, moments) AS u (mark, moment);
END $$;

CREATE FUNCTION twinstream.note_invite(of_platform text, inviter bigint, invited bigint, forget_secret text DEFAULT NULL::text, by_link text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    noted text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- An invitation that is being noted is there for a forgetting to remove; a later one finds the marks.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    inviter := coalesce(inviter, (
        SELECT l.account_id FROM twinstream.invite_links AS l
        WHERE l.platform = of_platform AND l.link = by_link AND NOT l.is_revoked
    ));
    IF inviter IS NULL THEN
        RETURN NULL;
    END IF;
    -- A link that a person made outlives the forgetting.
    IF twinstream.was_forgotten_since(of_platform, ARRAY[inviter], '-infinity', forget_secret) AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.platform = of_platform AND a.account_id = inviter
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO twinstream.invites AS i (platform, account_id, inviter_id, status)
    VALUES (of_platform, invited, inviter, CASE
        WHEN invited = inviter OR EXISTS (
            SELECT FROM twinstream.accounts AS a WHERE a.platform = of_platform AND a.account_id = invited
        ) OR forget_secret <> '' AND EXISTS (
            SELECT FROM twinstream.forgotten_accounts AS f
            WHERE f.mark = twinstream.account_mark(twinstream.mark_pads(forget_secret), of_platform, invited)
        ) THEN 'void' ELSE 'waiting' END)
    ON CONFLICT ON CONSTRAINT invite_once DO NOTHING
    RETURNING i.status INTO noted;
    RETURN noted;
END $$;

CREATE FUNCTION twinstream.note_place(of_platform text, named text, why text, refusal text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF why IS NULL THEN
        DELETE FROM twinstream.parked_places AS p WHERE p.platform = of_platform AND p.place = left(named, 100);
    ELSE
        INSERT INTO twinstream.parked_places AS p (platform, place, cause, error)
        VALUES (of_platform, left(named, 100), left(why, 100), left(refusal, 300))
        ON CONFLICT ON CONSTRAINT parked_place_once DO UPDATE SET
            cause = excluded.cause, error = excluded.error,
            parked_at = CASE WHEN p.cause = excluded.cause THEN p.parked_at ELSE now() END;
    END IF;
END $$;

CREATE FUNCTION twinstream.note_transient(of_platform text, chat bigint, answers bigint[], commands bigint[], kept bigint[], after_s double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.transient_messages AS t (chat_id, message_id, is_command, delete_at)
    SELECT chat, n.message_id, n.is_command, now() + make_interval(secs => after_s)
    FROM (
        SELECT unnest(answers) AS message_id, false AS is_command
        UNION
        SELECT unnest(commands), true
    ) AS n
    ORDER BY n.message_id
    ON CONFLICT ON CONSTRAINT transient_message_once DO UPDATE SET delete_at = excluded.delete_at;
    DELETE FROM twinstream.transient_messages AS t WHERE t.chat_id = chat AND t.message_id = ANY (kept);
END $$;

CREATE FUNCTION twinstream.obey_stop_sign() RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    reason CONSTANT text := twinstream.read_stop_sign();
BEGIN
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION 'the stop sign of release % is set: %', twinstream.release_of_links(), reason
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stop_sign_is_not_set', DETAIL = reason;
    END IF;
END $$;

CREATE FUNCTION twinstream.offer_news(of_platform text, older_than_s double precision) RETURNS TABLE(offer_id bigint, account_id bigint, status text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.link_offers AS o SET news_for = NULL
    WHERE o.news_for = of_platform AND o.changed_at < now() - make_interval(secs => older_than_s);
    RETURN QUERY
    SELECT o.id, CASE WHEN o.platform = of_platform THEN o.account_id ELSE o.opener_id END, o.status
    FROM twinstream.link_offers AS o WHERE o.news_for = of_platform ORDER BY o.changed_at, o.id;
END $$;

CREATE FUNCTION twinstream.offer_of(of_platform text, of_account bigint, with_policy text, of_offer bigint DEFAULT NULL::bigint) RETURNS TABLE(offer_id bigint, status text, is_starter boolean, other_name text, my_xp bigint, my_balance bigint, my_rank text, their_xp bigint, their_balance bigint, their_rank text, joint_xp bigint, joint_balance bigint, joint_rank text, reward_xp bigint, reward_balance bigint, joint_achievements bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH offer AS (
        SELECT o.id, o.platform = of_platform AS is_starter,
            CASE WHEN twinstream.is_under_way(o) OR o.status NOT IN ('waiting', 'opened')
                THEN o.status ELSE 'ended' END AS status,
            CASE WHEN o.platform = of_platform THEN o.opener_id ELSE o.account_id END AS other_id
        FROM twinstream.link_offers AS o
        WHERE of_account = CASE WHEN o.platform = of_platform THEN o.account_id ELSE o.opener_id END
            AND CASE WHEN of_offer IS NULL
                THEN o.platform = of_platform AND o.status = 'opened' AND twinstream.is_under_way(o)
                ELSE o.id = of_offer END
    ), sides AS (
        SELECT o.id, o.is_starter, o.status, theirs.display_name, r.reward_xp, r.reward_balance, (
                SELECT count(DISTINCT h.achievement) FROM twinstream.achievements AS h
                WHERE h.member_id IN (mine_has.id, theirs_has.id)
            ) AS achievements,
            greatest(mine_has.xp, 0) AS my_xp, greatest(mine_has.balance, 0) AS my_balance,
            greatest(theirs_has.xp, 0) AS their_xp, greatest(theirs_has.balance, 0) AS their_balance
        FROM offer AS o
        JOIN twinstream.accounts AS mine ON mine.platform = of_platform AND mine.account_id = of_account
        JOIN twinstream.members AS mine_has ON mine_has.id = mine.member_id
        JOIN twinstream.accounts AS theirs
            ON theirs.platform <> of_platform AND theirs.account_id = o.other_id
        JOIN twinstream.members AS theirs_has ON theirs_has.id = theirs.member_id
        -- As `pay_link_reward` pays it.
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.reward_xp), 0)::bigint AS reward_xp,
                coalesce(sum(l.reward_balance), 0)::bigint AS reward_balance
            FROM twinstream.link_settings AS l
            WHERE NOT EXISTS (
                SELECT FROM twinstream.link_rewards AS w
                WHERE (w.platform = of_platform AND w.account_id = of_account)
                    OR (w.platform <> of_platform AND w.account_id = o.other_id)
            )
        ) AS r
    ), joint AS (
        SELECT s.*, CASE with_policy
                WHEN 'sum' THEN s.my_xp + s.their_xp
                WHEN 'max' THEN greatest(s.my_xp, s.their_xp)
                WHEN of_platform THEN s.my_xp ELSE s.their_xp END + s.reward_xp AS xp,
            CASE with_policy
                WHEN 'sum' THEN s.my_balance + s.their_balance
                WHEN 'max' THEN greatest(s.my_balance, s.their_balance)
                WHEN of_platform THEN s.my_balance ELSE s.their_balance END
                + s.reward_balance AS balance
        FROM sides AS s
    )
    SELECT j.id, j.status, j.is_starter, j.display_name,
        j.my_xp, j.my_balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.my_xp ORDER BY r.xp DESC LIMIT 1),
        j.their_xp, j.their_balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.their_xp ORDER BY r.xp DESC LIMIT 1),
        j.xp, j.balance, (SELECT r.name FROM twinstream.ranks AS r
            WHERE r.xp <= j.xp ORDER BY r.xp DESC LIMIT 1),
        j.reward_xp, j.reward_balance, j.achievements
    FROM joint AS j;
END $$;

CREATE FUNCTION twinstream.offers_kept() RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT 20 $$;

CREATE FUNCTION twinstream.one_sided_members(of_platform text, past bigint, at_most integer) RETURNS TABLE(account_id bigint, display_name text, xp bigint, balance bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.account_id, a.display_name, m.xp, m.balance
    FROM twinstream.members AS m JOIN twinstream.accounts AS a ON a.member_id = m.id
    WHERE m.on_board AND m.xp > 0 AND a.platform = of_platform AND a.account_id > 0
        AND NOT EXISTS (
            SELECT FROM twinstream.accounts AS b
            WHERE b.member_id = m.id AND b.platform <> of_platform
        )
    ORDER BY m.xp DESC, m.id OFFSET past LIMIT at_most;
END $$;

CREATE FUNCTION twinstream.open_offer(of_platform text, of_account bigint, proof text, known_as text DEFAULT NULL::text, OUT outcome text, OUT offer_id bigint, OUT wait_s integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    offer twinstream.link_offers;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF twinstream.read_stop_sign() IS NOT NULL THEN
        outcome := 'paused';
        RETURN;
    END IF;
    -- One try of an account at a time: tries side by side would all find the same count.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.link' || of_platform, of_account));
    wait_s := twinstream.seconds_locked_out(of_platform, of_account);
    IF wait_s > 0 THEN
        outcome := 'locked_out';
        RETURN;
    END IF;
    SELECT o.* INTO offer FROM twinstream.link_offers AS o
    WHERE o.code_hash = twinstream.hash_of_code(proof) OR o.token_hash = twinstream.hash_of_token(proof);
    IF NOT FOUND THEN
        outcome := 'ended';
        IF NOT EXISTS (
            SELECT FROM twinstream.link_codes AS c WHERE c.code_hash = twinstream.hash_of_code(proof)
        ) THEN
            PERFORM twinstream.count_failure(of_platform, of_account);
            outcome := 'wrong_code';
        END IF;
        RETURN;
    END IF;
    IF offer.platform = of_platform THEN
        outcome := CASE WHEN offer.account_id = of_account THEN 'own_code' ELSE 'same_platform' END;
        RETURN;
    END IF;
    offer := twinstream.lock_offer(offer.id, of_account);
    offer_id := offer.id;
    outcome := CASE
        WHEN offer.id IS NULL OR NOT twinstream.is_under_way(offer) THEN 'ended'
        WHEN offer.opener_id <> of_account THEN 'taken'
        WHEN twinstream.partner_of(of_platform, of_account) IS NOT NULL
            OR twinstream.partner_of(offer.platform, offer.account_id) IS NOT NULL THEN 'already_linked'
        ELSE 'opened'
    END;
    IF outcome = 'opened' AND offer.status = 'waiting' THEN
        PERFORM twinstream.create_members(of_platform, ARRAY[of_account]);
        -- The starter is asked by this name.
        PERFORM twinstream.remember_name(of_platform, of_account, known_as) WHERE known_as IS NOT NULL;
        UPDATE twinstream.link_offers AS o SET status = 'opened', opener_id = of_account,
            changed_at = now(), news_for = o.platform,
            expires_at = now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
        WHERE o.id = offer.id;
    END IF;
END $$;

CREATE FUNCTION twinstream.owe_the_rest(stores text[], held twinstream.share[], member_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.store_debts (member_id, platform, xp, balance)
    SELECT m.id, p.platform, coalesce(s.xp, 0) - coalesce(h.xp, 0),
        coalesce(s.balance, 0) - coalesce(h.balance, 0)
    FROM unnest(stores) AS p (platform)
    CROSS JOIN (SELECT DISTINCT u.id FROM unnest(member_ids) AS u (id)) AS m
    LEFT JOIN twinstream.sync_state AS s ON s.member_id = m.id AND s.platform = p.platform
    LEFT JOIN twinstream.accounts AS a ON a.member_id = m.id AND a.platform = p.platform
    LEFT JOIN unnest(held) AS h ON h.platform = a.platform AND h.account_id = a.account_id
    ORDER BY p.platform, m.id
    ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
        xp = excluded.xp, balance = excluded.balance, updated_at = now(),
        attempts = 0, retry_at = NULL, error = NULL;
    DELETE FROM twinstream.store_debts AS d
    WHERE d.platform = ANY (stores) AND d.member_id = ANY (member_ids) AND d.xp = 0 AND d.balance = 0;
END $$;

CREATE FUNCTION twinstream.owe_to_store(of_platform text, members bigint[], xps bigint[], balances bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.store_debts AS d (member_id, platform, xp, balance)
    SELECT o.member_id, of_platform, o.xp, o.balance
    FROM unnest(members, xps, balances) AS o (member_id, xp, balance)
    ORDER BY o.member_id
    ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
        xp = d.xp + excluded.xp, balance = d.balance + excluded.balance, updated_at = now();
END $$;

CREATE FUNCTION twinstream.own_ends_max() RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT 200 $$;

CREATE FUNCTION twinstream.partner_of(of_platform text, of_account bigint) RETURNS bigint
    LANGUAGE sql
    AS $$
    SELECT theirs.account_id
    FROM twinstream.accounts AS a
    JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id AND theirs.platform <> a.platform
    WHERE a.platform = of_platform AND a.account_id = of_account
$$;

CREATE FUNCTION twinstream.pattern_of_ids(person twinstream.forgotten_one[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT '(^|[^0-9])(' || string_agg(p.account_id::text, '|') || ')(?![0-9])' FROM unnest(person) AS p
$$;

CREATE FUNCTION twinstream.pay_due_invites(of_platform text, stay_s double precision, least_xp bigint, more_xp bigint, more_balance bigint, per_day integer, stores text[], forget_secret text, pause_s double precision, at_most integer) RETURNS TABLE(inviter_id bigint, account_id bigint, status text, why text)
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    one twinstream.invites;
    refusal text;
BEGIN
    FOR one IN
        SELECT * FROM twinstream.invites AS i
        WHERE i.platform = of_platform AND i.status = 'waiting' AND i.look_at <= now()
        ORDER BY i.look_at LIMIT at_most FOR UPDATE SKIP LOCKED
    LOOP
        refusal := NULL;
        one := twinstream.judged_invite(one, stay_s, least_xp, per_day, make_interval(secs => pause_s));
        IF one.status = 'paid' THEN
            BEGIN
                PERFORM twinstream.record_amounts(
                    of_platform, one.inviter_id, more_xp, more_balance, 'invite', one.account_id::text, stores,
                    forget_secret
                );
            EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
                refusal := SQLERRM;
                one.status := CASE WHEN one.refusals < 8 THEN 'waiting' ELSE 'refused' END;
                one.look_at := now() + interval '1 hour' * 2 ^ one.refusals;
                one.is_earned := false;
                one.refusals := one.refusals + 1;
            END;
        END IF;
        UPDATE twinstream.invites AS i SET
            status = one.status, look_at = one.look_at, is_earned = one.is_earned, refusals = one.refusals,
            why = coalesce(refusal, i.why),
            changed_at = CASE one.status WHEN i.status THEN i.changed_at ELSE now() END
        WHERE i.platform = of_platform AND i.account_id = one.account_id;
        IF one.status = 'paid' AND coalesce(
            twinstream.turn_of(of_platform, one.inviter_id, per_day, false) <= now(), true
        ) THEN
            -- The limit was raised, or one that was planned is void: the next one comes sooner.
            UPDATE twinstream.invites AS i SET look_at = now()
            FROM (
                SELECT n.account_id FROM twinstream.invites AS n
                WHERE n.inviter_id = one.inviter_id AND n.platform = of_platform AND n.status = 'waiting'
                    AND n.is_earned AND n.look_at > now()
                ORDER BY n.look_at LIMIT 1 FOR UPDATE SKIP LOCKED
            ) AS following
            WHERE i.platform = of_platform AND i.account_id = following.account_id;
        END IF;
        RETURN QUERY SELECT one.inviter_id, one.account_id, one.status, refusal;
    END LOOP;
END $$;

CREATE FUNCTION twinstream.pay_invites(of_platform text, stay_s double precision, least_xp bigint, more_xp bigint, more_balance bigint, per_day integer, stores text[] DEFAULT '{}'::text[], forget_secret text DEFAULT NULL::text, pause_s double precision DEFAULT 0, at_most integer DEFAULT 100) RETURNS TABLE(inviter_id bigint, account_id bigint, status text, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY SELECT * FROM twinstream.pay_due_invites(
        of_platform, stay_s, least_xp, more_xp, more_balance, per_day, stores, forget_secret, pause_s, at_most
    );
END $$;

CREATE FUNCTION twinstream.pay_link_reward(made twinstream.links, member bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    settings twinstream.link_settings;
BEGIN
    SELECT s.* INTO settings FROM twinstream.link_settings AS s;
    IF settings.reward_xp + settings.reward_balance > 0 AND NOT EXISTS (
        SELECT FROM twinstream.link_rewards AS r
        WHERE (r.platform = 'telegram' AND r.account_id = made.telegram_account_id)
            OR (r.platform = 'discord' AND r.account_id = made.discord_account_id)
    ) THEN
        INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
        VALUES ('telegram', made.telegram_account_id, made.id),
            ('discord', made.discord_account_id, made.id);
        PERFORM twinstream.change_earned(made.id::text, 'reward', ARRAY[ROW (
            'telegram', made.telegram_account_id, member, settings.reward_xp, settings.reward_balance
        )::twinstream.share]);
    END IF;
END $$;

CREATE FUNCTION twinstream.payload_of(e twinstream.event) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'type', e.type, 'source', e.source, 'user_id', e.account_id, 'reason', e.reason,
        'entity_id', e.entity_id, 'delta_xp', e.delta_xp, 'delta_balance', e.delta_balance,
        'achievement', e.achievement, 'v', 1,
        'idempotency_key', coalesce(e.idempotency_key, twinstream.key_of(e)),
        'occurred_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ))::text
$$;

CREATE FUNCTION twinstream.period_starts(OUT week date, OUT next_week date, OUT week_at timestamp with time zone, OUT month date, OUT next_month date, OUT month_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    -- A row that an operator removed must stop no event.
    zone CONSTANT text := coalesce((SELECT c.zone FROM twinstream.calendar AS c), 'UTC');
    -- Postgres's weeks begin on Monday.
    this_week CONSTANT timestamp := date_trunc('week', now() AT TIME ZONE zone);
    this_month CONSTANT timestamp := date_trunc('month', now() AT TIME ZONE zone);
BEGIN
    week := this_week;
    next_week := this_week + interval '7 days';
    week_at := this_week AT TIME ZONE zone;
    month := this_month;
    next_month := this_month + interval '1 month';
    month_at := this_month AT TIME ZONE zone;
END $$;

CREATE FUNCTION twinstream.platforms_of_caller() RETURNS text[]
    LANGUAGE sql STABLE
    AS $$
    SELECT array_agg(p.platform) FROM unnest(ARRAY['telegram', 'discord']) AS p (platform)
    WHERE NOT EXISTS (SELECT FROM twinstream.roles) OR EXISTS (
        SELECT FROM twinstream.roles AS r JOIN pg_roles AS g ON g.rolname = r.role
        WHERE r.duty IN ('owner', 'consumers', p.platform || '_bot')
            AND pg_has_role(session_user, g.oid, 'MEMBER')
    )
$$;

CREATE FUNCTION twinstream.profile_figures(of_platform text, of_account bigint, today date, places_max bigint) RETURNS TABLE(display_name text, is_hidden boolean, left_out text, linked_platforms text[], place bigint, reputation bigint, streak integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.display_name, twinstream.is_hidden(m.id), a.left_out,
        ARRAY (
            SELECT b.platform FROM twinstream.accounts AS b WHERE b.member_id = m.id ORDER BY b.platform
        ),
        CASE WHEN m.on_board AND m.xp > 0 THEN (
            SELECT count(*) + 1 FROM (
                SELECT FROM twinstream.members AS o
                WHERE o.on_board AND o.xp > 0 AND o.xp >= m.xp
                    AND (o.xp > m.xp OR (o.earned_at, o.id) < (m.earned_at, m.id))
                ORDER BY o.xp DESC, o.earned_at, o.id LIMIT places_max
            ) AS ahead
        ) END,
        -- A member has the thanks of all accounts, and their common row of days if it is alive: its last day
        -- was yesterday or today.
        coalesce(sum(s.reputation), 0)::bigint,
        (
            SELECT CASE WHEN c.day >= today - 1 THEN c.streak ELSE 0 END
            FROM twinstream.common_streak(array_agg(s.streak), array_agg(s.streak_day)) AS c
        )
    FROM twinstream.accounts AS a
    JOIN twinstream.members AS m ON m.id = a.member_id
    JOIN twinstream.accounts AS theirs ON theirs.member_id = m.id
    LEFT JOIN twinstream.account_scores AS s
        ON s.platform = theirs.platform AND s.account_id = theirs.account_id
    WHERE a.platform = of_platform AND a.account_id = of_account
    GROUP BY a.platform, a.account_id, m.id;
END $$;

CREATE FUNCTION twinstream.put_off_notice(of_platform text, of_account bigint, of_kind text, created timestamp with time zone, delay_s double precision, of_subject text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.notices AS n
    SET taken_until = now() + make_interval(secs => delay_s),
        refused_at = CASE WHEN delay_s IS NULL THEN coalesce(n.refused_at, now()) END
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.subject = of_subject AND n.created_at = created;
END $$;

CREATE FUNCTION twinstream.put_off_transient(of_platform text, chat bigint, messages bigint[], commands boolean[], noted timestamp with time zone[], after_s double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.transient_messages AS t (chat_id, message_id, is_command, noted_at, delete_at)
    SELECT chat, n.message_id, n.is_command, n.noted_at, now() + make_interval(secs => after_s)
    FROM unnest(messages, commands, noted) AS n (message_id, is_command, noted_at)
    ORDER BY n.message_id
    -- One that was noted anew meanwhile goes when that note says.
    ON CONFLICT ON CONSTRAINT transient_message_once DO UPDATE SET noted_at = least(t.noted_at, excluded.noted_at);
END $$;

CREATE FUNCTION twinstream.rank_on(xp bigint, ladder bigint[]) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN width_bucket(GREATEST(xp, (0)::bigint), ladder);

CREATE FUNCTION twinstream.rank_of(xp bigint) RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN twinstream.rank_on(xp, twinstream.ladder());

CREATE FUNCTION twinstream.read_any_events(payloads text[]) RETURNS twinstream.event[]
    LANGUAGE plpgsql STABLE
    AS $_$
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
END $_$;

CREATE FUNCTION twinstream.read_events(payloads text[]) RETURNS twinstream.event[]
    LANGUAGE plpgsql STABLE
    AS $_$
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
                '","occurred_at":"', e.occurred_at, '","v":1,',
                '"display_name":' || to_json(e.display_name)::text || ',', CASE e.type
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
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text,
        display_name text
    )
    CROSS JOIN LATERAL (SELECT e.occurred_at::timestamptz AS occurred_at OFFSET 0) AS t;
    RETURN CASE WHEN is_plain THEN events ELSE twinstream.read_any_events(payloads) END;
END $_$;

CREATE FUNCTION twinstream.read_link_acts(of_platform text, of_account bigint DEFAULT NULL::bigint, at_most integer DEFAULT 20) RETURNS TABLE(acted_at timestamp with time zone, operation text, telegram_account_id bigint, discord_account_id bigint, from_platform text, from_account_id bigint, actor text, actor_platform text, actor_account_id bigint, reason text, other_name text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.acted_at, a.operation, a.telegram_account_id, a.discord_account_id, a.from_platform,
        a.from_account_id, a.actor, a.actor_platform, a.actor_account_id, a.reason, (
            SELECT o.display_name FROM twinstream.accounts AS o
            WHERE o.platform <> of_platform AND o.account_id = CASE of_platform
                WHEN 'telegram' THEN a.discord_account_id ELSE a.telegram_account_id END
        )
    FROM (
        SELECT * FROM twinstream.link_acts AS a
        WHERE of_account IS NOT NULL AND of_platform = 'telegram' AND a.telegram_account_id = of_account
        UNION
        SELECT * FROM twinstream.link_acts AS a
        WHERE of_account IS NOT NULL AND of_platform = 'discord' AND a.discord_account_id = of_account
        UNION
        SELECT * FROM twinstream.link_acts AS a
        WHERE of_account IS NOT NULL AND a.from_platform = of_platform AND a.from_account_id = of_account
        UNION
        (
            SELECT * FROM twinstream.link_acts AS a
            WHERE of_account IS NULL AND (
                a.actor = 'operator' OR (a.actor = 'administrator' AND a.actor_platform = of_platform)
            )
            ORDER BY a.id DESC LIMIT at_most
        )
    ) AS a
    ORDER BY a.id DESC LIMIT at_most;
END $$;

CREATE FUNCTION twinstream.read_stop_sign() RETURNS text
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'accounts are linked in a transaction of the isolation READ COMMITTED; this one is %',
            upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'feature_not_supported';
    END IF;
    LOCK TABLE twinstream.stop_signs IN ROW SHARE MODE;
    RETURN (
        SELECT s.reason FROM twinstream.stop_signs AS s WHERE s.release = twinstream.release_of_links()
    );
END $$;

CREATE FUNCTION twinstream.reason_in_key(key text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
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
END $_$;

CREATE FUNCTION twinstream.recall_link_rules(of_platform text, of_account bigint, forget_secret text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    its_mark text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF NOT EXISTS (SELECT FROM twinstream.link_marks) THEN
        RETURN;
    END IF;
    its_mark := twinstream.account_mark(twinstream.mark_pads(forget_secret), of_platform, of_account);
    INSERT INTO twinstream.link_bans (platform, account_id)
    SELECT of_platform, of_account FROM twinstream.link_marks AS m WHERE m.mark = its_mark AND m.rule = 'ban'
    ON CONFLICT ON CONSTRAINT link_ban_once DO NOTHING;
    INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
    SELECT of_platform, of_account, m.link_id FROM twinstream.link_marks AS m
    WHERE m.mark = its_mark AND m.rule = 'reward'
    ON CONFLICT ON CONSTRAINT link_reward_once DO NOTHING;
    DELETE FROM twinstream.link_marks AS m WHERE m.mark = its_mark;
END $$;

CREATE FUNCTION twinstream.record(payloads text[], caller_publishes boolean DEFAULT false, waits_for_locks boolean DEFAULT true, forget_secret text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
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

CREATE FUNCTION twinstream.record_achievement(source text, user_id bigint, achievement text, idempotency_key text DEFAULT NULL::text, forget_secret text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'achievement.unlocked', user_id, NULL, NULL, achievement, 'achievement',
        achievement, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

CREATE FUNCTION twinstream.record_amounts(of_platform text, of_account bigint, xp bigint, balance bigint, reason text, entity_id text, stores text[], forget_secret text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_new boolean;
    member bigint;
BEGIN
    SELECT coalesce(bool_and(r.created), true), min(r.member_id) INTO is_new, member
    FROM twinstream.record_events(
        ARRAY (
            SELECT twinstream.payload_of(ROW (
                NULL, NULL, of_platform, p.type, of_account, p.xp, p.balance, NULL, reason, entity_id, NULL, NULL
            )::twinstream.event)
            FROM (
                VALUES ('xp.changed', nullif(xp, 0), NULL::bigint), ('balance.changed', NULL, nullif(balance, 0))
            ) AS p (type, xp, balance)
            WHERE coalesce(p.xp, p.balance) IS NOT NULL
        ), 'pending', true, true, false, forget_secret
    ) AS r;
    IF is_new AND member IS NOT NULL AND of_platform = ANY (stores) THEN
        PERFORM twinstream.owe_to_store(of_platform, ARRAY[member], ARRAY[xp], ARRAY[balance]);
    END IF;
    RETURN is_new;
END $$;

CREATE FUNCTION twinstream.record_balance(source text, user_id bigint, delta_balance bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL::text, forget_secret text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'balance.changed', user_id, NULL, delta_balance, NULL, reason, entity_id,
        NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

CREATE FUNCTION twinstream.record_events(payloads text[], as_status text, is_left_to_relay boolean, waits boolean, is_ours boolean, forget_secret text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
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

CREATE FUNCTION twinstream.record_xp(source text, user_id bigint, delta_xp bigint, reason text, entity_id text, idempotency_key text DEFAULT NULL::text, forget_secret text DEFAULT NULL::text) RETURNS TABLE(key text, member_id bigint, created boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY SELECT * FROM twinstream.record_events(ARRAY[twinstream.payload_of(ROW (
        NULL, idempotency_key, source, 'xp.changed', user_id, delta_xp, NULL, NULL, reason, entity_id, NULL, NULL
    )::twinstream.event)], 'pending', true, true, false, forget_secret);
END $$;

CREATE FUNCTION twinstream.refuse_conflicts(of_platform text, events twinstream.event[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NAME = 'ledger_is_only_added_to' AND EXISTS (
        SELECT FROM twinstream.forgettings AS f WHERE f.transaction_id = pg_current_xact_id()
    ) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;

CREATE FUNCTION twinstream.refuse_link(rule text, why text, detail text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '%', why USING ERRCODE = 'check_violation', CONSTRAINT = rule, DETAIL = detail;
END $$;

CREATE FUNCTION twinstream.refuse_other_content(key text, differences text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the idempotency key % already belongs to a different event: %; use a new key for a'
        ' new event', quote_literal(key), differences
        USING ERRCODE = 'unique_violation', CONSTRAINT = 'key_names_one_event', DETAIL = key;
END $$;

CREATE FUNCTION twinstream.refuse_overdraft(of_accounts bigint[], by_xp boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the member has less % than this would take away',
        CASE WHEN by_xp THEN 'XP' ELSE 'balance' END
        USING ERRCODE = 'check_violation', DETAIL = array_to_string(of_accounts, ','),
            CONSTRAINT = format('member_%s_not_negative', CASE WHEN by_xp THEN 'xp' ELSE 'balance' END);
END $$;

CREATE FUNCTION twinstream.release_of_links() RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT '0.2' $$;

CREATE FUNCTION twinstream.remember_authors(of_platform text, places bigint[], messages bigint[], authors bigint[], times integer[], kept integer, page_size integer, forget_secret text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    of_place bigint;
    newest twinstream.message_authors;
    ids bigint[];
    writers bigint[];
    moments integer[];
    surplus bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    FOR of_place IN SELECT DISTINCT p.id FROM unnest(places) AS p (id) ORDER BY p.id LOOP
        SELECT a.* INTO newest FROM twinstream.message_authors AS a
        WHERE a.platform = of_platform AND a.place_id = of_place
        ORDER BY a.first_message_id DESC LIMIT 1 FOR NO KEY UPDATE;
        SELECT array_agg(m.id ORDER BY m.id), array_agg(m.author ORDER BY m.id), array_agg(m.at ORDER BY m.id)
        INTO ids, writers, moments
        FROM ROWS FROM (
            unnest(places), unnest(messages), unnest(authors), unnest(times)
        ) AS m (place, id, author, at)
        WHERE m.place = of_place
            AND m.id > coalesce(newest.message_ids[cardinality(newest.message_ids)], 0)
            AND CASE WHEN to_timestamp(m.at) < (
                SELECT max(f.forgotten_at) FROM twinstream.forgotten_accounts AS f
            ) THEN NOT twinstream.was_forgotten_since(
                of_platform, ARRAY[m.author], to_timestamp(m.at), forget_secret
            ) ELSE true END;
        CONTINUE WHEN ids IS NULL;
        IF cardinality(newest.message_ids) + cardinality(ids) <= page_size THEN
            UPDATE twinstream.message_authors AS a SET
                message_ids = a.message_ids || ids, author_ids = a.author_ids || writers,
                sent_at = a.sent_at || moments
            WHERE a.platform = of_platform AND a.place_id = of_place
                AND a.first_message_id = newest.first_message_id;
        ELSE
            INSERT INTO twinstream.message_authors
                (platform, place_id, first_message_id, message_ids, author_ids, sent_at)
            VALUES (of_platform, of_place, ids[1], ids, writers, moments)
            ON CONFLICT ON CONSTRAINT message_page_once DO NOTHING;
            -- The newest pages together have `kept` messages; older ones go.
            surplus := (
                SELECT max(p.first_message_id) FROM (
                    SELECT a.first_message_id, sum(cardinality(a.message_ids)) OVER (
                        ORDER BY a.first_message_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) AS newer
                    FROM twinstream.message_authors AS a
                    WHERE a.platform = of_platform AND a.place_id = of_place
                ) AS p WHERE p.newer >= kept
            );
            DELETE FROM twinstream.message_authors AS a
            WHERE a.platform = of_platform AND a.place_id = of_place AND a.first_message_id <= surplus;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION twinstream.remember_name(of_platform text, of_account bigint, known_as text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    before twinstream.accounts;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    SELECT a.* INTO before FROM twinstream.accounts AS a
    WHERE a.platform = of_platform AND a.account_id = of_account;
    IF before.display_name = known_as THEN
        RETURN;
    END IF;
    IF before.account_id IS NULL THEN
        PERFORM twinstream.create_members(of_platform, ARRAY[of_account]);
    END IF;
    UPDATE twinstream.accounts AS a SET display_name = left(known_as, 255)
    WHERE a.platform = of_platform AND a.account_id = of_account;
END $$;

CREATE FUNCTION twinstream.replace_account(of_platform text, old_id bigint, new_id bigint, stores text[] DEFAULT '{}'::text[], actor twinstream.link_actor DEFAULT NULL::twinstream.link_actor) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    other_platform CONSTANT text := CASE of_platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END;
    partner bigint;
    owners bigint[];
    member bigint;
    left_behind bigint;
    move_id bigint;
    held twinstream.share[];
    carried twinstream.share;
    achievements twinstream.achievements[];
BEGIN
    IF old_id = new_id THEN
        PERFORM twinstream.refuse_link('move_is_between_two_accounts', 'both accounts are the same');
    END IF;
    PERFORM twinstream.obey_stop_sign();
    PERFORM twinstream.create_members(of_platform, ARRAY[old_id, new_id]);
    partner := twinstream.partner_of(of_platform, old_id);
    owners := twinstream.lock_owners(
        array_remove(ARRAY[of_platform, of_platform, CASE WHEN partner > 0 THEN other_platform END], NULL),
        array_remove(ARRAY[old_id, new_id, partner], NULL)
    );
    IF partner IS DISTINCT FROM twinstream.partner_of(of_platform, old_id) THEN
        RAISE EXCEPTION 'one of the accounts is being linked or unlinked at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM twinstream.require_unlinked(of_platform, new_id);
    IF coalesce(actor.kind, 'member') = 'member' THEN
        PERFORM twinstream.require_room(
            of_platform, ARRAY[old_id, new_id], (twinstream.link_limits()).links_max
        );
    END IF;
    PERFORM twinstream.close_windows_of_locked(
        array_remove(ARRAY[of_platform, of_platform, CASE WHEN partner > 0 THEN other_platform END], NULL),
        array_remove(ARRAY[old_id, new_id, partner], NULL), stores
    );
    PERFORM twinstream.carry_earning(of_platform, old_id, new_id);
    member := owners[1];
    INSERT INTO twinstream.moves AS m (platform, from_account_id, to_account_id)
    VALUES (of_platform, old_id, new_id) RETURNING m.id INTO move_id;
    held := twinstream.held_in_stores(stores, owners);
    carried := twinstream.earned(of_platform, old_id, member);
    achievements := twinstream.achievements_of(member);
    -- All totals stay with the member; the entries of `carry_earned` say so in the ledger.
    left_behind := twinstream.split_member(member, of_platform, 0, 0);
    PERFORM twinstream.merge_members(member, owners[2]);
    PERFORM twinstream.carry_earned('m' || move_id, carried, left_behind, new_id);
    PERFORM twinstream.unlock('m' || move_id, 'move_to', of_platform, new_id, member, achievements);
    IF partner IS NOT NULL THEN
        PERFORM twinstream.replace_link(of_platform, new_id, other_platform, partner);
    END IF;
    PERFORM twinstream.carry_link_rules(of_platform, old_id, new_id);
    PERFORM twinstream.owe_the_rest(stores, held, ARRAY[member, left_behind]);
    PERFORM twinstream.note_act(
        'move', CASE of_platform WHEN 'telegram' THEN new_id ELSE partner END,
        CASE of_platform WHEN 'telegram' THEN partner ELSE new_id END, NULL, actor, of_platform, old_id
    );
    RETURN move_id;
END $$;

CREATE FUNCTION twinstream.replace_link(of_platform text, new_id bigint, partner_platform text, partner bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    ended CONSTANT twinstream.links := twinstream.current_link(partner_platform, partner);
BEGIN
    UPDATE twinstream.links AS l SET unlinked_at = now() WHERE l.id = ended.id;
    INSERT INTO twinstream.links (telegram_account_id, discord_account_id)
    VALUES (
        CASE of_platform WHEN 'telegram' THEN new_id ELSE partner END,
        CASE of_platform WHEN 'telegram' THEN partner ELSE new_id END
    );
END $$;

CREATE FUNCTION twinstream.report_connection(of_platform text, connected boolean, silence_s double precision, why text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.bot_connections AS b (platform, is_connected, trouble)
    VALUES (of_platform, connected, CASE WHEN NOT connected THEN left(why, 1000) END)
    ON CONFLICT ON CONSTRAINT bot_connection_once DO UPDATE SET
        is_connected = excluded.is_connected,
        since = CASE
            WHEN b.is_connected = excluded.is_connected
                AND b.reported_at > now() - make_interval(secs => silence_s)
            THEN b.since ELSE now() END,
        trouble = excluded.trouble,
        reported_at = now();
END $$;

CREATE FUNCTION twinstream.require_caller(of_platform text) RETURNS void
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION twinstream.require_cooldown(of_platform text, of_account bigint, other_account bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    until CONSTANT timestamptz := twinstream.cooldown_of(of_platform, of_account, other_account);
BEGIN
    IF until IS NOT NULL THEN
        PERFORM twinstream.refuse_link('link_cooldown_is_over', format(
            'the %s account %s was unlinked a short time ago; it can be linked with another one from %s on',
            of_platform, of_account, date_trunc('second', until)
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.require_keys(events twinstream.event[], is_ours boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION twinstream.require_leave_to_link(of_platform text, of_account bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM twinstream.link_bans AS b
        WHERE b.platform = of_platform AND b.account_id = of_account
    ) THEN
        PERFORM twinstream.refuse_link('account_may_link', format(
            'an administrator does not let the %s account %s link', of_platform, of_account
        ));
    ELSIF EXISTS (
        SELECT FROM twinstream.forget_requests AS r
        WHERE r.platform = of_platform AND r.account_id = of_account AND r.forgotten_at IS NULL
    ) THEN
        PERFORM twinstream.refuse_link('account_is_not_being_forgotten', format(
            'the member of the %s account %s has asked to be forgotten', of_platform, of_account
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.require_newest_link(of_platform text, of_account bigint, link bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF link IS DISTINCT FROM twinstream.newest_link(of_platform, of_account) THEN
        PERFORM twinstream.refuse_link('account_is_linked_since', format(
            'the %s account %s has a newer link than %s', of_platform, of_account, link
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.require_one_member(link bigint, owners bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF owners[1] <> owners[2] THEN
        PERFORM twinstream.refuse_link(
            'account_is_not_linked', format('link %s has ended meanwhile', link)
        );
    END IF;
END $$;

CREATE FUNCTION twinstream.require_others(of_platform text, administrator bigint, platforms text[], account_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    unseen record;
BEGIN
    SELECT w.platform, w.account_id INTO unseen
    FROM unnest(platforms, account_ids) AS w (platform, account_id)
    WHERE NOT EXISTS (
        SELECT FROM twinstream.accounts AS a
        WHERE a.platform = w.platform AND a.account_id = w.account_id
    );
    IF FOUND THEN
        PERFORM twinstream.refuse_link('account_is_known', format(
            'the %s account %s was never seen', unseen.platform, unseen.account_id
        ));
    ELSIF EXISTS (
        SELECT FROM unnest(platforms, account_ids) AS w (platform, account_id)
        WHERE w.account_id = CASE w.platform
            WHEN of_platform THEN administrator ELSE twinstream.partner_of(of_platform, administrator) END
    ) THEN
        PERFORM twinstream.refuse_link(
            'administrator_acts_for_others', 'administrators link and move accounts of others only'
        );
    END IF;
END $$;

CREATE FUNCTION twinstream.require_own_ends(of_platform text, at_most integer) RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
    -- One at a time: ends side by side would all find the same count.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.own_ends' || of_platform, 0));
    IF at_most <= (
        SELECT count(DISTINCT a.actor_account_id) FROM twinstream.link_acts AS a
        WHERE a.acted_at > now() - interval '24 hours' AND a.actor = 'member'
            AND a.actor_platform = of_platform AND a.operation IN ('unlink', 'undo')
    ) THEN
        PERFORM twinstream.refuse_link('own_ends_limited', format(
            '%2$s members on %1$s have ended links within 24 hours; ask an administrator, or try again later',
            of_platform, at_most
        ));
    END IF;
END $_$;

CREATE FUNCTION twinstream.require_own_process() RETURNS void
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    IF EXISTS (SELECT FROM twinstream.roles) AND NOT EXISTS (
        SELECT FROM twinstream.roles AS r JOIN pg_roles AS p ON p.rolname = r.role
        WHERE r.duty IN ('owner', 'consumers') AND pg_has_role(session_user, p.oid, 'MEMBER')
    ) THEN
        RAISE EXCEPTION 'the login % may not forget anybody', session_user
            USING ERRCODE = 'insufficient_privilege',
                HINT = 'A bot calls twinstream.ask_to_forget, and the consumers do it.';
    END IF;
END $$;

CREATE FUNCTION twinstream.require_room(of_platform text, account_ids bigint[], at_most integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    period_s CONSTANT integer := (twinstream.link_limits()).links_period_s;
    joins CONSTANT bigint := twinstream.joins_of(of_platform, account_ids, period_s);
BEGIN
    IF joins >= at_most THEN
        PERFORM twinstream.refuse_link('links_per_account_limited', format(
            '%s %s: linked or moved %s times within %s days, and %s are allowed; try again later',
            of_platform, array_to_string(account_ids, ' and '), joins, period_s / 86400, at_most
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.require_undoable(link twinstream.links, undo_s_max integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    later bigint;
BEGIN
    IF link.undone_at IS NOT NULL THEN
        PERFORM twinstream.refuse_link(
            'link_is_not_undone', format('link %s was undone at %s', link.id, link.undone_at)
        );
    END IF;
    IF now() - link.linked_at > make_interval(secs => undo_s_max) THEN
        PERFORM twinstream.refuse_link('undo_is_in_time', format(
            'link %s is older than %s days; unlink the accounts instead', link.id,
            trim_scale(round(undo_s_max / 86400.0, 2))
        ));
    END IF;
    SELECT min(l.id) INTO later FROM twinstream.links AS l
    WHERE l.id > link.id AND (
        l.telegram_account_id = link.telegram_account_id OR l.discord_account_id = link.discord_account_id
    );
    IF later IS NOT NULL THEN
        PERFORM twinstream.refuse_link('account_is_linked_since', format(
            'link %s came after link %s and has one of its accounts', later, link.id
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.require_unlinked(of_platform text, of_account bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF twinstream.partner_of(of_platform, of_account) IS NOT NULL THEN
        PERFORM twinstream.refuse_link('account_is_linked', format(
            'the %s account %s is linked already; unlink it first', of_platform, of_account
        ));
    END IF;
END $$;

CREATE FUNCTION twinstream.rewards_of(of_platform text, of_account bigint, at_most integer) RETURNS TABLE(platform text, entity_id text, administrator_id bigint, reason text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT r.platform, r.entity_id, r.administrator_id, r.reason
    FROM twinstream.accounts AS a JOIN twinstream.accounts AS o ON o.member_id = a.member_id
    CROSS JOIN LATERAL (
        SELECT * FROM twinstream.rewards AS w
        WHERE w.account_id = o.account_id AND w.platform = o.platform ORDER BY w.id DESC LIMIT at_most
    ) AS r
    WHERE a.platform = of_platform AND a.account_id = of_account;
END $$;

CREATE FUNCTION twinstream.rewrite_entries(person twinstream.forgotten_one[], naming text[], pads bytea[]) RETURNS bigint
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    on_their_way CONSTANT text[] := ARRAY (
        SELECT e.idempotency_key FROM twinstream.sync_events AS e
        JOIN unnest(person) AS p ON p.platform = e.source AND p.account_id = e.account_id
        WHERE e.status <> 'completed'
    );
    one twinstream.forgotten_one;
    changed bigint;
    total bigint := 0;
BEGIN
    INSERT INTO twinstream.forgettings (transaction_id) VALUES (pg_current_xact_id());
    FOREACH one IN ARRAY person || ROW (NULL, NULL, NULL, NULL)::twinstream.forgotten_one LOOP
        UPDATE twinstream.transactions AS t SET
            account_id = coalesce(one.pseudonym, t.account_id),
            idempotency_key = CASE
                WHEN starts_with(t.idempotency_key, 'link:') OR starts_with(t.idempotency_key, 'forgotten:')
                THEN t.idempotency_key ELSE twinstream.forgotten_key(pads, t.idempotency_key) END,
            entity_id = CASE
                WHEN starts_with(t.idempotency_key, 'link:') OR t.reason = 'achievement_bonus'
                THEN t.entity_id ELSE 'forgotten' END,
            reason = CASE WHEN t.reason ~ pattern THEN 'forgotten' ELSE t.reason END
        WHERE ((one.platform IS NOT NULL AND t.account_id = one.account_id AND t.source = one.platform)
                OR (one.platform IS NULL AND t.idempotency_key = ANY (naming)))
            AND t.idempotency_key <> ALL (on_their_way);
        GET DIAGNOSTICS changed = ROW_COUNT;
        total := total + changed;
    END LOOP;
    DELETE FROM twinstream.forgettings AS f WHERE f.transaction_id = pg_current_xact_id();
    RETURN total;
END $$;

CREATE FUNCTION twinstream.seconds_locked_out(of_platform text, of_account bigint) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(max(ceil(extract(epoch FROM t.window_ends_at - now())))::integer, 0)
    FROM twinstream.link_attempts AS t
    WHERE t.platform = of_platform AND t.account_id = of_account AND t.window_ends_at > now()
        AND t.failures >= (twinstream.link_limits()).failures_max
$$;

CREATE FUNCTION twinstream.set_hidden(platform text, account_id bigint, hidden boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.create_members(platform, ARRAY[account_id]);
    -- In the order in which links lock them.
    PERFORM FROM twinstream.accounts AS a
    WHERE a.member_id = (
        SELECT o.member_id FROM twinstream.accounts AS o
        WHERE o.platform = set_hidden.platform AND o.account_id = set_hidden.account_id
    )
    ORDER BY a.platform, a.account_id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET is_hidden = hidden
    FROM twinstream.accounts AS o
    WHERE o.platform = set_hidden.platform AND o.account_id = set_hidden.account_id
        AND a.member_id = o.member_id AND a.is_hidden <> hidden;
END $$;

CREATE FUNCTION twinstream.set_leave_to_link(of_platform text, of_account bigint, may_link boolean, actor twinstream.link_actor) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    partner CONSTANT bigint := twinstream.partner_of(of_platform, of_account);
    telegram_id CONSTANT bigint := CASE of_platform WHEN 'telegram' THEN of_account ELSE partner END;
    discord_id CONSTANT bigint := CASE of_platform WHEN 'telegram' THEN partner ELSE of_account END;
BEGIN
    IF may_link THEN
        DELETE FROM twinstream.link_bans AS b
        WHERE (b.platform = 'telegram' AND b.account_id = telegram_id)
            OR (b.platform = 'discord' AND b.account_id = discord_id);
    ELSE
        INSERT INTO twinstream.link_bans (platform, account_id)
        SELECT u.platform, u.account_id
        FROM unnest(ARRAY['telegram', 'discord'], ARRAY[telegram_id, discord_id])
            AS u (platform, account_id)
        WHERE u.account_id IS NOT NULL
        ON CONFLICT ON CONSTRAINT link_ban_once DO NOTHING;
    END IF;
    PERFORM twinstream.note_act(
        CASE WHEN may_link THEN 'allow' ELSE 'forbid' END, telegram_id, discord_id, NULL, actor
    );
END $$;

CREATE FUNCTION twinstream.settle(of_platform text, origin text, keys text[], payloads text[], names text[] DEFAULT NULL::text[], lock_wait_ms integer DEFAULT NULL::integer, compared boolean DEFAULT false, OUT entered text[], OUT members bigint[], OUT unknown text[], OUT doubtful text[]) RETURNS record
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION twinstream.shared_out(link bigint, back twinstream.share[]) RETURNS twinstream.share[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    lacking text;
BEGIN
    SELECT -f.amount || ' ' || f.name INTO lacking
    FROM (SELECT sum(b.xp) AS xp, sum(b.balance) AS balance FROM unnest(back) AS b) AS n
    CROSS JOIN LATERAL (VALUES (1, 'xp', n.xp), (2, 'balance', n.balance)) AS f (number, name, amount)
    WHERE f.amount < 0 ORDER BY f.number LIMIT 1;
    IF FOUND THEN
        PERFORM twinstream.refuse_link('undo_is_covered', format(
            'both accounts together lack %s to undo link %s', lacking, link
        ), lacking);
    END IF;
    RETURN (
        SELECT array_agg(ROW (
            mine.platform, mine.account_id, mine.member_id,
            greatest(mine.xp, 0) - greatest(-theirs.xp, 0),
            greatest(mine.balance, 0) - greatest(-theirs.balance, 0)
        )::twinstream.share)
        FROM unnest(back) AS mine JOIN unnest(back) AS theirs ON theirs.platform <> mine.platform
    );
END $$;

CREATE FUNCTION twinstream.split_achievements(of_member bigint, fresh bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.achievements (member_id, platform, achievement, unlocked_at)
    SELECT a.member_id, t.platform, t.achievement, min(t.occurred_at)
    FROM twinstream.accounts AS a
    JOIN twinstream.transactions AS t ON t.source = a.platform AND t.account_id = a.account_id
    WHERE a.member_id = fresh AND t.achievement IS NOT NULL
    GROUP BY a.member_id, t.platform, t.achievement;
    DELETE FROM twinstream.achievements AS h
    WHERE h.member_id = of_member AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a
        JOIN twinstream.transactions AS t ON t.source = a.platform AND t.account_id = a.account_id
        WHERE a.member_id = of_member AND t.platform = h.platform AND t.achievement = h.achievement
    );
END $$;

CREATE FUNCTION twinstream.split_books(of_member bigint, of_platform text, fresh bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.sync_state
        (member_id, platform, xp, balance, discord_xp, discord_balance, rank)
    SELECT fresh, s.platform, part.xp, part.balance, part.discord_xp, part.discord_balance,
        twinstream.rank_of(part.xp)
    FROM twinstream.sync_state AS s
    CROSS JOIN LATERAL (
        SELECT s.discord_xp AS xp, s.discord_balance AS balance, s.discord_xp, s.discord_balance
        WHERE of_platform = 'discord'
        UNION ALL
        SELECT s.xp - s.discord_xp, s.balance - s.discord_balance, 0, 0
        WHERE of_platform = 'telegram'
    ) AS part
    WHERE s.member_id = of_member;
    UPDATE twinstream.sync_state AS s SET xp = s.xp - f.xp, balance = s.balance - f.balance,
        discord_xp = s.discord_xp - f.discord_xp,
        discord_balance = s.discord_balance - f.discord_balance,
        rank = twinstream.rank_of(s.xp - f.xp), version = s.version + 1, updated_at = now()
    FROM twinstream.sync_state AS f
    WHERE s.member_id = of_member AND f.member_id = fresh AND f.platform = s.platform;
END $$;

CREATE FUNCTION twinstream.split_earnings(of_member bigint, fresh bigint) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.members AS f SET earned_at = m.earned_at, balance_at = m.balance_at,
        week = m.week, week_xp = m.week_discord_xp, week_discord_xp = m.week_discord_xp,
        month = m.month, month_xp = m.month_discord_xp, month_discord_xp = m.month_discord_xp
    FROM twinstream.members AS m WHERE f.id = fresh AND m.id = of_member;
    UPDATE twinstream.members AS m SET
        week_xp = m.week_xp - m.week_discord_xp, week_discord_xp = 0,
        month_xp = m.month_xp - m.month_discord_xp, month_discord_xp = 0
    WHERE m.id = of_member
$$;

CREATE FUNCTION twinstream.split_member(of_member bigint, of_platform text, with_xp bigint, with_balance bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    fresh bigint;
BEGIN
    INSERT INTO twinstream.members AS m (xp, balance) VALUES (with_xp, with_balance)
    RETURNING m.id INTO fresh;
    UPDATE twinstream.members AS m SET xp = m.xp - with_xp, balance = m.balance - with_balance
    WHERE m.id = of_member;
    UPDATE twinstream.accounts AS a SET member_id = fresh
    WHERE a.member_id = of_member AND a.platform = of_platform;
    -- A visit under way finds its rows by their account.
    UPDATE twinstream.surfaces AS f SET member_id = fresh
    WHERE f.member_id = of_member AND f.platform = of_platform;
    PERFORM twinstream.split_books(of_member, of_platform, fresh);
    PERFORM twinstream.split_achievements(of_member, fresh);
    PERFORM twinstream.want_split(ARRAY[of_member, fresh]);
    RETURN fresh;
END $$;

CREATE FUNCTION twinstream.start_offer(of_platform text, of_account bigint, known_as text DEFAULT NULL::text, OUT offer_id bigint, OUT code text, OUT token text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM twinstream.obey_stop_sign();
    -- Before its member is created: that locks a row, too, and others take these two in this order.
    PERFORM twinstream.lock_offers(
        CASE of_platform WHEN 'telegram' THEN of_account END,
        CASE of_platform WHEN 'discord' THEN of_account END
    );
    PERFORM twinstream.create_members(of_platform, ARRAY[of_account]);
    PERFORM twinstream.remember_name(of_platform, of_account, known_as) WHERE known_as IS NOT NULL;
    PERFORM twinstream.require_unlinked(of_platform, of_account);
    SELECT o.id INTO offer_id FROM twinstream.link_offers AS o
    WHERE o.platform = of_platform AND o.account_id = of_account AND o.status = 'opened'
        AND o.expires_at > now();
    IF offer_id IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE twinstream.link_offers AS o SET status = 'ended', changed_at = now(), news_for = NULL
    WHERE o.platform = of_platform AND o.account_id = of_account AND o.status IN ('waiting', 'opened');
    DELETE FROM twinstream.link_offers AS o WHERE o.id IN (
        SELECT p.id FROM twinstream.link_offers AS p
        WHERE p.platform = of_platform AND p.account_id = of_account
        ORDER BY p.id DESC OFFSET twinstream.offers_kept() - 1
    );
    code := twinstream.make_code();
    token := twinstream.make_token();
    INSERT INTO twinstream.link_offers AS o (platform, account_id, code_hash, token_hash, expires_at)
    VALUES (
        of_platform, of_account, twinstream.hash_of_code(code), twinstream.hash_of_token(token),
        now() + make_interval(secs => (twinstream.link_limits()).code_lifetime_s)
    ) RETURNING o.id INTO offer_id;
END $$;

CREATE FUNCTION twinstream.stored_of(of_platform text, of_account bigint) RETURNS TABLE(platform text, account_id bigint, display_name text, xp bigint, balance bigint, achievements bigint, entries bigint, first_entry_at timestamp with time zone, linked_since timestamp with time zone, is_hidden boolean, is_being_forgotten boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.platform, a.account_id, a.display_name, m.xp, m.balance,
        (SELECT count(DISTINCT h.achievement) FROM twinstream.achievements AS h WHERE h.member_id = m.id),
        e.entries, e.first_at,
        (
            SELECT max(l.linked_at) FROM twinstream.links_of(a.platform, a.account_id) AS l
            WHERE l.unlinked_at IS NULL AND l.undone_at IS NULL
        ),
        twinstream.is_hidden(m.id),
        EXISTS (
            SELECT FROM twinstream.forget_requests AS r
            WHERE r.platform = a.platform AND r.account_id = a.account_id AND r.forgotten_at IS NULL
        )
    FROM twinstream.accounts AS mine
    JOIN twinstream.accounts AS a ON a.member_id = mine.member_id
    JOIN twinstream.members AS m ON m.id = mine.member_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS entries, min(t.occurred_at) AS first_at FROM twinstream.transactions AS t
        WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = a.platform
    ) AS e
    WHERE mine.platform = of_platform AND mine.account_id = of_account
    ORDER BY a.platform <> of_platform;
END $$;

CREATE FUNCTION twinstream.streak_of(of_platform text, of_account bigint) RETURNS TABLE(streak integer, longest integer, day date, forgiven_month date, forgiven_days integer)
    LANGUAGE sql STABLE
    AS $$
    SELECT c.streak, t.longest, c.day, t.forgiven_month, t.forgiven_days
    FROM (
        SELECT array_agg(c.streak) AS streaks, array_agg(c.streak_day) AS days,
            max(c.longest_streak) AS longest, max(c.forgiven_month) AS forgiven_month,
            (array_agg(c.forgiven_days ORDER BY c.forgiven_month DESC NULLS LAST, c.forgiven_days DESC))[1]
                AS forgiven_days
        FROM twinstream.accounts AS a
        JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
        JOIN twinstream.account_scores AS c ON c.platform = theirs.platform AND c.account_id = theirs.account_id
        WHERE a.platform = of_platform AND a.account_id = of_account
        HAVING count(*) > 0
    ) AS t CROSS JOIN LATERAL twinstream.common_streak(t.streaks, t.days) AS c
$$;

CREATE FUNCTION twinstream.support_forgive_attempts(platform text, administrator_id bigint, account_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'forgive', account_id);
    DELETE FROM twinstream.link_attempts AS t
    WHERE t.platform = support_forgive_attempts.platform
        AND t.account_id = support_forgive_attempts.account_id;
END $$;

CREATE FUNCTION twinstream.support_link(platform text, administrator_id bigint, account_id bigint, other_account_id bigint, stores text[] DEFAULT '{}'::text[], reason text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'link', account_id);
    PERFORM twinstream.require_others(
        platform, administrator_id,
        ARRAY[platform, CASE platform WHEN 'telegram' THEN 'discord' ELSE 'telegram' END],
        ARRAY[account_id, other_account_id]
    );
    PERFORM twinstream.link_accounts(
        CASE platform WHEN 'telegram' THEN account_id ELSE other_account_id END,
        CASE platform WHEN 'telegram' THEN other_account_id ELSE account_id END,
        stores => stores,
        actor => ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.support_move_account(platform text, administrator_id bigint, lost_account_id bigint, account_id bigint, stores text[] DEFAULT '{}'::text[], reason text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'move', lost_account_id);
    PERFORM twinstream.require_others(
        platform, administrator_id, ARRAY[platform, platform], ARRAY[lost_account_id, account_id]
    );
    PERFORM twinstream.replace_account(
        platform, lost_account_id, account_id, stores,
        ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.support_set_leave(platform text, administrator_id bigint, account_id bigint, may_link boolean, reason text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(
        platform, administrator_id, CASE WHEN may_link THEN 'allow' ELSE 'forbid' END, account_id
    );
    PERFORM twinstream.set_leave_to_link(
        platform, account_id, may_link,
        ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.support_undo_link(platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'::text[], reason text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'undo', account_id);
    PERFORM twinstream.undo_link_by_id(
        twinstream.newest_link(platform, account_id), stores,
        actor => ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.support_unlink(platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'::text[], reason text DEFAULT ''::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'unlink', account_id);
    PERFORM twinstream.unlink_account(
        platform, account_id, stores,
        ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.take_announcements(of_platform text, at_most integer) RETURNS TABLE(member_id bigint, account_id bigint, display_name text, surface text, announced integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH taken AS (
        -- The account says where to announce, and by which name. Other bots skip the rows.
        SELECT f.member_id, f.surface, f.shown_at, a.account_id, a.display_name
        FROM twinstream.surfaces AS f
        JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
        WHERE f.platform = of_platform AND f.announce
        ORDER BY f.shown_at LIMIT at_most
        FOR NO KEY UPDATE OF f SKIP LOCKED
    ), ended AS (
        -- In the same statement, so that no other bot takes them.
        UPDATE twinstream.surfaces AS f SET announce = false
        FROM taken AS t
        WHERE f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface
        RETURNING f.member_id, f.surface, f.announced
    )
    SELECT t.member_id, t.account_id, t.display_name, t.surface, o.announced
    FROM taken AS t JOIN ended AS o USING (member_id, surface)
    ORDER BY t.shown_at;
END $$;

CREATE FUNCTION twinstream.take_notices(of_platform text, at_most integer, lease_s double precision, of_account bigint DEFAULT NULL::bigint) RETURNS TABLE(account_id bigint, kind text, subject text, created_at timestamp with time zone, attempts integer, details jsonb, name text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH due AS (
        SELECT account_id, kind, subject FROM twinstream.notices
        WHERE platform = of_platform AND (taken_until IS NULL OR taken_until < now())
            AND CASE WHEN of_account IS NULL THEN refused_at IS NULL
                ELSE refused_at IS NOT NULL AND account_id = of_account END
        ORDER BY created_at LIMIT at_most
        FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE twinstream.notices AS n
        SET taken_until = now() + make_interval(secs => lease_s), attempts = n.attempts + 1
        FROM due AS d
        WHERE n.platform = of_platform AND n.account_id = d.account_id AND n.kind = d.kind
            AND n.subject = d.subject
        RETURNING n.*
    )
    SELECT t.account_id, t.kind, t.subject, t.created_at, t.attempts, t.details, (
        SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.platform = t.details ->> 'platform'
            AND a.account_id = (t.details ->> 'account_id')::bigint
    )
    FROM taken AS t ORDER BY t.created_at, t.subject;
END $$;

CREATE FUNCTION twinstream.take_revoked_links(of_platform text, at_most integer) RETURNS TABLE(chat_id bigint, link text, is_last boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.invite_links AS l
    WHERE l.platform = of_platform AND l.is_revoked AND l.revoke_at <= now() AND l.attempts >= 10;
    RETURN QUERY
    UPDATE twinstream.invite_links AS l SET
        attempts = l.attempts + 1, revoke_at = now() + interval '1 minute' * 2 ^ l.attempts
    FROM (
        SELECT d.link FROM twinstream.invite_links AS d
        WHERE d.platform = of_platform AND d.is_revoked AND d.revoke_at <= now()
        ORDER BY d.revoke_at LIMIT at_most FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE l.platform = of_platform AND l.link = due.link
    RETURNING l.chat_id, l.link, l.attempts >= 10;
END $$;

CREATE FUNCTION twinstream.take_transient(of_platform text, at_most integer, age_s_max double precision) RETURNS TABLE(chat_id bigint, message_id bigint, is_command boolean, noted_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH taken AS (
        DELETE FROM twinstream.transient_messages AS t USING (
            SELECT d.chat_id, d.message_id FROM twinstream.transient_messages AS d
            WHERE d.delete_at <= now() ORDER BY d.delete_at LIMIT at_most FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE t.chat_id = due.chat_id AND t.message_id = due.message_id
        RETURNING t.chat_id, t.message_id, t.is_command, t.noted_at
    )
    SELECT t.chat_id, t.message_id, t.is_command, t.noted_at FROM taken AS t
    WHERE t.noted_at > now() - make_interval(secs => age_s_max);
END $$;

CREATE FUNCTION twinstream.taken_away(policy text, had twinstream.share[], owner bigint) RETURNS twinstream.share[]
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT array_agg(ROW (
        mine.platform, mine.account_id, owner,
        CASE WHEN k.keeps_xp THEN 0 ELSE -mine.xp END,
        CASE WHEN k.keeps_balance THEN 0 ELSE -mine.balance END
    )::twinstream.share)
    FROM unnest(had) AS mine
    JOIN unnest(had) AS theirs ON theirs.platform <> mine.platform
    CROSS JOIN LATERAL (
        SELECT (mine.xp, mine.platform) > (theirs.xp, theirs.platform) AS keeps_xp,
            (mine.balance, mine.platform) > (theirs.balance, theirs.platform) AS keeps_balance
        WHERE policy = 'max'
        UNION ALL
        SELECT mine.platform = policy, mine.platform = policy WHERE policy <> 'max'
    ) AS k
$$;

CREATE TABLE twinstream.link_acts (
    id bigint NOT NULL,
    operation text NOT NULL,
    telegram_account_id bigint,
    discord_account_id bigint,
    from_platform text,
    from_account_id bigint,
    link_id bigint,
    actor text NOT NULL,
    actor_platform text,
    actor_account_id bigint,
    reason text DEFAULT ''::text NOT NULL,
    acted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT link_act_actor_known CHECK ((actor = ANY (ARRAY['member'::text, 'administrator'::text, 'operator'::text]))),
    CONSTRAINT link_act_actor_platform_known CHECK ((actor_platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT link_act_administrator_is_named CHECK (((actor <> 'administrator'::text) OR ((actor_platform IS NOT NULL) AND (actor_account_id IS NOT NULL)))),
    CONSTRAINT link_act_from_platform_known CHECK ((from_platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT link_act_operation_known CHECK ((operation = ANY (ARRAY['link'::text, 'unlink'::text, 'undo'::text, 'move'::text, 'forbid'::text, 'allow'::text]))),
    CONSTRAINT link_act_reason_is_short CHECK ((length(reason) <= 300))
);

CREATE FUNCTION twinstream.tell_of_act(act twinstream.link_acts, to_platform text, to_account bigint, of_kind text, other_platform text, other_account bigint) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO twinstream.notices (platform, account_id, kind, subject, details, taken_until)
    SELECT to_platform, to_account, of_kind, act.id::text, jsonb_build_object(
        'platform', other_platform, 'account_id', other_account, 'by', act.actor, 'reason', act.reason,
        'link_id', act.link_id
    ), CASE WHEN of_kind = 'linked' AND act.actor = 'member' THEN now() + interval '5 s' END
    WHERE to_account > 0
        AND (act.actor, act.actor_platform, act.actor_account_id)
            IS DISTINCT FROM ('member', to_platform, to_account)
$$;

CREATE FUNCTION twinstream.thank(of_platform text, giver bigint, receiver bigint, said_in text, said_at timestamp with time zone, zone text, per_day integer, xp_each bigint, xp_per_day bigint, age_s_max double precision, forget_secret text DEFAULT NULL::text) RETURNS TABLE(outcome text, reputation bigint, xp bigint, thanks_left integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := least(said_at, now());
    today CONSTANT date := (moment AT TIME ZONE zone)::date;
    people CONSTANT bigint[] := ARRAY[giver, receiver];
    answer text;
    granted bigint;
    thanked integer;
    is_again boolean;
    first_xp bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- A person has one account on a platform (account_one_per_platform), so nobody is thanked by a second one.
    IF giver = receiver THEN
        RETURN QUERY SELECT 'self', 0::bigint, 0::bigint, 0;
        RETURN;
    END IF;
    IF twinstream.was_forgotten_since(of_platform, people, moment, forget_secret) THEN
        RETURN QUERY SELECT 'late', 0::bigint, 0::bigint, 0;
        RETURN;
    END IF;
    PERFORM twinstream.lock_accounts(of_platform, people, true);
    IF twinstream.was_forgotten_since(of_platform, people, moment, forget_secret) THEN
        RAISE EXCEPTION 'an account is being forgotten at this moment' USING ERRCODE = 'serialization_failure';
    END IF;
    -- Of both people every account, on both platforms.
    WITH theirs AS (
        SELECT a.platform, a.account_id, o.account_id = giver AS is_givers
        FROM twinstream.accounts AS o JOIN twinstream.accounts AS a ON a.member_id = o.member_id
        WHERE o.platform = of_platform AND o.account_id IN (giver, receiver)
    ), given AS (
        SELECT t.platform, t.receiver_account_id FROM theirs AS g JOIN twinstream.thanks AS t
            ON t.platform = g.platform AND t.giver_account_id = g.account_id
        WHERE g.is_givers AND t.day = today
    ), got AS (
        SELECT t.xp FROM theirs AS r JOIN twinstream.thanks AS t
            ON t.platform = r.platform AND t.receiver_account_id = r.account_id
        WHERE NOT r.is_givers AND t.day = today
    )
    SELECT
        (SELECT count(*) FROM given),
        least(xp_each, greatest(xp_per_day - (SELECT coalesce(sum(g.xp), 0) FROM got AS g), 0)),
        EXISTS (
            SELECT FROM given AS t JOIN theirs AS r
                ON NOT r.is_givers AND r.platform = t.platform AND r.account_id = t.receiver_account_id
        )
    INTO thanked, granted, is_again;
    answer := CASE
        WHEN is_again THEN 'again'
        WHEN moment < now() - make_interval(secs => age_s_max) THEN 'late'
        WHEN thanked >= per_day THEN 'enough'
        ELSE 'thanked'
    END;
    -- The same message once more. On any day: its moment may have been ahead of our clock the first time.
    first_xp := (
        SELECT k.xp FROM twinstream.thanks AS k
        WHERE k.platform = of_platform AND k.giver_account_id = giver AND k.receiver_account_id = receiver
            AND k.entity_id = said_in
        LIMIT 1
    );
    IF first_xp IS NOT NULL THEN
        answer := 'known';
        granted := first_xp;
    END IF;
    IF answer = 'thanked' THEN
        INSERT INTO twinstream.thanks
            (platform, giver_account_id, receiver_account_id, day, entity_id, xp, given_at)
        VALUES (of_platform, giver, receiver, today, said_in, granted, moment);
        INSERT INTO twinstream.account_scores AS s (platform, account_id, reputation)
        VALUES (of_platform, receiver, 1)
        ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET reputation = s.reputation + 1;
        thanked := thanked + 1;
    END IF;
    RETURN QUERY
    SELECT answer,
        (
            SELECT coalesce(sum(s.reputation), 0)::bigint
            FROM twinstream.accounts AS o
            JOIN twinstream.accounts AS a ON a.member_id = o.member_id
            JOIN twinstream.account_scores AS s ON s.platform = a.platform AND s.account_id = a.account_id
            WHERE o.platform = of_platform AND o.account_id = receiver
        ),
        CASE WHEN answer IN ('thanked', 'known') THEN granted ELSE 0 END,
        greatest(per_day - thanked, 0);
END $$;

CREATE FUNCTION twinstream.turn_of(of_platform text, inviter bigint, per_day integer, is_new boolean) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
    SELECT t.at + interval '24 hours' FROM (
        (
            SELECT i.changed_at AS at FROM twinstream.invites AS i
            WHERE i.inviter_id = inviter AND i.platform = of_platform AND i.status = 'paid'
            ORDER BY i.changed_at DESC LIMIT per_day
        ) UNION ALL (
            SELECT i.look_at FROM twinstream.invites AS i
            WHERE is_new AND i.inviter_id = inviter AND i.platform = of_platform AND i.status = 'waiting' AND i.is_earned
            ORDER BY i.look_at DESC LIMIT per_day
        )
    ) AS t ORDER BY t.at DESC OFFSET per_day - 1 LIMIT 1
$$;

CREATE FUNCTION twinstream.undo_link(platform text, account_id bigint, code text, stores text[] DEFAULT '{}'::text[]) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    issuer record;
BEGIN
    PERFORM twinstream.require_caller(platform);
    issuer := twinstream.find_issuer(platform, account_id, code, 'undo');
    IF issuer.refusal IS NOT NULL THEN
        RETURN issuer.refusal;
    ELSIF issuer.platform = platform THEN
        RETURN 'same_platform';
    END IF;
    PERFORM twinstream.undo_link_by_id(
        twinstream.newest_link(platform, account_id, issuer.account_id), stores
    );
    PERFORM twinstream.use_up_code(code);
    RETURN 'undone';
END $$;

CREATE FUNCTION twinstream.undo_link_by_id(link_id bigint, stores text[] DEFAULT '{}'::text[], actor twinstream.link_actor DEFAULT NULL::twinstream.link_actor) RETURNS twinstream.links
    LANGUAGE plpgsql
    AS $$
DECLARE
    platforms CONSTANT text[] := ARRAY['telegram', 'discord'];
    undone twinstream.links;
    ids bigint[];
    owners bigint[];
    held twinstream.share[];
    has twinstream.share[];
    gets twinstream.share[];
BEGIN
    PERFORM twinstream.obey_stop_sign();
    SELECT l.* INTO undone FROM twinstream.links AS l WHERE l.id = link_id;
    IF NOT FOUND THEN
        PERFORM twinstream.refuse_link('link_is_known', format('there is no link %s', link_id));
    END IF;
    ids := ARRAY[undone.telegram_account_id, undone.discord_account_id];
    -- As an unlink, a move and a forgetting lock them.
    owners := twinstream.lock_owners(platforms, ids);
    SELECT l.* INTO undone FROM twinstream.links AS l WHERE l.id = link_id FOR UPDATE;
    PERFORM twinstream.require_undoable(undone, twinstream.undo_seconds());
    PERFORM twinstream.close_windows_of_locked(platforms, ids, stores);
    held := twinstream.held_in_stores(stores, owners);
    IF undone.unlinked_at IS NULL THEN
        PERFORM twinstream.require_one_member(link_id, owners);
    END IF;
    has := twinstream.earned_by_each(platforms, ids, owners);
    gets := twinstream.shared_out(link_id, twinstream.without_link(link_id::text, has));
    PERFORM twinstream.change_earned(link_id::text, 'undo', twinstream.difference_of(has, gets));
    IF undone.unlinked_at IS NULL THEN
        owners := owners || (
            SELECT twinstream.split_member(g.member_id, 'discord', g.xp, g.balance)
            FROM unnest(gets) AS g WHERE g.platform = 'discord'
        );
        PERFORM twinstream.split_earnings(owners[1], owners[3]);
    END IF;
    PERFORM twinstream.owe_the_rest(stores, held, owners);
    UPDATE twinstream.links AS l SET undone_at = now() WHERE l.id = link_id RETURNING l.* INTO undone;
    PERFORM twinstream.note_act('undo', ids[1], ids[2], link_id, actor);
    RETURN undone;
END $$;

CREATE FUNCTION twinstream.undo_own_link(platform text, account_id bigint, stores text[] DEFAULT '{}'::text[], of_link bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.require_own_ends(platform, twinstream.own_ends_max());
    IF of_link IS NOT NULL THEN
        PERFORM twinstream.require_newest_link(platform, account_id, of_link);
    END IF;
    PERFORM twinstream.undo_link_by_id(
        twinstream.newest_link(platform, account_id), stores,
        actor => ROW ('member', platform, account_id, '')::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.undo_seconds() RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(
        (SELECT s.undo_s FROM twinstream.link_settings AS s), (twinstream.link_limits()).undo_s_max
    )
$$;

CREATE FUNCTION twinstream.unlink(platform text, account_id bigint, code text, stores text[] DEFAULT '{}'::text[]) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    issuer record;
    current twinstream.links;
BEGIN
    PERFORM twinstream.require_caller(platform);
    issuer := twinstream.find_issuer(platform, account_id, code, 'unlink');
    IF issuer.refusal IS NOT NULL THEN
        RETURN issuer.refusal;
    ELSIF issuer.platform = platform THEN
        RETURN 'same_platform';
    END IF;
    current := twinstream.current_link(platform, account_id);
    IF issuer.account_id <> (CASE platform
        WHEN 'telegram' THEN current.discord_account_id ELSE current.telegram_account_id END)
    THEN
        PERFORM twinstream.refuse_link('account_is_not_linked', format(
            'the %s account %s is not linked with the account of the code', platform, account_id
        ));
    END IF;
    PERFORM twinstream.unlink_account(platform, account_id, stores);
    PERFORM twinstream.use_up_code(code);
    RETURN 'unlinked';
END $$;

CREATE FUNCTION twinstream.unlink_account(of_platform text, of_account bigint, stores text[] DEFAULT '{}'::text[], actor twinstream.link_actor DEFAULT NULL::twinstream.link_actor) RETURNS twinstream.links
    LANGUAGE plpgsql
    AS $$
DECLARE
    newest twinstream.links;
    ended twinstream.links;
    owners bigint[];
    member bigint;
    held twinstream.share[];
    given twinstream.share;
    achievements twinstream.achievements[];
BEGIN
    PERFORM twinstream.obey_stop_sign();
    -- Accounts first, then the link: an undo, a move and a forgetting lock them in this order, too.
    SELECT l.* INTO newest FROM twinstream.links AS l
    WHERE l.id = twinstream.newest_link(of_platform, of_account);
    IF newest.id IS NOT NULL THEN
        owners := twinstream.lock_owners(
            ARRAY['telegram', 'discord'], ARRAY[newest.telegram_account_id, newest.discord_account_id]
        );
    END IF;
    ended := twinstream.current_link(of_platform, of_account);
    IF ended.id IS DISTINCT FROM newest.id THEN
        RAISE EXCEPTION 'the account is being linked anew at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM twinstream.require_one_member(ended.id, owners);
    PERFORM twinstream.close_windows_of_locked(
        ARRAY['telegram', 'discord'], ARRAY[ended.telegram_account_id, ended.discord_account_id], stores
    );
    member := owners[1];
    held := twinstream.held_in_stores(stores, owners);
    given := twinstream.earned('discord', ended.discord_account_id, member);
    PERFORM twinstream.change_earned(ended.id::text, 'unlink', ARRAY[
        ROW ('telegram', ended.telegram_account_id, member, given.xp, given.balance)::twinstream.share,
        ROW ('discord', ended.discord_account_id, member, -given.xp, -given.balance)::twinstream.share
    ]);
    achievements := twinstream.achievements_of(member);
    PERFORM twinstream.unlock(
        ended.id::text, 'unlink', 'telegram', ended.telegram_account_id, member, achievements
    );
    PERFORM twinstream.unlock(
        ended.id::text, 'unlink', 'discord', ended.discord_account_id, member, achievements
    );
    PERFORM twinstream.owe_the_rest(
        stores, held, ARRAY[member, twinstream.split_member(member, 'discord', 0, 0)]
    );
    PERFORM twinstream.keep_earnings(member);
    UPDATE twinstream.links AS l SET unlinked_at = now() WHERE l.id = ended.id
    RETURNING l.* INTO ended;
    PERFORM twinstream.note_act(
        'unlink', ended.telegram_account_id, ended.discord_account_id, ended.id, actor
    );
    RETURN ended;
END $$;

CREATE FUNCTION twinstream.unlink_own(platform text, account_id bigint, stores text[] DEFAULT '{}'::text[], of_link bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.require_own_ends(platform, twinstream.own_ends_max());
    IF of_link IS NOT NULL THEN
        PERFORM twinstream.require_newest_link(platform, account_id, of_link);
    END IF;
    PERFORM twinstream.unlink_account(
        platform, account_id, stores, ROW ('member', platform, account_id, '')::twinstream.link_actor
    );
END $$;

CREATE FUNCTION twinstream.unlock(link text, step text, of_platform text, of_account bigint, of_member bigint, held twinstream.achievements[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.enter_link_events(array_agg(ROW (
        of_member, twinstream.link_key(link, step, of_platform, 'achievement.' || h.achievement),
        of_platform, 'achievement.unlocked', of_account, 0, 0, h.achievement,
        twinstream.link_reason(step), link, h.unlocked_at, NULL
    )::twinstream.event))
    FROM (
        SELECT u.achievement, min(u.unlocked_at) AS unlocked_at FROM unnest(held) AS u
        GROUP BY u.achievement
    ) AS h
    WHERE NOT EXISTS (
        SELECT FROM twinstream.transactions AS t
        WHERE t.account_id = of_account AND t.source = of_platform AND t.achievement = h.achievement
    );
END $$;

CREATE FUNCTION twinstream.unlock_new(of_platform text, of_account bigint, names text[], forget_secret text) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    fresh CONSTANT text[] := ARRAY (
        SELECT DISTINCT u.name FROM unnest(names) AS u (name)
        WHERE NOT EXISTS (
            SELECT FROM twinstream.accounts AS a JOIN twinstream.achievements AS h ON h.member_id = a.member_id
            WHERE a.platform = of_platform AND a.account_id = of_account AND h.achievement = u.name
        )
    );
BEGIN
    RETURN ARRAY (
        SELECT u.name
        FROM twinstream.record_events(
            ARRAY (
                SELECT twinstream.payload_of(ROW (
                    NULL, NULL, of_platform, 'achievement.unlocked', of_account, NULL, NULL, f.name, 'achievement',
                    f.name, NULL, NULL
                )::twinstream.event)
                FROM unnest(fresh) WITH ORDINALITY AS f (name, number) ORDER BY f.number
            ), 'pending', true, true, false, forget_secret
        ) WITH ORDINALITY AS r (key, member_id, created, number)
        JOIN unnest(fresh) WITH ORDINALITY AS u (name, number) USING (number)
        WHERE r.created
    );
END $$;

CREATE FUNCTION twinstream.use_up_code(code text) RETURNS void
    LANGUAGE sql
    AS $$
    DELETE FROM twinstream.link_codes AS c WHERE c.code_hash = twinstream.hash_of_code(code)
$$;

CREATE FUNCTION twinstream.void_codes(platform text, codes text[]) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    code_hashes bytea[];
    token_hashes bytea[];
BEGIN
    PERFORM twinstream.require_caller(platform);
    SELECT array_agg(twinstream.hash_of_code(u.code)), array_agg(twinstream.hash_of_token(u.code))
    INTO code_hashes, token_hashes FROM unnest(codes) AS u (code);
    -- In the order in which everybody locks offers.
    PERFORM FROM twinstream.link_offers AS o
    WHERE o.code_hash = ANY (code_hashes) OR o.token_hash = ANY (token_hashes)
    ORDER BY o.id FOR UPDATE;
    RETURN QUERY
    WITH void AS (
        DELETE FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (code_hashes) AND c.expires_at > now()
        RETURNING c.platform, c.account_id
    ), void_offers AS (
        UPDATE twinstream.link_offers AS o SET status = 'void', changed_at = now()
        WHERE (o.code_hash = ANY (code_hashes) OR o.token_hash = ANY (token_hashes))
            AND o.status = 'waiting' AND o.expires_at > now()
        RETURNING o.platform, o.account_id
    ), owners AS (
        SELECT v.platform, v.account_id FROM void AS v
        UNION
        SELECT v.platform, v.account_id FROM void_offers AS v
    ), noted AS (
        -- One notice of a kind is enough; a later reason makes it new.
        INSERT INTO twinstream.notices (platform, account_id, kind)
        SELECT v.platform, v.account_id, 'code_void' FROM owners AS v
        ON CONFLICT ON CONSTRAINT notice_once DO UPDATE SET
            created_at = clock_timestamp(), attempts = 0, taken_until = NULL
    )
    SELECT v.platform FROM owners AS v;
END $$;

CREATE FUNCTION twinstream.void_invite(of_platform text, invited bigint) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE twinstream.invites AS i SET status = 'void', changed_at = now()
    WHERE i.platform = of_platform AND i.account_id = invited AND i.status IN ('waiting', 'refused')
$$;

CREATE FUNCTION twinstream.waiting_announcements(of_platform text, kinds text[], at_most integer, newest_first boolean) RETURNS TABLE(member_id bigint, account_id bigint, display_name text, surface text, announced integer, xp bigint, shown_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT w.member_id, w.account_id, w.display_name, w.surface, w.announced, m.xp, w.shown_at
    FROM unnest(kinds) AS k (kind)
    CROSS JOIN LATERAL (
        -- One of the two halves runs: each reads the index from its end.
        (
            SELECT f.member_id, a.account_id, a.display_name, f.surface, f.announced, f.shown_at
            FROM twinstream.surfaces AS f
            JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
            WHERE NOT newest_first AND f.platform = of_platform
                AND split_part(f.surface, ':', 1) = k.kind AND f.announce AND f.wanted >= f.announced
            ORDER BY f.shown_at LIMIT at_most
        )
        UNION ALL
        (
            SELECT f.member_id, a.account_id, a.display_name, f.surface, f.announced, f.shown_at
            FROM twinstream.surfaces AS f
            JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
            WHERE newest_first AND f.platform = of_platform
                AND split_part(f.surface, ':', 1) = k.kind AND f.announce AND f.wanted >= f.announced
            ORDER BY f.shown_at DESC LIMIT at_most
        )
    ) AS w
    JOIN twinstream.members AS m ON m.id = w.member_id
    ORDER BY w.shown_at, w.member_id, w.surface;
END $$;

CREATE FUNCTION twinstream.want(member_ids bigint[], platforms text[], names text[], numbers integer[], keys text[], priorities integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.surfaces AS f (member_id, platform, surface, wanted, wanted_key, priority)
    SELECT w.member_id, w.platform, w.name, w.number, w.key, w.priority
    FROM unnest(member_ids, platforms, names, numbers, keys, priorities)
        AS w (member_id, platform, name, number, key, priority)
    WHERE (
        SELECT true FROM twinstream.accounts AS a
        WHERE a.member_id = w.member_id AND a.platform = w.platform AND a.account_id > 0
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

CREATE FUNCTION twinstream.want_merged(keep bigint, gone bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- A worker that gives a member back at this moment commits first: a later read would renew the lease
    -- that it has just ended.
    PERFORM FROM twinstream.surfaces AS f WHERE f.member_id IN (keep, gone)
    ORDER BY f.member_id, f.platform, f.surface FOR NO KEY UPDATE;
    WITH wanted AS (
        -- A linked member has an account on both platforms, and the merged books decide.
        SELECT s.platform, 'rank' AS surface, s.rank AS number FROM twinstream.sync_state AS s
        WHERE s.member_id = keep
        UNION ALL
        SELECT h.platform, 'achievement:' || h.achievement, 1 FROM twinstream.achievements AS h
        WHERE h.member_id = keep
        UNION ALL
        -- A row is made for a linked member, and kept for one whose role is still to be taken away.
        SELECT 'discord', 'linked', l.is_linked::integer
        FROM (
            SELECT count(*) = 2 AS is_linked FROM twinstream.accounts AS a WHERE a.member_id = keep
        ) AS l
        WHERE l.is_linked OR EXISTS (
            SELECT FROM twinstream.surfaces AS f
            WHERE f.member_id IN (keep, gone) AND f.surface = 'linked'
        )
    ), hands AS (
        -- A visit under way to either member is one to the merged member now.
        SELECT f.platform, max(f.taken_until) AS taken_until FROM twinstream.surfaces AS f
        WHERE f.member_id IN (keep, gone) GROUP BY f.platform
    ), news AS (
        -- An account's own rank or achievement that is still to be shown or announced. It stays news if the
        -- merged member has the same number.
        SELECT f.platform, f.surface, max(f.shown_at) AS shown_at, max(f.announced) AS announced,
            bool_or(f.announce AND f.announced = w.number) AS announce,
            bool_or(f.priority = 0 AND f.wanted = w.number AND f.wanted > f.announced
                AND f.wanted IS DISTINCT FROM f.shown) AS is_live
        FROM twinstream.surfaces AS f JOIN wanted AS w USING (platform, surface)
        WHERE f.member_id IN (keep, gone)
        GROUP BY f.platform, f.surface
    ), before AS (
        -- An account shows what was noted under the member that it belonged to until now.
        SELECT f.platform, f.surface, array_agg(DISTINCT u.number) AS numbers
        FROM twinstream.surfaces AS f
        CROSS JOIN unnest(coalesce(f.unconfirmed, ARRAY[f.shown])) AS u (number)
        WHERE f.member_id IN (keep, gone) AND (f.unconfirmed IS NOT NULL OR f.shown IS NOT NULL)
        GROUP BY f.platform, f.surface
    )
    -- Priority 1 is that of a link, 0 that of what a member has just done.
    INSERT INTO twinstream.surfaces
        (member_id, platform, surface, wanted, wanted_key, priority, taken_until, unconfirmed, shown_at,
        announced, announce)
    SELECT keep, w.platform, w.surface, w.number, 'link', CASE WHEN n.is_live THEN 0 ELSE 1 END,
        h.taken_until, b.numbers, n.shown_at, coalesce(n.announced, 0) AS announced,
        coalesce(n.announce, false) AS announce
    FROM wanted AS w
    LEFT JOIN news AS n ON n.platform = w.platform AND n.surface = w.surface
    LEFT JOIN hands AS h ON h.platform = w.platform
    LEFT JOIN before AS b ON b.platform = w.platform AND b.surface = w.surface
    ORDER BY w.platform, w.surface
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET
        wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
        priority = excluded.priority, attempts = 0, retry_at = NULL, error = NULL, parked = NULL,
        shown = NULL, unconfirmed = excluded.unconfirmed, taken_until = excluded.taken_until,
        shown_at = excluded.shown_at, announced = excluded.announced, announce = excluded.announce;
END $$;

CREATE FUNCTION twinstream.want_ranks(of_platform text, members bigint[], ranks integer[], events twinstream.event[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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
        SELECT max(e.idempotency_key) AS key, min(CASE
            WHEN starts_with(e.idempotency_key, 'import:') THEN 3
            WHEN e.reason = 'reconcile' THEN 2
            ELSE 0
        END) AS priority
        FROM unnest(events) AS e WHERE e.member_id = n.member_id
    ) AS c;
END $$;

CREATE FUNCTION twinstream.want_split(members bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM twinstream.want(
        array_agg(w.member_id), array_agg(w.platform), array_agg(w.surface), array_agg(w.number),
        array_agg('unlink'::text), array_agg(1)
    )
    FROM (
        -- `want` leaves out a platform on which the member has no account any more.
        SELECT s.member_id, s.platform, 'rank' AS surface, s.rank AS number
        FROM twinstream.sync_state AS s WHERE s.member_id = ANY (members)
        UNION ALL
        -- An achievement that the member does not hold any more is no longer wanted.
        SELECT f.member_id, f.platform, f.surface, (h.member_id IS NOT NULL)::integer
        FROM twinstream.surfaces AS f
        LEFT JOIN twinstream.achievements AS h ON h.member_id = f.member_id
            AND h.platform = f.platform AND 'achievement:' || h.achievement = f.surface
        WHERE f.member_id = ANY (members) AND f.surface <> 'rank'
    ) AS w;
END $$;

CREATE FUNCTION twinstream.was_forgotten_since(of_platform text, account_ids bigint[], moment timestamp with time zone, forget_secret text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION twinstream.without_link(link text, has twinstream.share[]) RETURNS twinstream.share[]
    LANGUAGE sql
    AS $$
    SELECT array_agg(ROW (
        h.platform, h.account_id, h.member_id, h.xp - coalesce(e.xp, 0), h.balance - coalesce(e.balance, 0)
    )::twinstream.share)
    FROM unnest(has) AS h
    LEFT JOIN (
        -- A link has one account of a platform.
        SELECT t.source, sum(t.delta_xp)::bigint AS xp, sum(t.delta_balance)::bigint AS balance
        FROM twinstream.transactions AS t
        WHERE t.platform = t.source AND t.idempotency_key = ANY (ARRAY (
            SELECT twinstream.link_key(link, s.step, p.platform, f.name)
            FROM unnest(ARRAY['policy', 'unlink']) AS s (step),
                unnest(ARRAY['telegram', 'discord']) AS p (platform),
                unnest(ARRAY['xp', 'balance']) AS f (name)
        ))
        GROUP BY t.source
    ) AS e ON e.source = h.platform
$$;

CREATE TABLE twinstream.accounts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    member_id bigint NOT NULL,
    display_name text,
    linked_at timestamp with time zone DEFAULT now() NOT NULL,
    is_hidden boolean DEFAULT false NOT NULL,
    left_out text,
    is_excluded boolean DEFAULT false NOT NULL,
    CONSTRAINT account_left_out_known CHECK ((left_out = ANY (ARRAY['gone'::text, 'bot'::text]))),
    CONSTRAINT account_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

COMMENT ON COLUMN twinstream.accounts.is_hidden IS 'boards leave the member out: the member wants it so, or was forgotten';

COMMENT ON COLUMN twinstream.accounts.left_out IS 'why boards leave the account out: its platform said that it is gone, or it is a bot; null if they do not';

COMMENT ON COLUMN twinstream.accounts.is_excluded IS 'twinstream.toml names the account among those whose owners no board lists';

CREATE VIEW twinstream.account_achievements AS
 SELECT a.platform,
    a.account_id,
    h.platform AS held_on,
    h.achievement,
    h.unlocked_at
   FROM (twinstream.accounts a
     JOIN twinstream.achievements h ON ((h.member_id = a.member_id)));

CREATE TABLE twinstream.sync_state (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    rank integer DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    discord_xp bigint DEFAULT 0 NOT NULL,
    discord_balance bigint DEFAULT 0 NOT NULL,
    CONSTRAINT sync_state_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_state_rank_not_negative CHECK ((rank >= 0))
);

CREATE VIEW twinstream.account_profiles AS
 SELECT a.platform,
    a.account_id,
    GREATEST(COALESCE(s.xp, (0)::bigint), (0)::bigint) AS xp,
    GREATEST(COALESCE(s.balance, (0)::bigint), (0)::bigint) AS balance,
    r.rank,
    r.name AS rank_name,
    r.xp AS rank_xp,
    n.name AS next_rank_name,
    n.xp AS next_rank_xp,
    ( SELECT (count(*) > 1)
           FROM twinstream.accounts b
          WHERE (b.member_id = a.member_id)) AS linked
   FROM (((twinstream.accounts a
     LEFT JOIN twinstream.sync_state s ON (((s.member_id = a.member_id) AND (s.platform = a.platform))))
     LEFT JOIN LATERAL ( SELECT k.rank,
            k.name,
            k.xp
           FROM twinstream.ranks k
          WHERE (k.xp <= GREATEST(COALESCE(s.xp, (0)::bigint), (0)::bigint))
          ORDER BY k.xp DESC
         LIMIT 1) r ON (true))
     LEFT JOIN twinstream.ranks n ON ((n.rank = (COALESCE(r.rank, 0) + 1))))
  WHERE (EXISTS ( SELECT
           FROM twinstream.sync_state b
          WHERE (b.member_id = a.member_id)));

CREATE TABLE twinstream.account_scores (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    reputation bigint DEFAULT 0 NOT NULL,
    streak integer DEFAULT 0 NOT NULL,
    longest_streak integer DEFAULT 0 NOT NULL,
    streak_day date,
    forgiven_month date,
    forgiven_days integer DEFAULT 0 NOT NULL,
    CONSTRAINT account_forgiven_days_not_negative CHECK ((forgiven_days >= 0)),
    CONSTRAINT account_score_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT account_streak_has_day CHECK (((streak = 0) = (streak_day IS NULL))),
    CONSTRAINT account_streak_not_beyond_longest CHECK (((streak >= 0) AND (streak <= longest_streak)))
);

COMMENT ON COLUMN twinstream.account_scores.reputation IS 'thanks received, less thanks taken back';

COMMENT ON COLUMN twinstream.account_scores.streak IS 'days in a row, up to and with `streak_day`';

COMMENT ON COLUMN twinstream.account_scores.streak_day IS 'the last day that counted, in the time zone of the community';

COMMENT ON COLUMN twinstream.account_scores.forgiven_month IS 'the first day of the month in which `forgiven_days` missed days were forgiven';

CREATE VIEW twinstream.accounts_left_out AS
 SELECT platform,
    account_id,
    left_out
   FROM twinstream.accounts a
  WHERE (left_out IS NOT NULL);

CREATE TABLE twinstream.members (
    id bigint NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    on_board boolean DEFAULT true NOT NULL,
    earned_at timestamp with time zone DEFAULT now() NOT NULL,
    balance_at timestamp with time zone DEFAULT now() NOT NULL,
    week date,
    month date,
    week_xp bigint DEFAULT 0 NOT NULL,
    month_xp bigint DEFAULT 0 NOT NULL,
    week_discord_xp bigint DEFAULT 0 NOT NULL,
    month_discord_xp bigint DEFAULT 0 NOT NULL,
    level_due_xp bigint DEFAULT 0,
    CONSTRAINT member_balance_not_negative CHECK ((balance >= 0)),
    CONSTRAINT member_xp_not_negative CHECK ((xp >= 0))
);

COMMENT ON COLUMN twinstream.members.on_board IS 'the answer of is_on_board, kept for its index';

COMMENT ON COLUMN twinstream.members.earned_at IS 'when the member last earned or lost XP: of two with equal amounts, the earlier one was there first';

COMMENT ON COLUMN twinstream.members.balance_at IS 'when the balance last changed: of two with equal amounts, the earlier one was there first';

COMMENT ON COLUMN twinstream.members.week IS 'the Monday of the week that week_xp is of; null before the first';

COMMENT ON COLUMN twinstream.members.month IS 'the first day of the month that month_xp is of';

COMMENT ON COLUMN twinstream.members.week_discord_xp IS 'the part of week_xp that the Discord account earned: an undone link gives it back';

COMMENT ON COLUMN twinstream.members.level_due_xp IS 'the XP at which the next level is news; 0 for a new member, NULL for one from before levels were';

CREATE VIEW twinstream.board_balance AS
 SELECT id AS member_id,
    balance AS score,
    balance_at AS reached_at
   FROM twinstream.members m
  WHERE (on_board AND (balance > 0));

CREATE TABLE twinstream.board_marks (
    board text NOT NULL,
    place bigint NOT NULL,
    period date,
    score bigint NOT NULL,
    reached_at timestamp with time zone NOT NULL,
    member_id bigint NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT board_mark_board_known CHECK ((board = ANY (ARRAY['xp'::text, 'balance'::text, 'week'::text, 'month'::text, 'reputation'::text, 'streak'::text])))
);

CREATE VIEW twinstream.board_members AS
 SELECT id AS member_id,
    xp,
    ( SELECT r.name
           FROM twinstream.ranks r
          WHERE (r.xp <= m.xp)
          ORDER BY r.xp DESC
         LIMIT 1) AS rank_name,
    ( SELECT a.display_name
           FROM twinstream.accounts a
          WHERE ((a.member_id = m.id) AND (a.platform = 'telegram'::text))) AS telegram_name,
    ( SELECT a.display_name
           FROM twinstream.accounts a
          WHERE ((a.member_id = m.id) AND (a.platform = 'discord'::text))) AS discord_name
   FROM twinstream.members m
  WHERE on_board;

CREATE TABLE twinstream.calendar (
    zone text NOT NULL
);

CREATE VIEW twinstream.periods AS
 SELECT ((now() AT TIME ZONE zone))::date AS today,
    (date_trunc('week'::text, (now() AT TIME ZONE zone)))::date AS week,
    (date_trunc('month'::text, (now() AT TIME ZONE zone)))::date AS month
   FROM ( SELECT COALESCE(( SELECT z.zone
                   FROM twinstream.calendar z), 'UTC'::text) AS zone) c;

CREATE VIEW twinstream.board_month AS
 SELECT id AS member_id,
    month_xp AS score,
    earned_at AS reached_at
   FROM twinstream.members m
  WHERE (on_board AND (month_xp > 0) AND (month = ( SELECT p.month
           FROM twinstream.periods p)));

CREATE VIEW twinstream.board_places AS
 SELECT board,
    place,
    score,
    reached_at,
    member_id,
    marked_at
   FROM twinstream.board_marks b
  WHERE (NOT (period IS DISTINCT FROM ( SELECT
                CASE b.board
                    WHEN 'week'::text THEN p.week
                    WHEN 'month'::text THEN p.month
                    WHEN 'streak'::text THEN p.today
                    ELSE NULL::date
                END AS "case"
           FROM twinstream.periods p)));

CREATE TABLE twinstream.member_scores (
    member_id bigint NOT NULL,
    reputation bigint DEFAULT 0 NOT NULL,
    reputation_at timestamp with time zone DEFAULT now() NOT NULL,
    streak bigint DEFAULT 0 NOT NULL,
    streak_day date,
    streak_at timestamp with time zone DEFAULT now() NOT NULL,
    on_board boolean NOT NULL
);

COMMENT ON COLUMN twinstream.member_scores.reputation_at IS 'when it last changed: of two with equal reputation, the earlier one was there first';

COMMENT ON COLUMN twinstream.member_scores.on_board IS 'as in `members`, for the indexes';

CREATE VIEW twinstream.board_reputation AS
 SELECT member_id,
    reputation AS score,
    reputation_at AS reached_at
   FROM twinstream.member_scores s
  WHERE (on_board AND (reputation > 0));

CREATE VIEW twinstream.board_streak AS
 SELECT member_id,
    streak AS score,
    streak_at AS reached_at,
    streak_day
   FROM twinstream.member_scores s
  WHERE (on_board AND (streak > 0) AND ((streak_day >= ( SELECT (p.today - 1)
           FROM twinstream.periods p)) AND (streak_day <= ( SELECT p.today
           FROM twinstream.periods p))));

CREATE VIEW twinstream.board_week AS
 SELECT id AS member_id,
    week_xp AS score,
    earned_at AS reached_at
   FROM twinstream.members m
  WHERE (on_board AND (week_xp > 0) AND (week = ( SELECT p.week
           FROM twinstream.periods p)));

CREATE VIEW twinstream.board_xp AS
 SELECT id AS member_id,
    xp AS score,
    earned_at AS reached_at
   FROM twinstream.members m
  WHERE (on_board AND (xp > 0));

CREATE TABLE twinstream.bot_connections (
    platform text NOT NULL,
    is_connected boolean NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    reported_at timestamp with time zone DEFAULT now() NOT NULL,
    trouble text,
    CONSTRAINT bot_connection_has_no_trouble CHECK (((trouble IS NULL) OR (NOT is_connected))),
    CONSTRAINT bot_connection_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.bot_names (
    platform text NOT NULL,
    name text NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT bot_name_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.cleanup_rounds (
    id bigint NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    events_upto bigint DEFAULT 0,
    events bigint DEFAULT 0 NOT NULL,
    passes bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    CONSTRAINT cleanup_round_finished_has_seen_all CHECK (((finished_at IS NULL) OR (events_upto IS NULL)))
);

ALTER TABLE twinstream.cleanup_rounds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.cleanup_rounds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.contracts (
    release text NOT NULL,
    contracted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT contract_release_is_two_numbers CHECK ((release ~ '^[0-9]+\.[0-9]+$'::text))
);

CREATE TABLE twinstream.daily_claims (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    claimed_at timestamp with time zone NOT NULL,
    day_ends_at timestamp with time zone NOT NULL,
    xp bigint NOT NULL,
    balance bigint NOT NULL,
    CONSTRAINT daily_claim_in_its_day CHECK ((claimed_at < day_ends_at)),
    CONSTRAINT daily_claim_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.drift (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    platform text NOT NULL,
    subject text NOT NULL,
    subject_id bigint NOT NULL,
    field text NOT NULL,
    member_id bigint,
    account_id bigint,
    seen text NOT NULL,
    expected text NOT NULL,
    difference numeric,
    in_flight text DEFAULT ''::text NOT NULL,
    decision text DEFAULT 'found'::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    idempotency_key text,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    held_for text,
    seen_again_by bigint,
    CONSTRAINT drift_decided_has_time CHECK (((decision = 'found'::text) = (decided_at IS NULL))),
    CONSTRAINT drift_decided_says_why CHECK (((decision = 'found'::text) OR (why <> ''::text))),
    CONSTRAINT drift_decision_known CHECK ((decision = ANY (ARRAY['found'::text, 'watched'::text, 'held'::text, 'confirmed'::text, 'repaired'::text, 'gone'::text, 'left'::text, 'stopped'::text]))),
    CONSTRAINT drift_held_for_known CHECK ((held_for = ANY (ARRAY['history'::text, 'number'::text]))),
    CONSTRAINT drift_only_repaired_has_event CHECK (((decision = 'repaired'::text) OR (idempotency_key IS NULL))),
    CONSTRAINT drift_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.drift ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.earning_windows (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    xp bigint DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone,
    closed_at timestamp with time zone,
    last_at timestamp with time zone NOT NULL,
    day date NOT NULL,
    day_xp bigint DEFAULT 0 NOT NULL,
    CONSTRAINT earning_window_day_not_negative CHECK ((day_xp >= 0)),
    CONSTRAINT earning_window_holds_xp CHECK (((xp >= 0) AND ((xp > 0) = (opened_at IS NOT NULL)))),
    CONSTRAINT earning_window_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
)
WITH (fillfactor='80');

COMMENT ON COLUMN twinstream.earning_windows.xp IS 'XP that is in no ledger yet';

COMMENT ON COLUMN twinstream.earning_windows.opened_at IS 'when the window was opened, by the clock of Postgres; null while it is closed';

COMMENT ON COLUMN twinstream.earning_windows.closed_at IS 'when it was last closed: those who ask have it closed seldom';

COMMENT ON COLUMN twinstream.earning_windows.last_at IS 'the moment of the last thing that counted, as its platform says it; never ahead of Postgres';

COMMENT ON COLUMN twinstream.earning_windows.day IS 'the last day on which something counted, in the time zone of the community';

COMMENT ON COLUMN twinstream.earning_windows.day_xp IS 'XP of that day';

CREATE TABLE twinstream.entry_attempts (
    stream text NOT NULL,
    entry_id text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE twinstream.forget_requests (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    undress_until timestamp with time zone,
    forgotten_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    error text,
    CONSTRAINT forget_request_account_positive CHECK ((account_id > 0)),
    CONSTRAINT forget_request_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.forget_secrets (
    fingerprint text NOT NULL,
    first_used_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE twinstream.forgettings (
    transaction_id xid8 NOT NULL
);

CREATE TABLE twinstream.forgotten_accounts (
    mark text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    forgotten_at timestamp with time zone NOT NULL,
    CONSTRAINT forgotten_account_mark_is_hmac CHECK (((mark COLLATE "C") ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON COLUMN twinstream.forgotten_accounts.mark IS 'HMAC-SHA256 of the platform and the account''s id';

ALTER TABLE twinstream.forgotten_accounts ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.forgotten_accounts_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW twinstream.forgotten_marks AS
 SELECT mark,
    forgotten_at
   FROM twinstream.forgotten_accounts f;

CREATE TABLE twinstream.invite_links (
    platform text NOT NULL,
    chat_id bigint NOT NULL,
    account_id bigint NOT NULL,
    link text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    is_revoked boolean DEFAULT false NOT NULL,
    revoke_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    CONSTRAINT invite_link_is_short CHECK ((length(link) <= 200)),
    CONSTRAINT invite_link_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE VIEW twinstream.leaderboard AS
 SELECT id AS member_id,
    xp,
    ( SELECT r.name
           FROM twinstream.ranks r
          WHERE (r.xp <= m.xp)
          ORDER BY r.xp DESC
         LIMIT 1) AS rank_name,
    ( SELECT a.display_name
           FROM twinstream.accounts a
          WHERE ((a.member_id = m.id) AND (a.platform = 'telegram'::text))) AS telegram_name,
    ( SELECT a.display_name
           FROM twinstream.accounts a
          WHERE ((a.member_id = m.id) AND (a.platform = 'discord'::text))) AS discord_name
   FROM twinstream.members m
  WHERE ((xp > 0) AND on_board);

CREATE TABLE twinstream.level_curve (
    is_only boolean DEFAULT true NOT NULL,
    curve text NOT NULL,
    noted_to bigint NOT NULL,
    CONSTRAINT level_curve_is_one CHECK (is_only)
);

COMMENT ON COLUMN twinstream.level_curve.curve IS 'a hash of the XP of every level';

COMMENT ON COLUMN twinstream.level_curve.noted_to IS 'the highest id of a member whose level is noted by this curve; the largest bigint once all are';

ALTER TABLE twinstream.link_acts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.link_acts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.link_attempts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    failures integer NOT NULL,
    window_ends_at timestamp with time zone NOT NULL
);

CREATE TABLE twinstream.link_bans (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    forbidden_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT link_ban_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.link_codes (
    code_hash bytea NOT NULL,
    platform text NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    purpose text DEFAULT 'link'::text NOT NULL,
    CONSTRAINT link_code_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT link_code_purpose_known CHECK ((purpose = ANY (ARRAY['link'::text, 'unlink'::text, 'undo'::text, 'move'::text])))
);

CREATE TABLE twinstream.link_marks (
    mark text NOT NULL COLLATE pg_catalog."C",
    rule text NOT NULL,
    link_id bigint,
    marked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT link_mark_is_hmac CHECK (((mark COLLATE "C") ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT link_mark_rule_known CHECK ((rule = ANY (ARRAY['ban'::text, 'reward'::text])))
);

COMMENT ON COLUMN twinstream.link_marks.mark IS 'as in forgotten_accounts';

ALTER TABLE twinstream.link_offers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.link_offers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.link_rewards (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    link_id bigint NOT NULL,
    paid_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT link_reward_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE twinstream.members ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.members_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.message_authors (
    platform text NOT NULL,
    place_id bigint NOT NULL,
    first_message_id bigint NOT NULL,
    message_ids bigint[] NOT NULL,
    author_ids bigint[] NOT NULL,
    sent_at integer[] NOT NULL,
    CONSTRAINT message_page_is_even CHECK (((cardinality(message_ids) = cardinality(author_ids)) AND (cardinality(message_ids) = cardinality(sent_at)))),
    CONSTRAINT message_page_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
)
WITH (fillfactor='50');

COMMENT ON COLUMN twinstream.message_authors.author_ids IS 'account ids on the platform; 0 for forgotten ones';

CREATE TABLE twinstream.moves (
    id bigint NOT NULL,
    platform text NOT NULL,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT move_is_between_two_accounts CHECK ((from_account_id <> to_account_id)),
    CONSTRAINT move_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.moves ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.moves_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.notices (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    taken_until timestamp with time zone,
    subject text DEFAULT ''::text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    refused_at timestamp with time zone,
    CONSTRAINT notice_kind_known CHECK ((kind = ANY (ARRAY['code_void'::text, 'linked'::text, 'unlinked'::text, 'link_undone'::text, 'moved_here'::text, 'moved_away'::text, 'partner_moved'::text]))),
    CONSTRAINT notice_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE VIEW twinstream.open_earnings AS
 SELECT a.platform,
    a.account_id,
    (sum(w.xp))::bigint AS xp
   FROM ((twinstream.accounts a
     JOIN twinstream.accounts theirs ON ((theirs.member_id = a.member_id)))
     JOIN twinstream.earning_windows w ON (((w.platform = theirs.platform) AND (w.account_id = theirs.account_id))))
  WHERE (w.opened_at IS NOT NULL)
  GROUP BY a.platform, a.account_id;

CREATE TABLE twinstream.parked_places (
    platform text NOT NULL,
    place text NOT NULL,
    cause text NOT NULL,
    error text NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT parked_place_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

COMMENT ON COLUMN twinstream.parked_places.place IS 'the place in the words of the settings, such as "topic 42"';

COMMENT ON COLUMN twinstream.parked_places.cause IS 'what a person has to change, in a few words';

CREATE TABLE twinstream.reactions (
    platform text NOT NULL,
    place_id bigint NOT NULL,
    message_id bigint NOT NULL,
    giver_account_id bigint NOT NULL,
    receiver_account_id bigint NOT NULL,
    day date NOT NULL,
    CONSTRAINT reaction_accounts_positive CHECK (((giver_account_id > 0) AND (receiver_account_id > 0))),
    CONSTRAINT reaction_is_for_another CHECK ((giver_account_id <> receiver_account_id)),
    CONSTRAINT reaction_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.reconcile_runs (
    id bigint NOT NULL,
    cause text NOT NULL,
    member_id bigint,
    everybody boolean DEFAULT false NOT NULL,
    dry_run boolean DEFAULT false NOT NULL,
    accepted boolean DEFAULT false NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    owner text NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    stopped_because text,
    touched_upto bigint DEFAULT 0 NOT NULL,
    pages integer,
    members bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    repairs bigint DEFAULT 0 NOT NULL,
    CONSTRAINT reconcile_run_cause_known CHECK ((cause = ANY (ARRAY['interval'::text, 'asked'::text, 'alarm'::text]))),
    CONSTRAINT reconcile_run_ended_has_time CHECK (((status = 'running'::text) OR (finished_at IS NOT NULL))),
    CONSTRAINT reconcile_run_of_one_or_of_everybody CHECK (((member_id IS NULL) OR (NOT everybody))),
    CONSTRAINT reconcile_run_only_stopped_says_why CHECK (((status = 'stopped'::text) OR (stopped_because IS NULL))),
    CONSTRAINT reconcile_run_running_has_no_end CHECK (((status <> 'running'::text) OR (finished_at IS NULL))),
    CONSTRAINT reconcile_run_status_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text, 'stopped'::text]))),
    CONSTRAINT reconcile_run_stopped_says_why CHECK (((status <> 'stopped'::text) OR (stopped_because IS NOT NULL)))
);

ALTER TABLE twinstream.reconcile_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.reconcile_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.reconcile_touched (
    run_id bigint NOT NULL,
    member_id bigint NOT NULL
);

CREATE TABLE twinstream.reconcile_walks (
    platform text NOT NULL,
    subject text NOT NULL,
    after_id bigint NOT NULL,
    passed bigint NOT NULL,
    passed_last_time bigint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    CONSTRAINT reconcile_walk_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.rewards (
    id bigint NOT NULL,
    platform text NOT NULL,
    administrator_id bigint NOT NULL,
    account_id bigint NOT NULL,
    entity_id text NOT NULL COLLATE pg_catalog."C",
    xp bigint NOT NULL,
    balance bigint NOT NULL,
    achievement text,
    reason text NOT NULL,
    given_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT reward_gives_something CHECK (((xp <> 0) OR (balance <> 0) OR (achievement IS NOT NULL))),
    CONSTRAINT reward_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT reward_reason_is_short CHECK ((length(reason) <= 300))
);

ALTER TABLE twinstream.rewards ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.rewards_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.roles (
    duty text NOT NULL,
    role name NOT NULL,
    CONSTRAINT role_duty_known CHECK ((duty = ANY (ARRAY['owner'::text, 'consumers'::text, 'to_discord'::text, 'to_telegram'::text, 'telegram_bot'::text, 'discord_bot'::text, 'web'::text, 'reader'::text])))
);

CREATE TABLE twinstream.surfaces (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    surface text DEFAULT 'rank'::text NOT NULL,
    wanted integer NOT NULL,
    shown integer,
    wanted_at timestamp with time zone DEFAULT now() NOT NULL,
    wanted_key text,
    priority smallint DEFAULT 0 NOT NULL,
    shown_at timestamp with time zone,
    taken_until timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    parked text,
    error text,
    announced integer DEFAULT 0 NOT NULL,
    announce boolean DEFAULT false NOT NULL,
    unconfirmed integer[],
    forgotten boolean DEFAULT false NOT NULL,
    CONSTRAINT surface_announced_was_reached CHECK (((NOT announce) OR ((announced > 0) AND (shown_at IS NOT NULL)))),
    CONSTRAINT surface_forgotten_is_not_shown CHECK (((NOT forgotten) OR (shown IS NULL))),
    CONSTRAINT surface_name_known CHECK (((surface = ANY (ARRAY['rank'::text, 'linked'::text, 'level'::text])) OR starts_with(surface, 'achievement:'::text))),
    CONSTRAINT surface_never_retried_is_parked CHECK (((retry_at IS NULL) OR (retry_at < 'infinity'::timestamp with time zone) OR (parked IS NOT NULL))),
    CONSTRAINT surface_numbers_not_negative CHECK (((wanted >= 0) AND ((shown IS NULL) OR (shown >= 0)) AND (announced >= 0))),
    CONSTRAINT surface_parked_says_why CHECK (((parked IS NULL) OR ((retry_at IS NOT NULL) AND (error IS NOT NULL)))),
    CONSTRAINT surface_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT surface_priority_known CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT surface_shown_has_time CHECK (((shown IS NULL) OR (shown_at IS NOT NULL))),
    CONSTRAINT surface_shown_or_unconfirmed CHECK (((shown IS NULL) OR (unconfirmed IS NULL))),
    CONSTRAINT surface_unconfirmed_has_numbers CHECK ((unconfirmed <> '{}'::integer[]))
);

CREATE VIEW twinstream.shown_surfaces AS
 SELECT a.platform,
    a.account_id,
    f.surface,
    f.wanted,
    f.shown,
    f.shown_at,
    f.parked
   FROM (twinstream.accounts a
     JOIN twinstream.surfaces f ON (((f.member_id = a.member_id) AND (f.platform = a.platform))));

CREATE TABLE twinstream.snapshots (
    run_id bigint NOT NULL,
    platform text NOT NULL,
    subject text NOT NULL,
    page integer NOT NULL,
    part text NOT NULL,
    after_id bigint NOT NULL,
    upto_id bigint NOT NULL,
    looked_at integer NOT NULL,
    rows integer NOT NULL,
    is_last boolean NOT NULL,
    checksum text NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    compared_at timestamp with time zone,
    refused text,
    CONSTRAINT snapshot_part_known CHECK ((part = ANY (ARRAY['touched'::text, 'watched'::text, 'slice'::text, 'left out'::text]))),
    CONSTRAINT snapshot_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT snapshot_rows_not_negative CHECK (((rows >= 0) AND (looked_at >= 0)))
);

CREATE TABLE twinstream.stop_signs (
    release text NOT NULL,
    reason text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stop_sign_release_is_two_numbers CHECK ((release ~ '^[0-9]+\.[0-9]+$'::text)),
    CONSTRAINT stop_sign_says_why CHECK ((reason <> ''::text))
);

CREATE TABLE twinstream.store_agreements (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    store text NOT NULL,
    xp boolean NOT NULL,
    balance boolean NOT NULL,
    agreed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT store_agreement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.store_debts (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    error text,
    CONSTRAINT store_debt_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.support_uses (
    id bigint NOT NULL,
    platform text NOT NULL,
    administrator_id bigint NOT NULL,
    operation text NOT NULL,
    account_id bigint NOT NULL,
    used_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT support_use_operation_known CHECK ((operation = ANY (ARRAY['unlink'::text, 'undo'::text, 'move'::text, 'forgive'::text, 'link'::text, 'forbid'::text, 'allow'::text]))),
    CONSTRAINT support_use_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.support_uses ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.support_uses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.sync_events (
    id bigint NOT NULL,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    type text NOT NULL,
    payload text,
    status text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    processed_by text,
    processed_at timestamp with time zone,
    error_message text,
    stream_losses integer DEFAULT 0 NOT NULL,
    account_id bigint,
    left_to_relay boolean DEFAULT false NOT NULL,
    CONSTRAINT sync_event_completed_has_no_error CHECK (((status <> 'completed'::text) OR (error_message IS NULL))),
    CONSTRAINT sync_event_completed_is_processed CHECK (((status <> 'completed'::text) OR ((processed_by IS NOT NULL) AND (processed_at IS NOT NULL)))),
    CONSTRAINT sync_event_failed_says_why CHECK (((status <> 'failed'::text) OR (error_message IS NOT NULL))),
    CONSTRAINT sync_event_has_account CHECK (((status = 'failed'::text) OR (account_id IS NOT NULL))),
    CONSTRAINT sync_event_only_completed_is_processed CHECK (((status = 'completed'::text) OR ((processed_by IS NULL) AND (processed_at IS NULL)))),
    CONSTRAINT sync_event_pending_is_unpublished CHECK (((status <> 'pending'::text) OR (published_at IS NULL))),
    CONSTRAINT sync_event_processed_by_opposite CHECK ((processed_by <> source)),
    CONSTRAINT sync_event_published_has_time CHECK (((status <> ALL (ARRAY['published'::text, 'completed'::text])) OR (published_at IS NOT NULL))),
    CONSTRAINT sync_event_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_event_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'published'::text, 'completed'::text, 'failed'::text]))),
    CONSTRAINT sync_event_unfinished_has_payload CHECK (((status = 'completed'::text) OR (payload IS NOT NULL)))
)
WITH (autovacuum_vacuum_scale_factor='0.02');

COMMENT ON COLUMN twinstream.sync_events.left_to_relay IS 'no producer publishes this event: the relay does, without the wait that it grants a producer';

ALTER TABLE twinstream.sync_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.sync_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.thanks (
    platform text NOT NULL,
    giver_account_id bigint NOT NULL,
    receiver_account_id bigint NOT NULL,
    day date NOT NULL,
    entity_id text NOT NULL COLLATE pg_catalog."C",
    xp bigint DEFAULT 0 NOT NULL,
    given_at timestamp with time zone NOT NULL,
    CONSTRAINT thank_accounts_positive CHECK (((giver_account_id > 0) AND (receiver_account_id > 0))),
    CONSTRAINT thank_is_for_another CHECK ((giver_account_id <> receiver_account_id)),
    CONSTRAINT thank_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT thank_xp_not_negative CHECK ((xp >= 0))
);

COMMENT ON COLUMN twinstream.thanks.day IS 'the day of `given_at` in the time zone of the community';

COMMENT ON COLUMN twinstream.thanks.entity_id IS 'the message or interaction that said thanks';

COMMENT ON COLUMN twinstream.thanks.xp IS 'the XP that the receiver got for it';

CREATE TABLE twinstream.transactions (
    id bigint NOT NULL,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    platform text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    account_id bigint NOT NULL,
    delta_xp bigint DEFAULT 0 NOT NULL,
    delta_balance bigint DEFAULT 0 NOT NULL,
    achievement text,
    reason text NOT NULL,
    entity_id text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT transaction_has_one_effect CHECK ((((((delta_xp <> 0))::integer + ((delta_balance <> 0))::integer) + ((achievement IS NOT NULL))::integer) = 1)),
    CONSTRAINT transaction_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT transaction_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.transactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.transactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.transient_messages (
    chat_id bigint NOT NULL,
    message_id bigint NOT NULL,
    is_command boolean NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    delete_at timestamp with time zone NOT NULL,
    CONSTRAINT transient_message_is_in_group CHECK ((chat_id < 0))
);

COMMENT ON COLUMN twinstream.transient_messages.chat_id IS 'the Telegram group; accounts have positive ids';

ALTER TABLE twinstream.accounts
    ADD CONSTRAINT account_id_positive CHECK (((account_id > 0) OR ((account_id < 0) AND (display_name IS NULL) AND is_hidden))) NOT VALID;

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT account_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT account_one_per_platform UNIQUE (member_id, platform);

ALTER TABLE ONLY twinstream.account_scores
    ADD CONSTRAINT account_score_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.achievements
    ADD CONSTRAINT achievement_once PRIMARY KEY (member_id, platform, achievement);

ALTER TABLE ONLY twinstream.board_marks
    ADD CONSTRAINT board_mark_once PRIMARY KEY (board, place);

ALTER TABLE ONLY twinstream.bot_connections
    ADD CONSTRAINT bot_connection_once PRIMARY KEY (platform);

ALTER TABLE ONLY twinstream.bot_names
    ADD CONSTRAINT bot_name_once PRIMARY KEY (platform);

ALTER TABLE ONLY twinstream.cleanup_rounds
    ADD CONSTRAINT cleanup_rounds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.contracts
    ADD CONSTRAINT contracts_pkey PRIMARY KEY (release);

ALTER TABLE ONLY twinstream.daily_claims
    ADD CONSTRAINT daily_claim_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_once UNIQUE (run_id, platform, subject, subject_id, field);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.earning_windows
    ADD CONSTRAINT earning_window_once PRIMARY KEY (platform, account_id, reason);

ALTER TABLE ONLY twinstream.entry_attempts
    ADD CONSTRAINT entry_attempts_once PRIMARY KEY (stream, entry_id);

ALTER TABLE ONLY twinstream.forget_requests
    ADD CONSTRAINT forget_request_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.forget_secrets
    ADD CONSTRAINT forget_secret_once PRIMARY KEY (fingerprint);

ALTER TABLE ONLY twinstream.forgettings
    ADD CONSTRAINT forgetting_once PRIMARY KEY (transaction_id);

ALTER TABLE ONLY twinstream.forgotten_accounts
    ADD CONSTRAINT forgotten_account_numbered UNIQUE (number);

ALTER TABLE ONLY twinstream.forgotten_accounts
    ADD CONSTRAINT forgotten_account_once PRIMARY KEY (mark);

ALTER TABLE ONLY twinstream.invite_links
    ADD CONSTRAINT invite_link_once PRIMARY KEY (platform, link);

ALTER TABLE ONLY twinstream.invites
    ADD CONSTRAINT invite_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.level_curve
    ADD CONSTRAINT level_curve_once PRIMARY KEY (is_only);

ALTER TABLE ONLY twinstream.link_acts
    ADD CONSTRAINT link_acts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.link_attempts
    ADD CONSTRAINT link_attempts_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.link_bans
    ADD CONSTRAINT link_ban_once PRIMARY KEY (platform, account_id);

ALTER TABLE twinstream.link_codes
    ADD CONSTRAINT link_code_account_positive CHECK ((account_id > 0)) NOT VALID;

ALTER TABLE ONLY twinstream.link_codes
    ADD CONSTRAINT link_code_once PRIMARY KEY (code_hash);

ALTER TABLE ONLY twinstream.link_codes
    ADD CONSTRAINT link_code_one_per_account UNIQUE (platform, account_id);

ALTER TABLE ONLY twinstream.link_marks
    ADD CONSTRAINT link_mark_once PRIMARY KEY (mark, rule);

ALTER TABLE ONLY twinstream.link_offers
    ADD CONSTRAINT link_offer_code_once UNIQUE (code_hash);

ALTER TABLE ONLY twinstream.link_offers
    ADD CONSTRAINT link_offer_token_once UNIQUE (token_hash);

ALTER TABLE ONLY twinstream.link_offers
    ADD CONSTRAINT link_offers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.link_rewards
    ADD CONSTRAINT link_reward_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.member_scores
    ADD CONSTRAINT member_score_once PRIMARY KEY (member_id);

ALTER TABLE ONLY twinstream.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.message_authors
    ADD CONSTRAINT message_page_once PRIMARY KEY (platform, place_id, first_message_id);

ALTER TABLE ONLY twinstream.moves
    ADD CONSTRAINT moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.notices
    ADD CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind, subject);

ALTER TABLE ONLY twinstream.parked_places
    ADD CONSTRAINT parked_place_once PRIMARY KEY (platform, place);

ALTER TABLE ONLY twinstream.ranks
    ADD CONSTRAINT rank_once PRIMARY KEY (rank);

ALTER TABLE ONLY twinstream.ranks
    ADD CONSTRAINT rank_threshold_once UNIQUE (xp);

ALTER TABLE ONLY twinstream.reactions
    ADD CONSTRAINT reaction_once PRIMARY KEY (platform, place_id, message_id, giver_account_id);

ALTER TABLE ONLY twinstream.reconcile_runs
    ADD CONSTRAINT reconcile_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.reconcile_touched
    ADD CONSTRAINT reconcile_touched_once PRIMARY KEY (run_id, member_id);

ALTER TABLE ONLY twinstream.reconcile_walks
    ADD CONSTRAINT reconcile_walk_once PRIMARY KEY (platform, subject);

ALTER TABLE ONLY twinstream.rewards
    ADD CONSTRAINT reward_once UNIQUE (platform, entity_id);

ALTER TABLE ONLY twinstream.rewards
    ADD CONSTRAINT rewards_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (duty);

ALTER TABLE ONLY twinstream.snapshots
    ADD CONSTRAINT snapshot_once PRIMARY KEY (run_id, platform, subject, page);

ALTER TABLE ONLY twinstream.stop_signs
    ADD CONSTRAINT stop_signs_pkey PRIMARY KEY (release);

ALTER TABLE ONLY twinstream.store_agreements
    ADD CONSTRAINT store_agreement_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.store_debts
    ADD CONSTRAINT store_debt_once PRIMARY KEY (member_id, platform);

ALTER TABLE twinstream.support_uses
    ADD CONSTRAINT support_use_administrator_positive CHECK ((administrator_id <> 0)) NOT VALID;

ALTER TABLE ONLY twinstream.support_uses
    ADD CONSTRAINT support_uses_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.surfaces
    ADD CONSTRAINT surface_once PRIMARY KEY (member_id, platform, surface);

ALTER TABLE ONLY twinstream.sync_events
    ADD CONSTRAINT sync_event_once UNIQUE (idempotency_key);

ALTER TABLE ONLY twinstream.sync_events
    ADD CONSTRAINT sync_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.sync_state
    ADD CONSTRAINT sync_state_once PRIMARY KEY (member_id, platform);

ALTER TABLE ONLY twinstream.thanks
    ADD CONSTRAINT thank_once_a_day PRIMARY KEY (platform, giver_account_id, receiver_account_id, day);

ALTER TABLE ONLY twinstream.transactions
    ADD CONSTRAINT transaction_once UNIQUE (idempotency_key, platform);

ALTER TABLE ONLY twinstream.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.transient_messages
    ADD CONSTRAINT transient_message_once PRIMARY KEY (chat_id, message_id);

CREATE UNIQUE INDEX calendar_is_one_row ON twinstream.calendar USING btree ((true));

CREATE UNIQUE INDEX cleanup_round_one_at_a_time ON twinstream.cleanup_rounds USING btree ((true)) WHERE (finished_at IS NULL);

CREATE INDEX drift_by_member ON twinstream.drift USING btree (member_id, id);

CREATE INDEX drift_by_time ON twinstream.drift USING btree (found_at);

CREATE INDEX drift_open ON twinstream.drift USING btree (platform, subject, subject_id) WHERE (decision = ANY (ARRAY['watched'::text, 'held'::text]));

CREATE INDEX drift_undecided ON twinstream.drift USING btree (run_id, id) WHERE (decision = 'found'::text);

CREATE INDEX earning_windows_open ON twinstream.earning_windows USING btree (platform, opened_at) WHERE (opened_at IS NOT NULL);

CREATE UNIQUE INDEX forget_secret_only_one ON twinstream.forget_secrets USING btree ((true));

CREATE INDEX forgotten_accounts_by_time ON twinstream.forgotten_accounts USING btree (forgotten_at);

CREATE UNIQUE INDEX invite_link_of_member ON twinstream.invite_links USING btree (platform, account_id, chat_id) WHERE (NOT is_revoked);

CREATE INDEX invite_links_by_account ON twinstream.invite_links USING btree (platform, account_id);

CREATE INDEX invite_links_to_revoke ON twinstream.invite_links USING btree (platform, revoke_at) WHERE is_revoked;

CREATE INDEX invites_by_inviter ON twinstream.invites USING btree (inviter_id);

CREATE INDEX invites_paid ON twinstream.invites USING btree (inviter_id, changed_at) WHERE (status = 'paid'::text);

CREATE INDEX invites_planned ON twinstream.invites USING btree (inviter_id, look_at) WHERE ((status = 'waiting'::text) AND is_earned);

CREATE INDEX invites_waiting ON twinstream.invites USING btree (platform, look_at) WHERE (status = 'waiting'::text);

CREATE INDEX link_acts_by_discord_account ON twinstream.link_acts USING btree (discord_account_id, id);

CREATE INDEX link_acts_by_from_account ON twinstream.link_acts USING btree (from_account_id, id);

CREATE INDEX link_acts_by_telegram_account ON twinstream.link_acts USING btree (telegram_account_id, id);

CREATE INDEX link_acts_by_time ON twinstream.link_acts USING btree (acted_at);

CREATE UNIQUE INDEX link_offer_one_under_way ON twinstream.link_offers USING btree (platform, account_id) WHERE (status = ANY (ARRAY['waiting'::text, 'opened'::text]));

CREATE INDEX link_offers_by_opener ON twinstream.link_offers USING btree (opener_id) WHERE (opener_id IS NOT NULL);

CREATE INDEX link_offers_by_starter ON twinstream.link_offers USING btree (platform, account_id, id);

CREATE INDEX link_offers_by_time ON twinstream.link_offers USING btree (created_at);

CREATE INDEX link_offers_with_news ON twinstream.link_offers USING btree (news_for) WHERE (news_for IS NOT NULL);

CREATE UNIQUE INDEX link_settings_are_one_row ON twinstream.link_settings USING btree ((true));

CREATE INDEX links_by_discord_account ON twinstream.links USING btree (discord_account_id, id);

CREATE INDEX links_by_telegram_account ON twinstream.links USING btree (telegram_account_id, id);

CREATE INDEX member_scores_by_reputation ON twinstream.member_scores USING btree (reputation DESC, reputation_at, member_id) WHERE (on_board AND (reputation > 0));

CREATE INDEX member_scores_by_streak ON twinstream.member_scores USING btree (streak_day, streak DESC, streak_at, member_id) WHERE (on_board AND (streak > 0));

CREATE INDEX members_by_balance ON twinstream.members USING btree (balance DESC, balance_at, id) WHERE (on_board AND (balance > 0));

CREATE INDEX members_by_month ON twinstream.members USING btree (month, month_xp DESC, earned_at, id) WHERE (on_board AND (month_xp > 0));

CREATE INDEX members_by_week ON twinstream.members USING btree (week, week_xp DESC, earned_at, id) WHERE (on_board AND (week_xp > 0));

CREATE INDEX members_on_board ON twinstream.members USING btree (xp DESC, earned_at, id) WHERE (on_board AND (xp > 0));

CREATE INDEX members_with_level_news ON twinstream.members USING btree (id) WHERE (xp >= level_due_xp);

CREATE INDEX moves_by_from_account ON twinstream.moves USING btree (from_account_id);

CREATE INDEX moves_by_to_account ON twinstream.moves USING btree (to_account_id);

CREATE INDEX reactions_by_day ON twinstream.reactions USING btree (day);

CREATE INDEX reactions_by_giver ON twinstream.reactions USING btree (platform, giver_account_id, day);

CREATE INDEX reactions_by_receiver ON twinstream.reactions USING btree (platform, receiver_account_id);

CREATE UNIQUE INDEX reconcile_run_one_at_a_time ON twinstream.reconcile_runs USING btree ((true)) WHERE (status = 'running'::text);

CREATE INDEX reconcile_runs_by_end ON twinstream.reconcile_runs USING btree (finished_at) WHERE (status <> 'running'::text);

CREATE INDEX rewards_by_account ON twinstream.rewards USING btree (account_id, id);

CREATE INDEX rewards_by_administrator ON twinstream.rewards USING btree (administrator_id, given_at);

CREATE INDEX snapshots_to_compare ON twinstream.snapshots USING btree (run_id) WHERE ((compared_at IS NULL) OR (refused IS NOT NULL));

CREATE INDEX support_uses_by_time ON twinstream.support_uses USING btree (platform, used_at);

CREATE INDEX surfaces_due ON twinstream.surfaces USING btree (platform, priority, GREATEST(wanted_at, retry_at, taken_until)) WHERE (wanted IS DISTINCT FROM shown);

CREATE INDEX surfaces_parked ON twinstream.surfaces USING btree (platform, parked) WHERE (parked IS NOT NULL);

CREATE INDEX surfaces_taken ON twinstream.surfaces USING btree (platform, taken_until) WHERE (taken_until IS NOT NULL);

CREATE INDEX surfaces_to_announce ON twinstream.surfaces USING btree (platform, shown_at) WHERE announce;

CREATE INDEX surfaces_to_announce_by_kind ON twinstream.surfaces USING btree (platform, split_part(surface, ':'::text, 1), shown_at) WHERE announce;

CREATE INDEX sync_events_by_account ON twinstream.sync_events USING btree (account_id);

CREATE INDEX sync_events_failed ON twinstream.sync_events USING btree (id) WHERE (status = 'failed'::text);

CREATE INDEX sync_events_published ON twinstream.sync_events USING btree (published_at) WHERE (status = 'published'::text);

CREATE INDEX sync_events_to_publish ON twinstream.sync_events USING btree (source, id) WHERE (status = 'pending'::text);

CREATE INDEX thanks_by_day ON twinstream.thanks USING btree (day);

CREATE INDEX thanks_by_receiver ON twinstream.thanks USING btree (platform, receiver_account_id, day);

CREATE INDEX transactions_by_account ON twinstream.transactions USING btree (account_id, id);

CREATE INDEX transactions_with_achievement ON twinstream.transactions USING btree (account_id, achievement) WHERE (achievement IS NOT NULL);

CREATE INDEX transient_messages_due ON twinstream.transient_messages USING btree (delete_at);

CREATE TRIGGER board_follows_accounts AFTER UPDATE OF member_id, left_out, is_hidden, is_excluded ON twinstream.accounts FOR EACH ROW WHEN (((old.member_id <> new.member_id) OR (old.left_out IS DISTINCT FROM new.left_out) OR (old.is_hidden <> new.is_hidden) OR (old.is_excluded <> new.is_excluded))) EXECUTE FUNCTION twinstream.judge_board_of_account();

CREATE TRIGGER hiding_follows_moves AFTER INSERT ON twinstream.moves FOR EACH ROW EXECUTE FUNCTION twinstream.hide_moved_account();

CREATE TRIGGER invites_follow_moves AFTER INSERT ON twinstream.moves FOR EACH ROW EXECUTE FUNCTION twinstream.carry_invites();

CREATE TRIGGER ledger_amounts_stay BEFORE UPDATE OF id, platform, source, type, delta_xp, delta_balance, achievement, occurred_at, created_at ON twinstream.transactions FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();

CREATE TRIGGER ledger_is_only_added_to BEFORE DELETE OR UPDATE OR TRUNCATE ON twinstream.transactions FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();

CREATE TRIGGER member_scores_follow_accounts AFTER UPDATE OF member_id ON twinstream.accounts FOR EACH ROW WHEN ((old.member_id <> new.member_id)) EXECUTE FUNCTION twinstream.give_scores();

CREATE TRIGGER member_scores_follow_boards AFTER UPDATE OF on_board ON twinstream.members FOR EACH ROW WHEN ((old.on_board <> new.on_board)) EXECUTE FUNCTION twinstream.list_scores();

CREATE TRIGGER member_scores_follow_changed AFTER UPDATE ON twinstream.account_scores REFERENCING OLD TABLE AS gone NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();

CREATE TRIGGER member_scores_follow_gone AFTER DELETE ON twinstream.account_scores REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();

CREATE TRIGGER member_scores_follow_new AFTER INSERT ON twinstream.account_scores REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();

CREATE TRIGGER offers_go_with_their_account AFTER DELETE OR UPDATE OF account_id ON twinstream.accounts FOR EACH ROW EXECUTE FUNCTION twinstream.forget_offers();

CREATE TRIGGER reactions_follow_moves AFTER INSERT ON twinstream.moves FOR EACH ROW EXECUTE FUNCTION twinstream.carry_reactions();

CREATE TRIGGER reputation_follows_moves AFTER INSERT ON twinstream.moves FOR EACH ROW EXECUTE FUNCTION twinstream.carry_reputation();

CREATE TRIGGER streak_follows_moves AFTER INSERT ON twinstream.moves FOR EACH ROW EXECUTE FUNCTION twinstream.carry_streak();

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT accounts_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.achievements
    ADD CONSTRAINT achievements_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.member_scores
    ADD CONSTRAINT member_scores_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.reconcile_touched
    ADD CONSTRAINT reconcile_touched_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.snapshots
    ADD CONSTRAINT snapshots_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.store_debts
    ADD CONSTRAINT store_debts_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.surfaces
    ADD CONSTRAINT surfaces_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.sync_state
    ADD CONSTRAINT sync_state_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);
