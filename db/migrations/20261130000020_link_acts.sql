-- migrate:up
-- Linking as owners set it up, and the record of it: the settings of [linking] in twinstream.toml, what both
-- accounts had before a link, every act with its actor and reason, rewards, and accounts that may not link.

-- The settings of [linking]. The consumers write them at their start, so that each way to link obeys them,
-- whichever program asks for it, and no bot can choose a policy or a reward.
CREATE TABLE twinstream.link_settings (
    policy text NOT NULL DEFAULT 'sum',
    reward_xp bigint NOT NULL DEFAULT 0,
    reward_balance bigint NOT NULL DEFAULT 0,
    -- Seconds after an unlink in which an account is linked with no other one.
    cooldown_s bigint NOT NULL DEFAULT 86400,
    -- Seconds after a link in which it can be undone.
    undo_s integer NOT NULL DEFAULT 604800,
    CONSTRAINT link_setting_policy_known CHECK (policy IN ('sum', 'max', 'telegram', 'discord')),
    CONSTRAINT link_setting_not_negative CHECK (
        reward_xp >= 0 AND reward_balance >= 0 AND cooldown_s >= 0 AND undo_s >= 0
    )
);
CREATE UNIQUE INDEX link_settings_are_one_row ON twinstream.link_settings ((true));
INSERT INTO twinstream.link_settings DEFAULT VALUES;

-- The amounts of each account before the link: the policy decided between these. Null for links that were made
-- before this migration, and for those that continue another link after a move.
ALTER TABLE twinstream.links
    ADD COLUMN telegram_xp_before bigint,
    ADD COLUMN telegram_balance_before bigint,
    ADD COLUMN discord_xp_before bigint,
    ADD COLUMN discord_balance_before bigint;

-- Every link, unlink, undo and move, and every leave to link that was taken or given back. Only added to.
-- An account that is not concerned is null. `from_account_id` is the account that a move replaced.
CREATE TABLE twinstream.link_acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation text NOT NULL,
    telegram_account_id bigint,
    discord_account_id bigint,
    from_platform text,
    from_account_id bigint,
    link_id bigint,
    actor text NOT NULL,
    actor_platform text,
    actor_account_id bigint,
    reason text NOT NULL DEFAULT '',
    acted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_act_operation_known CHECK (
        operation IN ('link', 'unlink', 'undo', 'move', 'forbid', 'allow')
    ),
    CONSTRAINT link_act_actor_known CHECK (actor IN ('member', 'administrator', 'operator')),
    CONSTRAINT link_act_actor_platform_known CHECK (actor_platform IN ('telegram', 'discord')),
    CONSTRAINT link_act_from_platform_known CHECK (from_platform IN ('telegram', 'discord')),
    -- An administrator's act names the administrator.
    CONSTRAINT link_act_administrator_is_named CHECK (
        actor <> 'administrator' OR (actor_platform IS NOT NULL AND actor_account_id IS NOT NULL)
    ),
    CONSTRAINT link_act_reason_is_short CHECK (length(reason) <= 300)
);
CREATE INDEX link_acts_by_telegram_account ON twinstream.link_acts (telegram_account_id, id);
CREATE INDEX link_acts_by_discord_account ON twinstream.link_acts (discord_account_id, id);
CREATE INDEX link_acts_by_from_account ON twinstream.link_acts (from_account_id, id);
CREATE INDEX link_acts_by_time ON twinstream.link_acts (acted_at);

