-- migrate:up
-- Rewards for those who bring members along who stay (db/rewards/invites.py).

-- The accounts that came by somebody's invitation, each once for ever: leaving and joining again changes no row.
CREATE TABLE twinstream.invites (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    inviter_id bigint NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    -- waiting: stays and earns, or does not. paid: the inviter was rewarded. void: nothing is paid for it.
    -- refused: the record took no payment for it, however often it was tried; an operator decides.
    status text NOT NULL DEFAULT 'waiting',
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- When it is judged next.
    look_at timestamptz NOT NULL DEFAULT now(),
    -- Whether the account has earned enough, so that only the inviter's turn is waited for.
    is_earned boolean NOT NULL DEFAULT false,
    -- How often a payment was refused, and the last reason.
    refusals integer NOT NULL DEFAULT 0,
    why text,
    CONSTRAINT invite_once PRIMARY KEY (platform, account_id),
    CONSTRAINT invite_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT invite_status_known CHECK (status IN ('waiting', 'paid', 'void', 'refused'))
);
CREATE INDEX invites_waiting ON twinstream.invites (platform, look_at) WHERE status = 'waiting';
CREATE INDEX invites_planned ON twinstream.invites (inviter_id, look_at) WHERE status = 'waiting' AND is_earned;
CREATE INDEX invites_paid ON twinstream.invites (inviter_id, changed_at) WHERE status = 'paid';
CREATE INDEX invites_by_inviter ON twinstream.invites (inviter_id);

-- Notes that an account joined by an invitation. It is void at once for an account that was seen before, or was
-- forgotten: it did not come for the first time. Returns the status; null if the account was invited before, or
-- its inviter was forgotten and has not come back. Without an inviter, `by_link` says whose guest it is: a link that
-- was revoked, or that the bot made for nobody, counts for nobody.
CREATE FUNCTION twinstream.note_invite(
    of_platform text, inviter bigint, invited bigint, forget_secret text DEFAULT NULL, by_link text DEFAULT NULL
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Makes the invitation of an account void, unless it was paid.
CREATE FUNCTION twinstream.void_invite(of_platform text, invited bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE twinstream.invites AS i SET status = 'void', changed_at = now()
    WHERE i.platform = of_platform AND i.account_id = invited AND i.status IN ('waiting', 'refused')
$$;

-- An account that left before its invitation was paid brings nobody anything, and its own link ends.
CREATE FUNCTION twinstream.end_invite(of_platform text, invited bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM twinstream.void_invite(of_platform, invited);
    UPDATE twinstream.invite_links AS l SET is_revoked = true, revoke_at = now()
    WHERE l.platform = of_platform AND l.account_id = invited AND NOT l.is_revoked;
END $$;

-- Returns from when on an inviter may be paid once more: 24 hours after the payment that is `per_day` before it. With
-- `is_new` those count that are planned, too, so that each of a long queue gets a moment of its own and is looked at
-- then alone. Null: at once.
CREATE FUNCTION twinstream.turn_of(of_platform text, inviter bigint, per_day integer, is_new boolean)
RETURNS timestamptz LANGUAGE sql STABLE SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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

-- Judges one invitation: it is void, or paid if the record takes the payment, or is looked at again later. Locks the
-- inviter of one that is to be paid.
CREATE FUNCTION twinstream.judged_invite(
    one twinstream.invites, stay_s double precision, least_xp bigint, per_day integer, pause interval
) RETURNS twinstream.invites LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
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

-- Judges at most `at_most` invitations, the longest due first, and pays the inviters of those whose account has stayed
-- for `stay_s` seconds and earned. Returns each with its status; `waiting` ones are looked at again, after `pause_s`
-- seconds at the earliest. An account that does not earn within 30 days more, or is linked with the inviter or was,
-- makes it void. Beyond `per_day` within 24 hours an inviter's others wait, however long. A payment that the record
-- refuses keeps no other waiting: it is put off for an hour, then for two, four and so on, and after the ninth time
-- for ever.
CREATE FUNCTION twinstream.pay_due_invites(
    of_platform text, stay_s double precision, least_xp bigint, more_xp bigint, more_balance bigint,
    per_day integer, stores text[], forget_secret text, pause_s double precision, at_most integer
) RETURNS TABLE (inviter_id bigint, account_id bigint, status text, why text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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

-- The same for a bot.
CREATE FUNCTION twinstream.pay_invites(
    of_platform text, stay_s double precision, least_xp bigint, more_xp bigint, more_balance bigint,
    per_day integer, stores text[] DEFAULT '{}', forget_secret text DEFAULT NULL, pause_s double precision DEFAULT 0,
    at_most integer DEFAULT 100
) RETURNS TABLE (inviter_id bigint, account_id bigint, status text, why text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY SELECT * FROM twinstream.pay_due_invites(
        of_platform, stay_s, least_xp, more_xp, more_balance, per_day, stores, forget_secret, pause_s, at_most
    );
END $$;

-- Lets invitations go with a member to another account. One of the new account's own is none: the member was here.
-- But if it was paid, that is the member's one. Those that the member has brought wait for, and count for, the new
-- account.
CREATE FUNCTION twinstream.carry_invites() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER invites_follow_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.carry_invites();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER invites_follow_moves ON twinstream.moves;
DROP FUNCTION twinstream.carry_invites();
DROP FUNCTION twinstream.pay_invites(
    text, double precision, bigint, bigint, bigint, integer, text[], text, double precision, integer
);
DROP FUNCTION twinstream.pay_due_invites(
    text, double precision, bigint, bigint, bigint, integer, text[], text, double precision, integer
);
DROP FUNCTION twinstream.judged_invite(twinstream.invites, double precision, bigint, integer, interval);
DROP FUNCTION twinstream.turn_of(text, bigint, integer, boolean);
DROP FUNCTION twinstream.end_invite(text, bigint);
DROP FUNCTION twinstream.void_invite(text, bigint);
DROP FUNCTION twinstream.note_invite(text, bigint, bigint, text, text);
DROP TABLE twinstream.invites;
