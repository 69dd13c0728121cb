-- migrate:up
-- Linking: functions that make two accounts one member's, and two members' again, within the caller's own
-- transaction. A bot in any language needs EXECUTE on them and nothing else. As with `record`, their names,
-- parameters and results are an interface.
--
-- `accounts` says whose an account is now; `links` remembers every link. A ledger entry stays with the
-- account that earned it, so these functions change a bounded number of rows, whatever the ledger holds.
-- Where amounts move from one account to the other, entries of both say so, on both platforms. They bear
-- keys that begin with `link:` and travel on no stream.
--
-- Functions for callers stand at the end: `issue_code`, `void_codes`, `redeem_code`, `unlink`, `undo_link`,
-- `move_account`, and the forms of these for administrators. They are SECURITY DEFINER, and call the others,
-- which only our own processes may. Their search path has the caller's temporary schema last: with an empty
-- one Postgres looks there first, so a type `pg_temp.text` would run its checks with the owner's rights.

-- The work of administrators for members who cannot prove that an account is theirs: each use counts
-- towards the limit of a day, and stays as the record of it. The limit bounds the table.
CREATE TABLE support_uses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform text NOT NULL,
    administrator_id bigint NOT NULL,
    operation text NOT NULL,
    account_id bigint NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT support_use_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT support_use_operation_known CHECK (operation IN ('unlink', 'undo', 'move', 'forgive')),
    CONSTRAINT support_use_administrator_positive CHECK (administrator_id > 0)
);
CREATE INDEX support_uses_by_time ON support_uses (platform, used_at);

-- A code is good for what its member asked for. One that others could read must not do more.
ALTER TABLE link_codes
    ADD COLUMN purpose text NOT NULL DEFAULT 'link',
    ADD CONSTRAINT link_code_purpose_known CHECK (purpose IN ('link', 'unlink', 'undo', 'move'));

-- Amounts that an account has, gets or gives up, and the member that it belongs to while it is locked.
CREATE TYPE share AS (
    platform text,
    account_id bigint,
    member_id bigint,
    xp bigint,
    balance bigint
);

-- The limits of linking. A later migration replaces the function to change one.
CREATE FUNCTION link_limits(
    OUT code_lifetime_s integer, OUT failures_max integer, OUT failures_window_s integer,
    OUT links_max integer, OUT links_period_s integer, OUT undo_s_max integer, OUT support_uses_max integer
) LANGUAGE sql IMMUTABLE AS $$
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

-- The release whose rules these functions follow. They obey its stop sign.
CREATE FUNCTION release_of_links() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '0.2' $$;

-- Returns why the stop sign is set, or null. The answer holds until the transaction ends. Call it first.
-- A transaction that sets the sign locks the table in EXCLUSIVE MODE, so it waits for the callers that
-- saw no sign, and later callers wait for it. The SELECT then sees a sign that was committed while this
-- transaction waited, unless its snapshot is older: so a stricter isolation is refused.
CREATE FUNCTION read_stop_sign() RETURNS text LANGUAGE plpgsql AS $$
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

-- Refuses to go on if the stop sign is set.
CREATE FUNCTION obey_stop_sign() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reason CONSTANT text := twinstream.read_stop_sign();
BEGIN
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION 'the stop sign of release % is set: %', twinstream.release_of_links(), reason
            USING ERRCODE = 'check_violation', CONSTRAINT = 'stop_sign_is_not_set', DETAIL = reason;
    END IF;
END $$;