-- Accounts that have had their share in a reward for linking. For ever: neither unlink, undo nor move
-- makes an account new.
CREATE TABLE twinstream.link_rewards (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    link_id bigint NOT NULL,
    paid_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_reward_once PRIMARY KEY (platform, account_id),
    CONSTRAINT link_reward_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- Accounts that administrators do not let link.
CREATE TABLE twinstream.link_bans (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    forbidden_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_ban_once PRIMARY KEY (platform, account_id),
    CONSTRAINT link_ban_platform_known CHECK (platform IN ('telegram', 'discord'))
);

ALTER TABLE twinstream.support_uses
    DROP CONSTRAINT support_use_operation_known,
    ADD CONSTRAINT support_use_operation_known CHECK (
        operation IN ('unlink', 'undo', 'move', 'forgive', 'link', 'forbid', 'allow')
    );

-- The actor of an act: member, administrator or operator, with the account that acted, if it is known.
CREATE TYPE twinstream.link_actor AS (kind text, platform text, account_id bigint, reason text);

-- Notices: an act concerns two or three accounts, and each is told of each act.
ALTER TABLE twinstream.notices
    -- Tells notices of one kind apart: the number of the act, or empty where one of a kind is enough.
    ADD COLUMN subject text NOT NULL DEFAULT '',
    -- Ids and words that the text needs. Never a name: the bot reads the newest one.
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    -- When the platform refused it for good. From then on it waits for the owner's next command.
    ADD COLUMN refused_at timestamptz,
    DROP CONSTRAINT notice_once,
    ADD CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind, subject),
    DROP CONSTRAINT notice_kind_known,
    ADD CONSTRAINT notice_kind_known CHECK (kind IN (
        'code_void', 'linked', 'unlinked', 'link_undone', 'moved_here', 'moved_away', 'partner_moved'
    ));

DROP FUNCTION twinstream.take_notices(text, integer, double precision);
DROP FUNCTION twinstream.end_notice(text, bigint, text, timestamptz);
DROP FUNCTION twinstream.put_off_notice(text, bigint, text, timestamptz, double precision);

