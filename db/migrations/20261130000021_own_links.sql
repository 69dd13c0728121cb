-- migrate:up
-- Functions for callers: members end their own link, administrators act for members, each with a reason, and
-- both read how an account stands. And the surface of a link: the Discord role of linked members.

-- The limit of the accounts of one platform whose members end links within 24 hours: more than any community
-- has, and too few for a bot that was taken over to part a large one. Each end can be undone. An account counts
-- once, however often it ends links, so that a few members cannot use the limit up for all.
CREATE FUNCTION twinstream.own_ends_max() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 200 $$;

-- Refuses members of a platform who have ended too many links today.
CREATE FUNCTION twinstream.require_own_ends(of_platform text, at_most integer) RETURNS void
LANGUAGE plpgsql AS $$
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
END $$;

-- Refuses a link that is not the newest one of an account: the button that names it is out of date.
CREATE FUNCTION twinstream.require_newest_link(of_platform text, of_account bigint, link bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF link IS DISTINCT FROM twinstream.newest_link(of_platform, of_account) THEN
        PERFORM twinstream.refuse_link('account_is_linked_since', format(
            'the %s account %s has a newer link than %s', of_platform, of_account, link
        ));
    END IF;
END $$;

-- Unlinks the account of the member who asks; with `of_link` only that link. The account at the other end is
-- told, and may undo the link. Errors: own_ends_limited, account_is_linked_since, and as `unlink_account`.
CREATE FUNCTION twinstream.unlink_own(
    platform text, account_id bigint, stores text[] DEFAULT '{}', of_link bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Undoes the newest link of the account of the member who asks, also after an unlink; with `of_link` only that
-- link. Errors: own_ends_limited, and as `undo_link_by_id`.
CREATE FUNCTION twinstream.undo_own_link(
    platform text, account_id bigint, stores text[] DEFAULT '{}', of_link bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The rules that links obey now, for the bot that says beforehand what a link will do.
CREATE FUNCTION twinstream.link_rules() RETURNS twinstream.link_settings
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s FROM twinstream.link_settings AS s
$$;

-- How an account stands. `other_account_id` is the one that it is linked with, or was linked with last;
-- `is_linked` says which. `before` and `theirs` are what this account and the other one had before the link.
-- `undo_until` is null if the link cannot be undone, `free_at` if the account may be linked at once.
CREATE FUNCTION twinstream.link_state(of_platform text, of_account bigint) RETURNS TABLE (
    link_id bigint, is_linked boolean, other_account_id bigint, other_name text, linked_at timestamptz, policy text,
    undo_until timestamptz, forbidden_at timestamptz, free_at timestamptz, xp_before bigint,
    balance_before bigint, other_xp_before bigint, other_balance_before bigint
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Returns the acts that concern an account, newest first. Without an account: those of the administrators of
-- a platform, and of operators. `other_name` is that of the account at the other end of the link.
CREATE FUNCTION twinstream.read_link_acts(
    of_platform text, of_account bigint DEFAULT NULL, at_most integer DEFAULT 20
) RETURNS TABLE (
    acted_at timestamptz, operation text, telegram_account_id bigint, discord_account_id bigint,
    from_platform text, from_account_id bigint, actor text, actor_platform text, actor_account_id bigint,
    reason text, other_name text
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Administrators. Each act names the administrator, and counts towards the limit of a day.

DROP FUNCTION twinstream.support_unlink(text, bigint, bigint, text[]);
DROP FUNCTION twinstream.support_undo_link(text, bigint, bigint, text[]);
DROP FUNCTION twinstream.support_move_account(text, bigint, bigint, bigint, text[]);

-- Refuses an administrator who names an account that no bot has ever seen, because a number is mistyped easily,
-- or an account of their own: nobody joins another person's points with their own, or takes them over.
CREATE FUNCTION twinstream.require_others(
    of_platform text, administrator bigint, platforms text[], account_ids bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
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

-- Links an account with one on the other platform, of which both are told, and which both can undo. Errors:
-- support_uses_limited, account_is_known, administrator_acts_for_others, and as `link_accounts`.
CREATE FUNCTION twinstream.support_link(
    platform text, administrator_id bigint, account_id bigint, other_account_id bigint,
    stores text[] DEFAULT '{}', reason text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Unlinks an account for its member. Errors: support_uses_limited, and as `unlink_account`.
CREATE FUNCTION twinstream.support_unlink(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}',
    reason text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'unlink', account_id);
    PERFORM twinstream.unlink_account(
        platform, account_id, stores,
        ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

-- Undoes the newest link of an account for its member. Errors: support_uses_limited, and as
-- `undo_link_by_id`.
CREATE FUNCTION twinstream.support_undo_link(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}',
    reason text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'undo', account_id);
    PERFORM twinstream.undo_link_by_id(
        twinstream.newest_link(platform, account_id), stores,
        actor => ROW ('administrator', platform, administrator_id, reason)::twinstream.link_actor
    );
END $$;

-- Puts an account in the place of a lost one on the same platform. Errors: support_uses_limited,
-- account_is_known, administrator_acts_for_others, and as `replace_account`.
CREATE FUNCTION twinstream.support_move_account(
    platform text, administrator_id bigint, lost_account_id bigint, account_id bigint,
    stores text[] DEFAULT '{}', reason text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Takes a member's leave to link, or gives it back. A link that exists stays. Errors: support_uses_limited.
CREATE FUNCTION twinstream.support_set_leave(
    platform text, administrator_id bigint, account_id bigint, may_link boolean, reason text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The surface of a link. Its number is 1 while the member has accounts on both platforms, 0 after that; only
-- Discord shows it, as a role. An unlink wants 0 as it does for achievements that an account does not keep.
ALTER TABLE twinstream.surfaces
    DROP CONSTRAINT surface_name_known,
    ADD CONSTRAINT surface_name_known CHECK (
        surface IN ('rank', 'linked') OR starts_with(surface, 'achievement:')
    );

-- Wants the rank and achievements of `keep`, whose books hold those of `gone` by now, and that it is seen to be
-- linked. Everything else is as it was.
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

-- Members who are linked already. They count as shown: nothing is due while there is no such role, and
-- reconcile gives it to them once there is one.
INSERT INTO twinstream.surfaces (member_id, platform, surface, wanted, wanted_key, priority, shown, shown_at)
SELECT d.member_id, 'discord', 'linked', 1, 'link', 3, 1, now()
FROM twinstream.accounts AS d
JOIN twinstream.accounts AS t ON t.member_id = d.member_id AND t.platform = 'telegram'
WHERE d.platform = 'discord'
ON CONFLICT ON CONSTRAINT surface_once DO NOTHING;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DELETE FROM twinstream.surfaces WHERE surface = 'linked';
ALTER TABLE twinstream.surfaces
    DROP CONSTRAINT surface_name_known,
    ADD CONSTRAINT surface_name_known CHECK (
        surface = 'rank' OR starts_with(surface, 'achievement:')
    );
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
DROP FUNCTION twinstream.support_set_leave(text, bigint, bigint, boolean, text),
    twinstream.support_move_account(text, bigint, bigint, bigint, text[], text),
    twinstream.support_undo_link(text, bigint, bigint, text[], text),
    twinstream.support_unlink(text, bigint, bigint, text[], text),
    twinstream.support_link(text, bigint, bigint, bigint, text[], text),
    twinstream.require_others(text, bigint, text[], bigint[]),
    twinstream.read_link_acts(text, bigint, integer),
    twinstream.link_state(text, bigint),
    twinstream.link_rules(),
    twinstream.undo_own_link(text, bigint, text[], bigint),
    twinstream.unlink_own(text, bigint, text[], bigint),
    twinstream.require_newest_link(text, bigint, bigint),
    twinstream.require_own_ends(text, integer),
    twinstream.own_ends_max();

CREATE FUNCTION twinstream.support_unlink(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'unlink', account_id);
    PERFORM twinstream.unlink_account(platform, account_id, stores);
END $$;

CREATE FUNCTION twinstream.support_undo_link(
    platform text, administrator_id bigint, account_id bigint, stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'undo', account_id);
    PERFORM twinstream.undo_link_by_id(twinstream.newest_link(platform, account_id), stores);
END $$;

CREATE FUNCTION twinstream.support_move_account(
    platform text, administrator_id bigint, lost_account_id bigint, account_id bigint,
    stores text[] DEFAULT '{}'
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.count_support_use(platform, administrator_id, 'move', lost_account_id);
    PERFORM twinstream.replace_account(platform, lost_account_id, account_id, stores);
END $$;