-- Raises the error for a link, unlink, undo or move that breaks a rule. `detail` is for texts that name it.
CREATE FUNCTION refuse_link(rule text, why text, detail text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', why USING ERRCODE = 'check_violation', CONSTRAINT = rule, DETAIL = detail;
END $$;

-- Ownership: giving accounts to another member, with all that belongs to them. The caller has locked the
-- accounts and their members.

-- Locks accounts and the members behind them against every other use. Returns the members, in the order of
-- the accounts. The accounts come first and in their order, as in every transaction that enters something;
-- FOR UPDATE also waits for the transactions that are entering ledger rows for them.
CREATE FUNCTION lock_owners(platforms text[], account_ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
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

-- Returns the account that an account is linked with now, or null.
CREATE FUNCTION partner_of(of_platform text, of_account bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT theirs.account_id
    FROM twinstream.accounts AS a
    JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id AND theirs.platform <> a.platform
    WHERE a.platform = of_platform AND a.account_id = of_account
$$;

-- Refuses an account that is linked already.
CREATE FUNCTION require_unlinked(of_platform text, of_account bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF twinstream.partner_of(of_platform, of_account) IS NOT NULL THEN
        PERFORM twinstream.refuse_link('account_is_linked', format(
            'the %s account %s is linked already; unlink it first', of_platform, of_account
        ));
    END IF;
END $$;

-- Wants the rank and achievements of `keep`, whose books hold those of `gone` by now. A link moves the
-- accounts, so the row of `keep` says nothing of what either account shows. Both members' numbers become
-- unconfirmed, and the next visit looks. A member in a worker's hands stays there. An absent member is
-- visited once more. No number is announced, because what two accounts add up to is not news.
CREATE FUNCTION want_merged(keep bigint, gone bigint) RETURNS void LANGUAGE plpgsql AS $$
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
    ), hands AS (
        -- A visit under way to either member is one to the merged member now.
        SELECT f.platform, max(f.taken_until) AS taken_until FROM twinstream.surfaces AS f
        WHERE f.member_id IN (keep, gone) GROUP BY f.platform
    ), before AS (
        -- An account shows what was noted under the member that it belonged to until now.
        SELECT f.platform, f.surface, array_agg(DISTINCT u.number) AS numbers
        FROM twinstream.surfaces AS f
        CROSS JOIN unnest(coalesce(f.unconfirmed, ARRAY[f.shown])) AS u (number)
        WHERE f.member_id IN (keep, gone) AND (f.unconfirmed IS NOT NULL OR f.shown IS NOT NULL)
        GROUP BY f.platform, f.surface
    )
    -- Priority 1 is that of a link.
    INSERT INTO twinstream.surfaces
        (member_id, platform, surface, wanted, wanted_key, priority, taken_until, unconfirmed)
    SELECT keep, w.platform, w.surface, w.number, 'link', 1, h.taken_until, b.numbers
    FROM wanted AS w
    LEFT JOIN hands AS h ON h.platform = w.platform
    LEFT JOIN before AS b ON b.platform = w.platform AND b.surface = w.surface
    ORDER BY w.platform, w.surface
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET
        wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
        priority = excluded.priority, attempts = 0, retry_at = NULL, error = NULL, parked = NULL,
        shown = NULL, unconfirmed = excluded.unconfirmed, taken_until = excluded.taken_until;
END $$;

-- Gives all that member `gone` has to member `keep`, and deletes `gone`.
CREATE FUNCTION merge_members(keep bigint, gone bigint) RETURNS void LANGUAGE plpgsql AS $$
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

-- Gives the part of a member's books that the account on one platform earned to a new member. The books of
-- a platform lack the events that are on their way to it, so a part may be negative until they arrive.
CREATE FUNCTION split_books(of_member bigint, of_platform text, fresh bigint) RETURNS void
LANGUAGE plpgsql AS $$
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

-- Leaves each of two members, who were one until now, the achievements that their own accounts have
-- entries for.
CREATE FUNCTION split_achievements(of_member bigint, fresh bigint) RETURNS void LANGUAGE plpgsql AS $$
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

-- Wants the rank and achievements that the books of members say who were one until now. Their rows moved
-- along with the accounts, so what each account shows is known. No number is announced.
CREATE FUNCTION want_split(members bigint[]) RETURNS void LANGUAGE plpgsql AS $$
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

-- Gives a member's account on `of_platform` to a new member, with all that it earned. The new member's
-- settled totals are given; the rest stays. Each member keeps the achievements that an account of theirs
-- has entries for. Returns the new member.
CREATE FUNCTION split_member(of_member bigint, of_platform text, with_xp bigint, with_balance bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
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

-- Amounts: what accounts have earned, and the entries that change it.

-- Returns what an account has earned, as recorded at its origin: its part in the books of its own platform,
-- which hold all that it earned. Refuses if the books of its member differ from the totals, because then
-- nothing can be split by them.
CREATE FUNCTION earned(of_platform text, of_account bigint, of_member bigint) RETURNS twinstream.share
LANGUAGE plpgsql AS $$
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

-- Returns what each of some accounts has earned, in their order.
CREATE FUNCTION earned_by_each(platforms text[], account_ids bigint[], owners bigint[])
RETURNS twinstream.share[] LANGUAGE sql AS $$
    SELECT array_agg(twinstream.earned(w.platform, w.account_id, w.member_id) ORDER BY w.number)
    FROM unnest(platforms, account_ids, owners) WITH ORDINALITY
        AS w (platform, account_id, member_id, number)
$$;

-- The key of an entry of a link. It is without the account, so that an account's id can be replaced when a
-- person is forgotten.
CREATE FUNCTION link_key(link text, step text, of_platform text, effect text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT format('link:%s:%s:%s:%s', link, step, of_platform, effect) $$;

-- The reason that the entries of a step give, as /why shows it.
CREATE FUNCTION link_reason(step text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE step WHEN 'policy' THEN 'link' WHEN 'unlink' THEN 'unlink' WHEN 'undo' THEN 'link_undo'
        ELSE 'account_move' END
$$;

-- Returns the entries that change what accounts have earned by signed amounts. `link` is the number of the
-- link or move, as keys have it; `step` is the cause: policy, unlink, undo, move_from or move_to.
CREATE FUNCTION link_events(link text, step text, changes twinstream.share[]) RETURNS twinstream.event[]
LANGUAGE sql AS $$
    SELECT array_agg(ROW (
        c.member_id, twinstream.link_key(link, step, c.platform, f.name), c.platform,
        f.name || '.changed', c.account_id, f.xp, f.balance, NULL, twinstream.link_reason(step), link,
        now(), NULL
    )::twinstream.event)
    FROM unnest(changes) AS c
    CROSS JOIN LATERAL (
        VALUES ('xp', c.xp, 0::bigint), ('balance', 0::bigint, c.balance)
    ) AS f (name, xp, balance)
    WHERE f.xp <> 0 OR f.balance <> 0
$$;

-- Enters entries of a link in the ledgers of both platforms at once, so no consumer has to settle them.
CREATE FUNCTION enter_link_events(events twinstream.event[]) RETURNS void LANGUAGE plpgsql AS $$
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

-- Changes what accounts have earned by signed amounts, and the totals of their members.
CREATE FUNCTION change_earned(link text, step text, changes twinstream.share[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    events CONSTANT twinstream.event[] := twinstream.link_events(link, step, changes);
BEGIN
    IF events IS NOT NULL THEN
        PERFORM twinstream.add_to_totals(events, true);
        PERFORM twinstream.enter_link_events(events);
    END IF;
END $$;

-- Carries what an account has earned over to another one on its platform. The totals of their members are
-- the caller's business.
CREATE FUNCTION carry_earned(
    move text, carried twinstream.share, left_behind bigint, new_id bigint
) RETURNS void LANGUAGE plpgsql AS $$
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

-- Gives an account entries for those achievements of its member that it has none for.
CREATE FUNCTION unlock(
    link text, step text, of_platform text, of_account bigint, of_member bigint,
    held twinstream.achievements[]
) RETURNS void LANGUAGE plpgsql AS $$
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

-- Returns a member's achievements on either platform.
CREATE FUNCTION achievements_of(of_member bigint) RETURNS twinstream.achievements[] LANGUAGE sql AS $$
    SELECT array_agg(h) FROM twinstream.achievements AS h WHERE h.member_id = of_member
$$;

-- Returns what a policy takes from each of two accounts, whose member is `owner` by now. At a tie the
-- Discord account gives its amount up: its platform's name is the lesser one.
CREATE FUNCTION taken_away(policy text, had twinstream.share[], owner bigint) RETURNS twinstream.share[]
LANGUAGE sql IMMUTABLE AS $$
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

-- Returns what accounts had without the entries of a link's policy and end.
CREATE FUNCTION without_link(link text, has twinstream.share[]) RETURNS twinstream.share[]
LANGUAGE sql AS $$
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

-- Returns what each of two accounts gets if one must bear what the other spent beyond its own. Refuses if
-- both together have less than was spent. No undo is refused for that today: no member's totals are negative,
-- a policy only takes, and the entries of an unlink add up to nothing, so both accounts together have at least
-- what their members have. A policy that gives, or a member who may be in debt, would come here.
CREATE FUNCTION shared_out(link bigint, back twinstream.share[]) RETURNS twinstream.share[]
LANGUAGE plpgsql AS $$
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

-- Returns the change of amounts from `has` to `gets`.
CREATE FUNCTION difference_of(has twinstream.share[], gets twinstream.share[]) RETURNS twinstream.share[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(ROW (
        h.platform, h.account_id, h.member_id, g.xp - h.xp, g.balance - h.balance
    )::twinstream.share)
    FROM unnest(has) AS h JOIN unnest(gets) AS g ON g.platform = h.platform
$$;

-- The rows of bots' own tables when accounts change hands. A row belongs to an account, and holds the books
-- of the account's member less the debt. A link or an unlink changes the member and not the row, so the
-- debt becomes the difference, and the role that pays debts brings the row up to it within seconds.
-- `stores` are the platforms whose bot has such a table.

-- Returns what the rows of these members' accounts hold, and locks their debts.
CREATE FUNCTION held_in_stores(stores text[], member_ids bigint[]) RETURNS twinstream.share[]
LANGUAGE plpgsql AS $$
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

-- Owes these members what their books have and the row of their account does not hold. An account without a
-- row, and a member without an account on the platform, are owed all.
CREATE FUNCTION owe_the_rest(stores text[], held twinstream.share[], member_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
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

-- Linking, unlinking, undoing and moving: what each does to the amounts of two accounts. Our own processes
-- call these; the functions for callers prove the accounts first.

-- Returns the links that an account was ever in.
CREATE FUNCTION links_of(of_platform text, of_account bigint) RETURNS SETOF twinstream.links
LANGUAGE sql STABLE AS $$
    SELECT l.* FROM twinstream.links AS l
    WHERE of_platform = 'telegram' AND l.telegram_account_id = of_account
    UNION ALL
    SELECT l.* FROM twinstream.links AS l
    WHERE of_platform = 'discord' AND l.discord_account_id = of_account
$$;

-- Locks and returns the link that an account is in now. Refuses an account that is not linked.
CREATE FUNCTION current_link(of_platform text, of_account bigint) RETURNS twinstream.links
LANGUAGE plpgsql AS $$
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

-- Refuses a link that ended before its accounts were locked.
CREATE FUNCTION require_one_member(link bigint, owners bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF owners[1] <> owners[2] THEN
        PERFORM twinstream.refuse_link(
            'account_is_not_linked', format('link %s has ended meanwhile', link)
        );
    END IF;
END $$;

-- Refuses an account that was linked too often lately.
CREATE FUNCTION require_room(of_platform text, of_account bigint, at_most integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    period_s CONSTANT integer := (twinstream.link_limits()).links_period_s;
    links integer;
BEGIN
    SELECT count(*) INTO links FROM twinstream.links_of(of_platform, of_account) AS l
    WHERE l.linked_at > now() - make_interval(secs => period_s);
    IF links >= at_most THEN
        PERFORM twinstream.refuse_link('links_per_account_limited', format(
            'the %s account %s was linked %s times within %s days, and %s are allowed; try again later',
            of_platform, of_account, links, period_s / 86400, at_most
        ));
    END IF;
END $$;

-- Makes two accounts one member's. The policy says what the member has: the sum of both accounts, the
-- greater of each amount (max), or what one account has (telegram, discord). Their achievements are united
-- under every policy. Errors by constraint: stop_sign_is_not_set, account_is_linked,
-- links_per_account_limited, link_policy_known, books_agree_with_totals.
CREATE FUNCTION link_accounts(
    telegram_id bigint, discord_id bigint, with_policy text DEFAULT 'sum', stores text[] DEFAULT '{}',
    links_max integer DEFAULT (twinstream.link_limits()).links_max
) RETURNS twinstream.links LANGUAGE plpgsql AS $$
DECLARE
    platforms CONSTANT text[] := ARRAY['telegram', 'discord'];
    ids CONSTANT bigint[] := ARRAY[telegram_id, discord_id];
    owners bigint[];
    had twinstream.share[];
    held twinstream.share[];
    made twinstream.links;
    keep bigint;
BEGIN
    PERFORM twinstream.obey_stop_sign();
    FOR n IN 1..2 LOOP
        PERFORM twinstream.create_members(platforms[n], ARRAY[ids[n]]);
    END LOOP;
    owners := twinstream.lock_owners(platforms, ids);
    FOR n IN 1..2 LOOP
        PERFORM twinstream.require_unlinked(platforms[n], ids[n]);
        PERFORM twinstream.require_room(platforms[n], ids[n], links_max);
    END LOOP;
    IF with_policy <> 'sum' THEN
        had := twinstream.earned_by_each(platforms, ids, owners);
    END IF;
    INSERT INTO twinstream.links AS l (telegram_account_id, discord_account_id, policy)
    VALUES (telegram_id, discord_id, with_policy) RETURNING l.* INTO made;
    held := twinstream.held_in_stores(stores, owners);
    keep := least(owners[1], owners[2]);
    PERFORM twinstream.merge_members(keep, greatest(owners[1], owners[2]));
    PERFORM twinstream.change_earned(
        made.id::text, 'policy', twinstream.taken_away(with_policy, had, keep)
    );
    PERFORM twinstream.owe_the_rest(stores, held, ARRAY[keep]);
    RETURN made;
END $$;

-- Makes the two accounts of a member two members again. XP and balance stay with the Telegram account, and
-- the Discord account starts at zero. Both keep the achievements that they hold. Errors by constraint:
-- stop_sign_is_not_set, account_is_not_linked, books_agree_with_totals.
CREATE FUNCTION unlink_account(of_platform text, of_account bigint, stores text[] DEFAULT '{}')
RETURNS twinstream.links LANGUAGE plpgsql AS $$
DECLARE
    ended twinstream.links;
    owners bigint[];
    member bigint;
    held twinstream.share[];
    given twinstream.share;
    achievements twinstream.achievements[];
BEGIN
    PERFORM twinstream.obey_stop_sign();
    ended := twinstream.current_link(of_platform, of_account);
    owners := twinstream.lock_owners(
        ARRAY['telegram', 'discord'], ARRAY[ended.telegram_account_id, ended.discord_account_id]
    );
    PERFORM twinstream.require_one_member(ended.id, owners);
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
    UPDATE twinstream.links AS l SET unlinked_at = now() WHERE l.id = ended.id
    RETURNING l.* INTO ended;
    RETURN ended;
END $$;

-- Refuses a link that cannot be undone any more.
CREATE FUNCTION require_undoable(link twinstream.links, undo_s_max integer) RETURNS void
LANGUAGE plpgsql AS $$
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

-- Gives each account back what it had before a link, and what it has earned since. Works after an unlink,
-- too. An account that spent more than it had is helped out by the other one, which shared its amounts
-- while they were linked. Each keeps the achievements that it has entries for. Errors by constraint:
-- stop_sign_is_not_set, link_is_known, link_is_not_undone, undo_is_in_time, account_is_linked_since,
-- account_is_not_linked, undo_is_covered, books_agree_with_totals.
CREATE FUNCTION undo_link_by_id(
    link_id bigint, stores text[] DEFAULT '{}',
    undo_s_max integer DEFAULT (twinstream.link_limits()).undo_s_max
) RETURNS twinstream.links LANGUAGE plpgsql AS $$
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
    SELECT l.* INTO undone FROM twinstream.links AS l WHERE l.id = link_id FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM twinstream.refuse_link('link_is_known', format('there is no link %s', link_id));
    END IF;
    PERFORM twinstream.require_undoable(undone, undo_s_max);
    ids := ARRAY[undone.telegram_account_id, undone.discord_account_id];
    owners := twinstream.lock_owners(platforms, ids);
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
    END IF;
    PERFORM twinstream.owe_the_rest(stores, held, owners);
    UPDATE twinstream.links AS l SET undone_at = now() WHERE l.id = link_id RETURNING l.* INTO undone;
    RETURN undone;
END $$;

-- Begins a link of an account with `partner` in the place of the one that `partner` has.
CREATE FUNCTION replace_link(of_platform text, new_id bigint, partner_platform text, partner bigint)
RETURNS void LANGUAGE plpgsql AS $$
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

-- Puts one account in the place of another. The member keeps everything, and adds what the new account has
-- earned so far. The old account starts at zero, as a member of its own that keeps the achievements it has
-- entries for. Returns the number of the move. Errors by constraint: stop_sign_is_not_set,
-- move_is_between_two_accounts, account_is_linked (the new account), books_agree_with_totals.
CREATE FUNCTION replace_account(
    of_platform text, old_id bigint, new_id bigint, stores text[] DEFAULT '{}'
) RETURNS bigint LANGUAGE plpgsql AS $$
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
    PERFORM twinstream.owe_the_rest(stores, held, ARRAY[member, left_behind]);
    RETURN move_id;
END $$;

-- Codes: one account proves itself to the other. A member asks for a code from one account and sends it
-- from the other one within minutes. Only the hash of a code is kept.

-- Returns the hash of a code, however people typed it.
CREATE FUNCTION hash_of_code(code text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(upper(btrim(code, E' \t\n\r\f\v') COLLATE "C"), 'UTF8'))
$$;

-- Returns a new code: 10 of 30 characters, without letters and digits that people mistake for one another. It
-- has digits in two places at least, so that a guard tells it from prose; that leaves 48 bits. The last 48 bits of
-- a random uuid are random.
CREATE FUNCTION make_code() RETURNS text LANGUAGE plpgsql AS $$
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

-- Counts a wrong code of an account.
CREATE FUNCTION count_failure(of_platform text, of_account bigint) RETURNS void LANGUAGE sql AS $$
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

-- Finds the account that asked for a code, and locks the code. `refusal` is null if there is one; else it is
-- `paused` (the stop sign is set), `locked_out` (too many wrong codes from this account), or `wrong_code`:
-- unknown, used, expired or for another purpose. One answer for all four, so that a guesser learns nothing.
-- Only a wrong code counts as a failure.
CREATE FUNCTION find_issuer(
    of_platform text, of_account bigint, code text, for_purpose text,
    OUT refusal text, OUT platform text, OUT account_id bigint
) LANGUAGE plpgsql AS $$
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

-- Deletes a code that has done what it was for. Until then it stays valid.
CREATE FUNCTION use_up_code(code text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM twinstream.link_codes AS c WHERE c.code_hash = twinstream.hash_of_code(code)
$$;

-- Makes a code for this account, valid for ten minutes and one purpose: link, unlink, undo or move. An
-- earlier code ends. Errors by constraint: stop_sign_is_not_set (the code could not be used),
-- link_code_purpose_known.
CREATE FUNCTION issue_code(platform text, account_id bigint, purpose text DEFAULT 'link') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    code CONSTANT text := twinstream.make_code();
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
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

-- Voids the live codes among these, which others could read on `platform`, and leaves a notice for each
-- owner. Returns the platforms where the voided codes were issued; a code that was never issued, was used
-- or has expired adds none. One statement: a use of the same code at the same time either comes first, and
-- nothing is voided, or finds no code.
CREATE FUNCTION void_codes(platform text, codes text[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    RETURN QUERY
    WITH void AS (
        DELETE FROM twinstream.link_codes AS c
        WHERE c.code_hash = ANY (
            ARRAY (SELECT twinstream.hash_of_code(u.code) FROM unnest(codes) AS u (code))
        ) AND c.expires_at > now()
        RETURNING c.platform, c.account_id
    ), noted AS (
        -- One notice of a kind is enough; a later reason makes it new.
        INSERT INTO twinstream.notices (platform, account_id, kind)
        SELECT v.platform, v.account_id, 'code_void' FROM void AS v
        ON CONFLICT ON CONSTRAINT notice_once DO UPDATE SET
            created_at = clock_timestamp(), attempts = 0, taken_until = NULL
    )
    SELECT v.platform FROM void AS v;
END $$;

-- Links an account with the one that asked for `code` on the other platform. `stores` are the platforms whose
-- bot has a table of its own. Returns `linked`, a refusal of `find_issuer`, `same_platform`, `already_linked`
-- or `too_many_links`.
CREATE FUNCTION redeem_code(platform text, account_id bigint, code text, stores text[] DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    issuer record;
    rule text;
BEGIN
    PERFORM twinstream.require_caller(platform);
    issuer := twinstream.find_issuer(platform, account_id, code, 'link');
    IF issuer.refusal IS NOT NULL THEN
        RETURN issuer.refusal;
    ELSIF issuer.platform = platform THEN
        RETURN 'same_platform';
    END IF;
    BEGIN
        PERFORM twinstream.link_accounts(
            CASE platform WHEN 'telegram' THEN account_id ELSE issuer.account_id END,
            CASE platform WHEN 'telegram' THEN issuer.account_id ELSE account_id END,
            stores => stores
        );
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
        CASE rule
            WHEN 'account_is_linked' THEN RETURN 'already_linked';
            WHEN 'links_per_account_limited' THEN RETURN 'too_many_links';
            ELSE RAISE;
        END CASE;
    END;
    PERFORM twinstream.use_up_code(code);
    RETURN 'linked';
END $$;

-- Unlinks an account from the one that asked for `code` (purpose unlink) on the other platform. `stores` are
-- the platforms whose bot keeps its members in a table of its own. Returns `unlinked`, a refusal of
-- `find_issuer`, or `same_platform`. Errors: as `unlink_account`.
CREATE FUNCTION unlink(platform text, account_id bigint, code text, stores text[] DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Returns the newest link of an account, with one other account if that is given, or null.
CREATE FUNCTION newest_link(of_platform text, of_account bigint, other_account bigint DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT max(l.id) FROM twinstream.links_of(of_platform, of_account) AS l
    WHERE other_account IS NULL OR other_account = CASE of_platform
        WHEN 'telegram' THEN l.discord_account_id ELSE l.telegram_account_id END
$$;

-- Undoes the newest link of an account with the one that asked for `code` (purpose undo) on the other
-- platform. Returns `undone`, a refusal of `find_issuer`, or `same_platform`. Errors: as `undo_link_by_id`;
-- link_is_known if the two were never linked.
CREATE FUNCTION undo_link(platform text, account_id bigint, code text, stores text[] DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Puts an account in the place of the one that asked for `code` (purpose move) on the same platform. Returns
-- `moved`, a refusal of `find_issuer`, or `other_platform`. Errors: as `replace_account`.
CREATE FUNCTION move_account(platform text, account_id bigint, code text, stores text[] DEFAULT '{}')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Support: an administrator acts for members who cannot prove that the other account is theirs. The bot says
-- that the account is an administrator's, so the uses of its platform are limited per day.

-- Counts a use, and refuses one too many.
CREATE FUNCTION count_support_use(
    of_platform text, administrator bigint, for_operation text, of_account bigint,
    uses_max integer DEFAULT (twinstream.link_limits()).support_uses_max
) RETURNS void LANGUAGE plpgsql AS $$
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

-- Unlinks an account for its member. Errors: support_uses_limited, and as `unlink_account`.
CREATE FUNCTION support_unlink(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'unlink', account_id);
    PERFORM twinstream.unlink_account(platform, account_id, stores);
END $$;

-- Undoes the newest link of an account for its member. Errors: support_uses_limited, and as
-- `undo_link_by_id`.
CREATE FUNCTION support_undo_link(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'undo', account_id);
    PERFORM twinstream.undo_link_by_id(twinstream.newest_link(platform, account_id), stores);
END $$;

-- Puts an account in the place of a lost one on the same platform. Errors: support_uses_limited, and as
-- `replace_account`.
CREATE FUNCTION support_move_account(
    platform text, administrator_id bigint, lost_account_id bigint, account_id bigint,
    stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'move', lost_account_id);
    PERFORM twinstream.replace_account(platform, lost_account_id, account_id, stores);
END $$;

-- Forgives the wrong codes of an account, so that its member need not wait. Errors: support_uses_limited.
CREATE FUNCTION support_forgive_attempts(platform text, administrator_id bigint, account_id bigint)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'forgive', account_id);
    DELETE FROM twinstream.link_attempts AS t
    WHERE t.platform = support_forgive_attempts.platform
        AND t.account_id = support_forgive_attempts.account_id;
END $$;

-- Functions are open to everybody unless somebody closes them.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION support_forgive_attempts(text, bigint, bigint),
    support_move_account(text, bigint, bigint, bigint, text[]),
    support_undo_link(text, bigint, bigint, text[]), support_unlink(text, bigint, bigint, text[]),
    count_support_use(text, bigint, text, bigint, integer), move_account(text, bigint, text, text[]),
    undo_link(text, bigint, text, text[]), newest_link(text, bigint, bigint),
    unlink(text, bigint, text, text[]), redeem_code(text, bigint, text, text[]), void_codes(text, text[]),
    issue_code(text, bigint, text), use_up_code(text), find_issuer(text, bigint, text, text),
    count_failure(text, bigint), make_code(), hash_of_code(text),
    replace_account(text, bigint, bigint, text[]), replace_link(text, bigint, text, bigint),
    undo_link_by_id(bigint, text[], integer), require_undoable(links, integer),
    unlink_account(text, bigint, text[]), link_accounts(bigint, bigint, text, text[], integer),
    require_room(text, bigint, integer), require_one_member(bigint, bigint[]), current_link(text, bigint),
    links_of(text, bigint), owe_the_rest(text[], share[], bigint[]), held_in_stores(text[], bigint[]),
    difference_of(share[], share[]), shared_out(bigint, share[]), without_link(text, share[]),
    taken_away(text, share[], bigint), achievements_of(bigint),
    unlock(text, text, text, bigint, bigint, achievements[]), carry_earned(text, share, bigint, bigint),
    change_earned(text, text, share[]), enter_link_events(event[]), link_events(text, text, share[]),
    link_reason(text), link_key(text, text, text, text), earned_by_each(text[], bigint[], bigint[]),
    earned(text, bigint, bigint), split_member(bigint, text, bigint, bigint), want_split(bigint[]),
    split_achievements(bigint, bigint), split_books(bigint, text, bigint), merge_members(bigint, bigint),
    want_merged(bigint, bigint), require_unlinked(text, bigint), partner_of(text, bigint),
    lock_owners(text[], bigint[]), refuse_link(text, text, text), obey_stop_sign(), read_stop_sign(),
    release_of_links(), link_limits();
DROP TYPE share;
ALTER TABLE link_codes DROP COLUMN purpose; -- with link_code_purpose_known
DROP TABLE support_uses;
