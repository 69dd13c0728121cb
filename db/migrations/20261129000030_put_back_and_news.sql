-- migrate:up
-- `forget_shown` and `want_merged` with one promise more each. Both keep their arguments, so the bots of the
-- release before go on beside them.

-- Forgets what was shown of an account, so that a worker visits it, whatever hindered the last visit. With
-- `only_absent` it forgets what was parked because the platform said that the account is not there. A row
-- that waits already keeps its priority if that is more urgent than `with_priority`. A member without a rank
-- may have no row; what people gave them by hand is taken by a visit too, so the row is made then.
CREATE OR REPLACE FUNCTION twinstream.forget_shown(
    of_platform text, of_account bigint, only_absent boolean, with_priority integer
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Wants the rank and achievements of `keep`, whose books hold those of `gone` by now. A link moves the
-- accounts, so the row of `keep` says nothing of what either account shows. Both members' numbers become
-- unconfirmed, and the next visit looks. A member in a worker's hands stays there. An absent member is
-- visited once more. A number that two accounts reach together is not news, and not announced. A number that
-- one account has just reached by itself is news, also after a link in the seconds before its announcement.
CREATE OR REPLACE FUNCTION twinstream.want_merged(keep bigint, gone bigint) RETURNS void LANGUAGE plpgsql AS $$
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
        h.taken_until, b.numbers, n.shown_at, coalesce(n.announced, 0), coalesce(n.announce, false)
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

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.forget_shown(
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

CREATE OR REPLACE FUNCTION twinstream.want_merged(keep bigint, gone bigint) RETURNS void LANGUAGE plpgsql AS $$
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
