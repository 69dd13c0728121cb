-- migrate:up
-- XP and coins for coming back each day: once per person and day, on either platform (db/rewards/daily.py).

-- The last claim of each account. One row per account, whatever the number of days.
CREATE TABLE twinstream.daily_claims (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    claimed_at timestamptz NOT NULL,
    -- The end of the day that was claimed, as a moment: the community's time zone may change meanwhile.
    day_ends_at timestamptz NOT NULL,
    -- The amounts that it paid, for the answer to a second claim.
    xp bigint NOT NULL,
    balance bigint NOT NULL,
    CONSTRAINT daily_claim_once PRIMARY KEY (platform, account_id),
    CONSTRAINT daily_claim_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT daily_claim_in_its_day CHECK (claimed_at < day_ends_at)
);

-- Missed days that were forgiven: kept beside the streak that they saved, also for the accounts of a person that
-- did not claim.
ALTER TABLE twinstream.account_scores
    ADD COLUMN forgiven_month date,
    ADD COLUMN forgiven_days integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT account_forgiven_days_not_negative CHECK (forgiven_days >= 0);
COMMENT ON COLUMN twinstream.account_scores.forgiven_month IS
    'the first day of the month in which `forgiven_days` missed days were forgiven';

-- The accounts that have one claim together on a day that began at `since`: those of the account's member, and
-- those whose link with one of them ended that day. Without the latter, a person could claim, unlink, and claim.
CREATE FUNCTION twinstream.accounts_of_day(of_platform text, of_account bigint, since timestamptz)
RETURNS TABLE (platform text, account_id bigint, is_own boolean) LANGUAGE sql STABLE AS $$
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

-- Locks the accounts of a day against claims of each other. Accounts that were parted today are two members, so
-- the lock of a member does not suffice. The caller holds its own member, and all take these in one order.
CREATE FUNCTION twinstream.lock_day(of_platform text, of_account bigint, since timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
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

-- The streak of a member: the common one of the accounts, and of all accounts what was forgiven.
CREATE FUNCTION twinstream.streak_of(of_platform text, of_account bigint)
RETURNS TABLE (streak integer, longest integer, day date, forgiven_month date, forgiven_days integer)
LANGUAGE sql STABLE AS $$
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

-- Days that were missed between the last claim and `today`. Each count alone is wrong when the operator changes
-- the time zone: the least of them never breaks a streak for that. The third is null for a claim before `begins`.
CREATE FUNCTION twinstream.missed_days(
    last_day date, claimed_at timestamptz, day_ended_at timestamptz, today date, begins timestamptz[]
) RETURNS integer LANGUAGE sql STABLE AS $$
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

-- Writes the streak to all accounts of the member, so that each goes on from it after an unlink.
CREATE FUNCTION twinstream.keep_streak(
    of_platform text, of_account bigint, streak integer, day date, forgiven_month date, forgiven_days integer
) RETURNS void LANGUAGE sql AS $$
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

-- Unlocks those of these achievements that the member behind an account does not have yet, and returns them.
CREATE FUNCTION twinstream.unlock_new(
    of_platform text, of_account bigint, names text[], forget_secret text
) RETURNS text[] LANGUAGE plpgsql AS $$
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

-- Records XP and coins that an account earned for one cause, and owes them to the table of its platform's bot,
-- if that is one of `stores`. Returns whether all of it is new. The caller has locked the account.
CREATE FUNCTION twinstream.record_amounts(
    of_platform text, of_account bigint, xp bigint, balance bigint, reason text, entity_id text,
    stores text[], forget_secret text
) RETURNS boolean LANGUAGE plpgsql AS $$
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

-- Claims the day for the person behind an account. `days` are the names of days one after the other, and
-- `begins` the moments at which they begin in the community's time zone: the caller's program knows the zone, and
-- Postgres's clock says which day it is. `rules` are the settings (db/rewards/daily.py).
--
-- Outcomes: claimed; counted: the day was claimed already, and `xp`, `balance` and `counted_by` say what was paid
-- and on which platform; least_xp: the person has less XP than the settings ask for.
-- Errors by constraint: day_is_among_the_days.
CREATE FUNCTION twinstream.claim_daily(
    of_platform text, of_account bigint, known_as text, days date[], begins timestamptz[], rules jsonb,
    stores text[] DEFAULT '{}', forget_secret text DEFAULT NULL
) RETURNS TABLE (
    outcome text, xp bigint, balance bigint, streak integer, longest integer, lost integer, forgiven integer,
    left_to_forgive integer, next_at timestamptz, counted_by text, unlocked text[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Lets the streak and the last claim go with a member to another account. The old account keeps its claim, so
-- the move pays no day twice.
CREATE FUNCTION twinstream.carry_streak() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER streak_follows_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.carry_streak();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER streak_follows_moves ON twinstream.moves;
DROP FUNCTION twinstream.carry_streak();
DROP FUNCTION twinstream.claim_daily(text, bigint, text, date[], timestamptz[], jsonb, text[], text);
DROP FUNCTION twinstream.record_amounts(text, bigint, bigint, bigint, text, text, text[], text);
DROP FUNCTION twinstream.unlock_new(text, bigint, text[], text);
DROP FUNCTION twinstream.keep_streak(text, bigint, integer, date, date, integer);
DROP FUNCTION twinstream.missed_days(date, timestamptz, timestamptz, date, timestamptz[]);
DROP FUNCTION twinstream.streak_of(text, bigint);
DROP FUNCTION twinstream.lock_day(text, bigint, timestamptz);
DROP FUNCTION twinstream.accounts_of_day(text, bigint, timestamptz);
ALTER TABLE twinstream.account_scores DROP COLUMN forgiven_days, DROP COLUMN forgiven_month;
DROP TABLE twinstream.daily_claims;
