-- migrate:up
-- Functions and views for all that bots ask for and write besides events. A bot's login needs EXECUTE on
-- these functions, SELECT on the views, its rights on its own table, and nothing else. db/roles.sql grants
-- by kind: each SECURITY DEFINER function and each view is for bots, so such a function says first for
-- which platform it acts.
--
-- Within these functions the temporary schema comes last (`pg_temp`): where it is not named it comes
-- first, and a caller could put a type of its own in the place of `text` and act as the owner.

-- The platforms that the login may act for, for functions that are given events of any (`require_caller`).
CREATE FUNCTION platforms_of_caller() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(p.platform) FROM unnest(ARRAY['telegram', 'discord']) AS p (platform)
    WHERE NOT EXISTS (SELECT FROM twinstream.roles) OR EXISTS (
        SELECT FROM twinstream.roles AS r JOIN pg_roles AS g ON g.rolname = r.role
        WHERE r.duty IN ('owner', 'consumers', p.platform || '_bot')
            AND pg_has_role(session_user, g.oid, 'MEMBER')
    )
$$;

-- The outbox (db/ledger/outbox.py).

-- Returns the payloads of those events that are recorded and not known to be on a stream. Events of a
-- platform that the caller may not act for are left out.
CREATE FUNCTION find_pending(keys text[]) RETURNS TABLE (key text, payload text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sources CONSTANT text[] := twinstream.platforms_of_caller();
BEGIN
    RETURN QUERY SELECT e.idempotency_key, e.payload FROM twinstream.sync_events AS e
    WHERE e.idempotency_key = ANY (keys) AND e.status = 'pending' AND e.source = ANY (sources);
END $$;

-- Marks events as published. An event that is completed or buried by now stays so, and an event of a
-- platform that the caller may not act for. With `fresh`, the caller published the events just after it
-- recorded them, and an event that was counted as lost since then stays pending. It waits for no lock: a
-- locked row is being settled or published at this moment, and that transaction writes the row's status.
CREATE FUNCTION mark_published(keys text[], fresh boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Names (db/members/accounts.py).

-- Remembers the name that an account has now, even before its first event.
CREATE FUNCTION remember_name(of_platform text, of_account bigint, known_as text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Returns the name of the account that is linked with this one; null if no name is known.
CREATE FUNCTION name_elsewhere(of_platform text, of_account bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN (
        SELECT theirs.display_name
        FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs USING (member_id)
        WHERE a.platform = of_platform AND a.account_id = of_account
            AND theirs.platform <> of_platform
    );
END $$;

-- Notices (db/members/notices.py).

-- Takes up to `at_most` notices, the oldest first, for `lease_s` seconds.
CREATE FUNCTION take_notices(of_platform text, at_most integer, lease_s double precision)
RETURNS TABLE (account_id bigint, kind text, created_at timestamptz, attempts integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH due AS (
        SELECT account_id, kind FROM twinstream.notices
        WHERE platform = of_platform AND (taken_until IS NULL OR taken_until < now())
        ORDER BY created_at LIMIT at_most
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE twinstream.notices AS n
    SET taken_until = now() + make_interval(secs => lease_s), attempts = n.attempts + 1
    FROM due AS d
    WHERE n.platform = of_platform AND n.account_id = d.account_id AND n.kind = d.kind
    RETURNING n.account_id, n.kind, n.created_at, n.attempts;
END $$;

-- Deletes a notice that was sent or cannot be sent. A later notice of its kind stays.
CREATE FUNCTION end_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.created_at = created;
END $$;

-- Lets `take_notices` return a notice again, `delay_s` seconds from now at the earliest.
CREATE FUNCTION put_off_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz, delay_s double precision
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.notices AS n SET taken_until = now() + make_interval(secs => delay_s)
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.created_at = created;
END $$;

-- Deletes notices that could not be sent for `older_than_s` seconds. Returns how many.
CREATE FUNCTION drop_old_notices(of_platform text, older_than_s double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.created_at < now() - make_interval(secs => older_than_s);
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

-- Announcements (db/surfaces/announcements.py).

-- Takes up to `at_most` announcements, the oldest first. No later call returns them again.
CREATE FUNCTION take_announcements(of_platform text, at_most integer) RETURNS TABLE (
    member_id bigint, account_id bigint, display_name text, surface text, announced integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Lets `take_announcements` return announcements again, because they were not sent.
CREATE FUNCTION give_announcements_back(of_platform text, members bigint[], surfaces text[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.surfaces AS f SET announce = true
    FROM unnest(members, surfaces) AS t (member_id, surface)
    WHERE f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface;
END $$;

-- Drops announcements that come too late to be news. Returns how many.
CREATE FUNCTION drop_old_announcements(of_platform text, older_than_s double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Observations on a platform (db/surfaces/observed.py).

-- Forgets what was shown of an account, so that a worker visits it, whatever hindered the last visit. With
-- `only_absent` it forgets what was parked because the platform said that the account is not there. A row
-- that waits already keeps its priority if that is more urgent than `with_priority`.
CREATE FUNCTION forget_shown(
    of_platform text, of_account bigint, only_absent boolean, with_priority integer
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
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

-- The last changes of an account's member on its platform, newest first (db/members/history.py).

CREATE FUNCTION history(of_platform text, of_account bigint, at_most integer) RETURNS TABLE (
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

-- Debts of a platform's own table (db/stores/store_debts.py).

-- Locks and returns what members are owed, with their accounts.
CREATE FUNCTION lock_store_debts(of_platform text, members bigint[]) RETURNS TABLE (
    member_id bigint, account_id bigint, xp bigint, balance bigint, is_set_aside boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Adds amounts to what members are owed.
CREATE FUNCTION owe_to_store(of_platform text, members bigint[], xps bigint[], balances bigint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.store_debts AS d (member_id, platform, xp, balance)
    SELECT o.member_id, of_platform, o.xp, o.balance
    FROM unnest(members, xps, balances) AS o (member_id, xp, balance)
    ORDER BY o.member_id
    ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
        xp = d.xp + excluded.xp, balance = d.balance + excluded.balance, updated_at = now();
END $$;

-- Forgets what members were owed, because they have just been paid.
CREATE FUNCTION forgive_store_debts(of_platform text, members bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.store_debts AS d
    WHERE d.platform = of_platform AND d.member_id = ANY (members);
END $$;

-- Returns up to `at_most` accounts of members of whom one of the newest `looked_at` events is completed.
CREATE FUNCTION accounts_changed_lately(
    of_platform text, looked_at integer, besides bigint[], at_most integer
) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Views, which every role may read.

-- An account as its platform shows it: amounts are clamped at zero. Without events on any platform it has
-- no row. Ranks are read from their table, because a view's functions run with the reader's rights.
CREATE VIEW account_profiles AS
SELECT a.platform, a.account_id, greatest(coalesce(s.xp, 0), 0) AS xp,
    greatest(coalesce(s.balance, 0), 0) AS balance, r.rank, r.name AS rank_name, r.xp AS rank_xp,
    n.name AS next_rank_name, n.xp AS next_rank_xp,
    (SELECT count(*) > 1 FROM accounts AS b WHERE b.member_id = a.member_id) AS linked
FROM accounts AS a
LEFT JOIN sync_state AS s ON s.member_id = a.member_id AND s.platform = a.platform
LEFT JOIN LATERAL (
    SELECT k.* FROM ranks AS k WHERE k.xp <= greatest(coalesce(s.xp, 0), 0)
    ORDER BY k.xp DESC LIMIT 1
) AS r ON true
LEFT JOIN ranks AS n ON n.rank = coalesce(r.rank, 0) + 1
WHERE EXISTS (SELECT FROM sync_state AS b WHERE b.member_id = a.member_id);

-- The achievements of an account's member, by the platform whose books hold them.
CREATE VIEW account_achievements AS
SELECT a.platform, a.account_id, h.platform AS held_on, h.achievement, h.unlocked_at
FROM accounts AS a JOIN achievements AS h ON h.member_id = a.member_id;

-- Members who have XP, with the names of their accounts.
CREATE VIEW leaderboard AS
SELECT m.id AS member_id, m.xp,
    (SELECT r.name FROM ranks AS r WHERE r.xp <= m.xp ORDER BY r.xp DESC LIMIT 1) AS rank_name,
    (SELECT a.display_name FROM accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'telegram') AS telegram_name,
    (SELECT a.display_name FROM accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'discord') AS discord_name
FROM members AS m WHERE m.xp > 0;

-- The surfaces of an account: the number that is wanted, the one that is shown, and why it is parked.
CREATE VIEW shown_surfaces AS
SELECT a.platform, a.account_id, f.surface, f.wanted, f.shown, f.shown_at, f.parked
FROM accounts AS a JOIN surfaces AS f ON f.member_id = a.member_id AND f.platform = a.platform;

-- PUBLIC may call nothing: where there are roles, db/roles.sql grants.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP VIEW shown_surfaces, leaderboard, account_achievements, account_profiles;
DROP FUNCTION accounts_changed_lately(text, integer, bigint[], integer),
    forgive_store_debts(text, bigint[]), owe_to_store(text, bigint[], bigint[], bigint[]),
    lock_store_debts(text, bigint[]), history(text, bigint, integer),
    forget_shown(text, bigint, boolean, integer), drop_old_announcements(text, double precision),
    give_announcements_back(text, bigint[], text[]), take_announcements(text, integer),
    drop_old_notices(text, double precision),
    put_off_notice(text, bigint, text, timestamptz, double precision),
    end_notice(text, bigint, text, timestamptz), take_notices(text, integer, double precision),
    name_elsewhere(text, bigint), remember_name(text, bigint, text), mark_published(text[], boolean),
    find_pending(text[]), platforms_of_caller();
