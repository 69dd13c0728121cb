-- migrate:up
-- Forgetting cannot be undone, and a link can. A member who has been talked into a link must not lose
-- everything because the account at the other end has itself forgotten, which takes both along.

-- A bot asks for the member whom it talks to. A second time begins anew: the account may have come back.
-- Errors by constraint: stop_sign_is_not_set; link_is_settled: the account is linked, and the link can still
-- be undone. Unlinked or undone, each account has itself forgotten alone.
CREATE OR REPLACE FUNCTION twinstream.ask_to_forget(platform text, account_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
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
            AND l.linked_at > now() - make_interval(secs => (twinstream.link_limits()).undo_s_max)
    ) THEN
        PERFORM twinstream.refuse_link('link_is_settled', format(
            'the link of the %s account %s can still be undone; unlink the accounts first', platform, account_id
        ));
    END IF;
END $$;

-- Refuses an account that administrators do not let link, and one that waits to be forgotten: both accounts of
-- the link would be.
CREATE OR REPLACE FUNCTION twinstream.require_leave_to_link(of_platform text, of_account bigint) RETURNS void
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

-- As before, and a forgotten account is told of nothing.
CREATE OR REPLACE FUNCTION twinstream.tell_of_act(
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

-- As before, and whom others were linked with until then is told to them under a pseudonym.
CREATE OR REPLACE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
LANGUAGE plpgsql AS $$
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

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
LANGUAGE plpgsql AS $$
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
        -- Offers to link, and all that administrators decided about the account. It may be paid a reward
        -- for linking once more: nothing is left by which to know it.
        DELETE FROM twinstream.link_offers AS o
        WHERE (o.platform = one.platform AND o.account_id = one.account_id)
            OR (o.platform <> one.platform AND o.opener_id = one.account_id);
        DELETE FROM twinstream.link_bans AS b WHERE b.platform = one.platform AND b.account_id = one.account_id;
        DELETE FROM twinstream.link_rewards AS r
        WHERE r.platform = one.platform AND r.account_id = one.account_id;
        -- The notices by which others would be told of it.
        DELETE FROM twinstream.notices AS n WHERE n.details ->> 'platform' = one.platform
            AND n.details ->> 'account_id' = one.account_id::text;
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
CREATE OR REPLACE FUNCTION twinstream.tell_of_act(
    act twinstream.link_acts, to_platform text, to_account bigint, of_kind text,
    other_platform text, other_account bigint
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO twinstream.notices (platform, account_id, kind, subject, details, taken_until)
    SELECT to_platform, to_account, of_kind, act.id::text, jsonb_build_object(
        'platform', other_platform, 'account_id', other_account, 'by', act.actor, 'reason', act.reason,
        'link_id', act.link_id
    ), CASE WHEN of_kind = 'linked' AND act.actor = 'member' THEN now() + interval '5 s' END
    WHERE to_account IS NOT NULL
        AND (act.actor, act.actor_platform, act.actor_account_id)
            IS DISTINCT FROM ('member', to_platform, to_account)
$$;
CREATE OR REPLACE FUNCTION twinstream.require_leave_to_link(of_platform text, of_account bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM twinstream.link_bans AS b
        WHERE b.platform = of_platform AND b.account_id = of_account
    ) THEN
        PERFORM twinstream.refuse_link('account_may_link', format(
            'an administrator does not let the %s account %s link', of_platform, of_account
        ));
    END IF;
END $$;
CREATE OR REPLACE FUNCTION twinstream.ask_to_forget(platform text, account_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    INSERT INTO twinstream.forget_requests (platform, account_id) VALUES (platform, account_id)
    ON CONFLICT ON CONSTRAINT forget_request_once DO UPDATE SET
        asked_at = excluded.asked_at, undress_until = NULL, forgotten_at = NULL, attempts = 0,
        retry_at = NULL, error = NULL;
END $$;