-- Takes up to `at_most` notices to send, the oldest first, for `lease_s` seconds. With `of_account` it takes
-- those that could not be sent to this account, to be shown beside the answer to a command. `name` is that
-- of the account in `details`.
CREATE FUNCTION twinstream.take_notices(
    of_platform text, at_most integer, lease_s double precision, of_account bigint DEFAULT NULL
) RETURNS TABLE (
    account_id bigint, kind text, subject text, created_at timestamptz, attempts integer, details jsonb,
    name text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Deletes a notice that was told. A later notice of its kind and subject stays.
CREATE FUNCTION twinstream.end_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz, of_subject text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.subject = of_subject AND n.created_at = created;
END $$;

-- Lets `take_notices` return a notice again, `delay_s` seconds from now at the earliest. Without a delay, the
-- notice cannot be sent and waits for its owner's next command.
CREATE FUNCTION twinstream.put_off_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz, delay_s double precision,
    of_subject text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.notices AS n
    SET taken_until = now() + make_interval(secs => delay_s),
        refused_at = CASE WHEN delay_s IS NULL THEN coalesce(n.refused_at, now()) END
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.subject = of_subject AND n.created_at = created;
END $$;

-- Deletes notices that could not be sent for `older_than_s` seconds. Those about links stay for 30 days: as
-- long as a link counts towards the limit of its accounts. Returns how many.
CREATE OR REPLACE FUNCTION twinstream.drop_old_notices(of_platform text, older_than_s double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The record of acts.

-- Tells an account of an act. The member who acted is answered, and not told once more. A member whose offer
-- was confirmed has it before them in most cases (`end_notice_of_link`), so the notice waits some seconds. A
-- forgotten account is told of nothing.
CREATE FUNCTION twinstream.tell_of_act(
    act twinstream.link_acts, to_platform text, to_account bigint, of_kind text,
    other_platform text, other_account bigint
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO twinstream.notices (platform, account_id, kind, subject, details, taken_until)
    SELECT to_platform, to_account, of_kind, act.id::text, jsonb_build_object(
        'platform', other_platform, 'account_id', other_account, 'by', act.actor, 'reason', act.reason,
        'link_id', act.link_id
    ), CASE WHEN of_kind = 'linked' AND act.actor = 'member' THEN now() + interval '5 s' END
    WHERE to_account > 0
        AND (act.actor, act.actor_platform, act.actor_account_id)
            IS DISTINCT FROM ('member', to_platform, to_account)
$$;

-- Enters an act in the record, and tells the accounts that it concerns. Without an actor, members acted who
-- proved both accounts.
CREATE FUNCTION twinstream.note_act(
    of_operation text, telegram_id bigint, discord_id bigint, of_link bigint, acting twinstream.link_actor,
    replaced_on text DEFAULT NULL, replaced bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
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

-- The rules of linking.

-- Refuses an account that administrators do not let link, and one that waits to be forgotten: both accounts of
-- the link would be.
CREATE FUNCTION twinstream.require_leave_to_link(of_platform text, of_account bigint) RETURNS void
LANGUAGE plpgsql AS $$
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

-- Returns until when an account that was unlinked is linked with no other account, or null. The same two may
-- be linked again at once, and an undone link counts as one that never was.
CREATE FUNCTION twinstream.cooldown_of(of_platform text, of_account bigint, besides bigint DEFAULT NULL)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT max(l.unlinked_at) + make_interval(secs => max(s.cooldown_s))
    FROM twinstream.links_of(of_platform, of_account) AS l CROSS JOIN twinstream.link_settings AS s
    WHERE l.undone_at IS NULL AND l.unlinked_at + make_interval(secs => s.cooldown_s) > now()
        AND besides IS DISTINCT FROM CASE of_platform
            WHEN 'telegram' THEN l.discord_account_id ELSE l.telegram_account_id END
$$;

-- Refuses an account that was unlinked from a third one a short time ago.
CREATE FUNCTION twinstream.require_cooldown(of_platform text, of_account bigint, other_account bigint) RETURNS void
LANGUAGE plpgsql AS $$
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

-- Returns the seconds after a link in which it can be undone. Without the row of settings the default counts.
CREATE FUNCTION twinstream.undo_seconds() RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT s.undo_s FROM twinstream.link_settings AS s), (twinstream.link_limits()).undo_s_max
    )
$$;

-- Returns how many links and moves within a period joined the points of accounts on one platform. An account
-- stands for those that were moved to it, too, so a move makes no room for links, and a ring of moves is seen as
-- a whole. A link that goes on with a moved account counts with the move; with its partner it counts as a link.
CREATE FUNCTION twinstream.joins_of(of_platform text, account_ids bigint[], period_s integer) RETURNS bigint
LANGUAGE sql STABLE AS $$
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

-- Refuses accounts that were linked or moved too often lately.
DROP FUNCTION twinstream.require_room(text, bigint, integer);
CREATE FUNCTION twinstream.require_room(of_platform text, account_ids bigint[], at_most integer) RETURNS void
LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION twinstream.link_reason(step text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE step WHEN 'policy' THEN 'link' WHEN 'reward' THEN 'link_reward' WHEN 'unlink' THEN 'unlink'
        WHEN 'undo' THEN 'link_undo' ELSE 'account_move' END
$$;

-- Returns the entries that change what accounts have earned by signed amounts. `link` is the number of the
-- link or move, as keys have it; `step` is the cause: policy, reward, unlink, undo, move_from or move_to. The
-- reason of a policy's entry names the policy: link_max, link_telegram or link_discord.
CREATE OR REPLACE FUNCTION twinstream.link_events(link text, step text, changes twinstream.share[])
RETURNS twinstream.event[] LANGUAGE sql AS $$
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

-- Pays the reward for a link, unless one of the two accounts has had its share before. The Telegram account
-- earns it, and keeps it after an undo: nothing pays it again.
CREATE FUNCTION twinstream.pay_link_reward(made twinstream.links, member bigint) RETURNS void LANGUAGE plpgsql AS $$
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

-- Notes what both accounts have at this moment as what they had before their link.
CREATE FUNCTION twinstream.note_amounts_before(of_link bigint, owners bigint[]) RETURNS void LANGUAGE sql AS $$
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

DROP FUNCTION twinstream.link_accounts(bigint, bigint, text, text[], integer);
DROP FUNCTION twinstream.unlink_account(text, bigint, text[]);
DROP FUNCTION twinstream.undo_link_by_id(bigint, text[], integer);
DROP FUNCTION twinstream.replace_account(text, bigint, bigint, text[]);

-- Makes two accounts one member's. The policy says what the member has: the sum of both accounts, the
-- greater of each amount (max), or what one account has (telegram, discord). Without one it is that of the
-- settings. Their achievements are united under every policy. Members wait for the end of the cool-down;
-- administrators and operators need not. Errors by constraint: stop_sign_is_not_set, account_is_linked,
-- account_may_link, link_cooldown_is_over, links_per_account_limited, link_policy_known,
-- books_agree_with_totals.
CREATE FUNCTION twinstream.link_accounts(
    telegram_id bigint, discord_id bigint, with_policy text DEFAULT NULL, stores text[] DEFAULT '{}',
    links_max integer DEFAULT (twinstream.link_limits()).links_max, actor twinstream.link_actor DEFAULT NULL
) RETURNS twinstream.links LANGUAGE plpgsql AS $$
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

-- Makes the two accounts of a member two members again. XP and balance stay with the Telegram account, and
-- the Discord account starts at zero. Both keep the achievements that they hold. Errors by constraint:
-- stop_sign_is_not_set, account_is_not_linked, books_agree_with_totals.
CREATE FUNCTION twinstream.unlink_account(
    of_platform text, of_account bigint, stores text[] DEFAULT '{}', actor twinstream.link_actor DEFAULT NULL
) RETURNS twinstream.links LANGUAGE plpgsql AS $$
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

-- Gives each account back what it had before a link, and what it has earned since. Works after an unlink,
-- too. An account that spent more than it had is helped out by the other one, which shared its amounts
-- while they were linked. Each keeps the achievements that it has entries for. A reward for the link stays.
-- Errors by constraint: stop_sign_is_not_set, link_is_known, link_is_not_undone, undo_is_in_time,
-- account_is_linked_since, account_is_not_linked, undo_is_covered, books_agree_with_totals.
CREATE FUNCTION twinstream.undo_link_by_id(
    link_id bigint, stores text[] DEFAULT '{}', actor twinstream.link_actor DEFAULT NULL
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

-- Lets what concerns linking go with a member to another account: the reward, and the leave to link.
CREATE FUNCTION twinstream.carry_link_rules(of_platform text, old_id bigint, new_id bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
    SELECT r.platform, new_id, r.link_id FROM twinstream.link_rewards AS r
    WHERE r.platform = of_platform AND r.account_id = old_id
    ON CONFLICT ON CONSTRAINT link_reward_once DO NOTHING;
    INSERT INTO twinstream.link_bans (platform, account_id)
    SELECT b.platform, new_id FROM twinstream.link_bans AS b
    WHERE b.platform = of_platform AND b.account_id = old_id
    ON CONFLICT ON CONSTRAINT link_ban_once DO NOTHING
$$;

-- Puts one account in the place of another. The member keeps everything, and adds what the new account has
-- earned so far. The old account starts at zero, as a member of its own that keeps the achievements it has
-- entries for. Members do so as seldom as they link; administrators and operators as often as they have to.
-- Returns the number of the move. Errors by constraint: stop_sign_is_not_set, move_is_between_two_accounts,
-- account_is_linked (the new account), links_per_account_limited, books_agree_with_totals.
CREATE FUNCTION twinstream.replace_account(
    of_platform text, old_id bigint, new_id bigint, stores text[] DEFAULT '{}',
    actor twinstream.link_actor DEFAULT NULL
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

-- Takes or gives back an account's leave to link, and that of the account that it is linked with.
CREATE FUNCTION twinstream.set_leave_to_link(
    of_platform text, of_account bigint, may_link boolean, actor twinstream.link_actor
) RETURNS void LANGUAGE plpgsql AS $$
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

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.set_leave_to_link(text, bigint, boolean, twinstream.link_actor),
    twinstream.replace_account(text, bigint, bigint, text[], twinstream.link_actor),
    twinstream.carry_link_rules(text, bigint, bigint),
    twinstream.undo_link_by_id(bigint, text[], twinstream.link_actor),
    twinstream.unlink_account(text, bigint, text[], twinstream.link_actor),
    twinstream.link_accounts(bigint, bigint, text, text[], integer, twinstream.link_actor),
    twinstream.note_amounts_before(bigint, bigint[]),
    twinstream.pay_link_reward(twinstream.links, bigint),
    twinstream.require_room(text, bigint[], integer),
    twinstream.joins_of(text, bigint[], integer),
    twinstream.undo_seconds(),
    twinstream.require_cooldown(text, bigint, bigint),
    twinstream.cooldown_of(text, bigint, bigint),
    twinstream.require_leave_to_link(text, bigint),
    twinstream.note_act(text, bigint, bigint, bigint, twinstream.link_actor, text, bigint),
    twinstream.tell_of_act(twinstream.link_acts, text, bigint, text, text, bigint),
    twinstream.put_off_notice(text, bigint, text, timestamptz, double precision, text),
    twinstream.end_notice(text, bigint, text, timestamptz, text),
    twinstream.take_notices(text, integer, double precision, bigint);

CREATE FUNCTION twinstream.take_notices(of_platform text, at_most integer, lease_s double precision)
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

CREATE FUNCTION twinstream.end_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.notices AS n
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.created_at = created;
END $$;

CREATE FUNCTION twinstream.put_off_notice(
    of_platform text, of_account bigint, of_kind text, created timestamptz, delay_s double precision
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    UPDATE twinstream.notices AS n SET taken_until = now() + make_interval(secs => delay_s)
    WHERE n.platform = of_platform AND n.account_id = of_account AND n.kind = of_kind
        AND n.created_at = created;
END $$;

CREATE OR REPLACE FUNCTION twinstream.drop_old_notices(of_platform text, older_than_s double precision) RETURNS bigint
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

CREATE OR REPLACE FUNCTION twinstream.link_reason(step text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE step WHEN 'policy' THEN 'link' WHEN 'unlink' THEN 'unlink' WHEN 'undo' THEN 'link_undo'
        ELSE 'account_move' END
$$;

CREATE OR REPLACE FUNCTION twinstream.link_events(link text, step text, changes twinstream.share[]) RETURNS twinstream.event[]
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

CREATE FUNCTION twinstream.require_room(of_platform text, of_account bigint, at_most integer) RETURNS void
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

CREATE FUNCTION twinstream.link_accounts(
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

CREATE FUNCTION twinstream.unlink_account(of_platform text, of_account bigint, stores text[] DEFAULT '{}')
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

CREATE FUNCTION twinstream.undo_link_by_id(
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

CREATE FUNCTION twinstream.replace_account(
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

DELETE FROM twinstream.notices WHERE subject <> '' OR kind <> 'code_void' OR refused_at IS NOT NULL;
ALTER TABLE twinstream.notices
    DROP CONSTRAINT notice_kind_known,
    ADD CONSTRAINT notice_kind_known CHECK (kind IN ('code_void')),
    DROP CONSTRAINT notice_once,
    ADD CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind),
    DROP COLUMN refused_at, DROP COLUMN details, DROP COLUMN subject;
DROP TYPE twinstream.link_actor;
DELETE FROM twinstream.support_uses WHERE operation IN ('link', 'forbid', 'allow');
ALTER TABLE twinstream.support_uses
    DROP CONSTRAINT support_use_operation_known,
    ADD CONSTRAINT support_use_operation_known CHECK (operation IN ('unlink', 'undo', 'move', 'forgive'));
DROP TABLE twinstream.link_bans, twinstream.link_rewards, twinstream.link_acts;
ALTER TABLE twinstream.links
    DROP COLUMN telegram_xp_before, DROP COLUMN telegram_balance_before,
    DROP COLUMN discord_xp_before, DROP COLUMN discord_balance_before;
DROP TABLE twinstream.link_settings;
