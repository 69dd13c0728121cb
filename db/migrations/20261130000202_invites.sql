-- migrate:up
-- Rewards for those who bring members along who stay (db/rewards/invites.py).

-- The accounts that came by somebody's invitation, each once for ever: leaving and joining again changes no row.
CREATE TABLE twinstream.invites (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    inviter_id bigint NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    -- waiting: stays and earns, or does not. paid: the inviter was rewarded. void: nothing is paid for it.
    status text NOT NULL DEFAULT 'waiting',
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invite_once PRIMARY KEY (platform, account_id),
    CONSTRAINT invite_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT invite_status_known CHECK (status IN ('waiting', 'paid', 'void'))
);
CREATE INDEX invites_waiting ON twinstream.invites (platform, joined_at) WHERE status = 'waiting';
CREATE INDEX invites_by_inviter ON twinstream.invites (inviter_id, changed_at);

-- Notes that an account joined by an invitation. It is void at once for an account that was seen before, or was
-- forgotten: it did not come for the first time. Returns the status; null if the account was invited before, or
-- its inviter was forgotten and has not come back.
CREATE FUNCTION twinstream.note_invite(
    of_platform text, inviter bigint, invited bigint, forget_secret text DEFAULT NULL
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    noted text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- An invitation that is being noted is there for a forgetting to remove; a later one finds the marks.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    -- The bot's link of a member outlives the forgetting.
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
    WHERE i.platform = of_platform AND i.account_id = invited AND i.status = 'waiting'
$$;

-- An account that left before its invitation was paid brings nobody anything.
CREATE FUNCTION twinstream.end_invite(of_platform text, invited bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM twinstream.void_invite(of_platform, invited);
END $$;

-- Judges one invitation whose account has stayed for `stay_s` seconds, and pays the inviter. Returns no row when
-- there is none to judge, or another transaction holds the inviter. An account that does not earn within 30 days
-- more, or is linked with the inviter or was, makes it void. Beyond `per_day` within 24 hours an inviter's others
-- wait, however long.
CREATE FUNCTION twinstream.pay_invite(
    of_platform text, stay_s double precision, least_xp bigint, more_xp bigint, more_balance bigint,
    per_day integer, stores text[] DEFAULT '{}', forget_secret text DEFAULT NULL
) RETURNS TABLE (inviter_id bigint, account_id bigint, status text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    one record;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    SELECT i.*, e.is_enough INTO one
    FROM twinstream.invites AS i CROSS JOIN LATERAL (
        -- In the books of its own platform, so that what others give it by a link does not count. Neither do the
        -- entries that links, unlinks and moves themselves make.
        SELECT coalesce(sum(t.delta_xp), 0) >= least_xp AS is_enough FROM twinstream.transactions AS t
        WHERE t.account_id = i.account_id AND t.source = of_platform AND t.platform = of_platform
            AND t.delta_xp > 0 AND t.idempotency_key NOT LIKE 'link:%'
    ) AS e
    WHERE i.platform = of_platform AND i.status = 'waiting'
        AND i.joined_at <= now() - make_interval(secs => stay_s)
        AND (e.is_enough OR i.joined_at < now() - make_interval(days => 30, secs => stay_s))
        AND per_day > (
            SELECT count(*) FROM twinstream.invites AS p
            WHERE p.inviter_id = i.inviter_id AND p.platform = i.platform AND p.status = 'paid'
                AND p.changed_at > now() - interval '24 hours'
        )
    ORDER BY i.joined_at LIMIT 1
    FOR UPDATE OF i SKIP LOCKED;
    IF one.account_id IS NULL THEN
        RETURN;
    END IF;
    -- One payment of an inviter at a time, so that the limit holds. A move or a forgetting that holds the inviter
    -- may be about to change this row: it would wait for this payment, and this payment for it.
    IF twinstream.lock_accounts(of_platform, ARRAY[one.inviter_id], false) IS NULL THEN
        RETURN;
    END IF;
    one.status := CASE
        WHEN NOT one.is_enough OR EXISTS (
            -- Both were linked with one account: they are one person's.
            SELECT FROM twinstream.links_of(of_platform, one.account_id) AS l
            JOIN twinstream.links_of(of_platform, one.inviter_id) AS o ON CASE of_platform
                WHEN 'telegram' THEN o.discord_account_id = l.discord_account_id
                ELSE o.telegram_account_id = l.telegram_account_id END
        ) OR one.inviter_id < 0 THEN 'void'
        WHEN per_day <= (
            SELECT count(*) FROM twinstream.invites AS p
            WHERE p.inviter_id = one.inviter_id AND p.platform = of_platform AND p.status = 'paid'
                AND p.changed_at > now() - interval '24 hours'
        ) THEN 'waiting'
        ELSE 'paid' END;
    IF one.status = 'paid' THEN
        PERFORM twinstream.record_amounts(
            of_platform, one.inviter_id, more_xp, more_balance, 'invite', one.account_id::text, stores, forget_secret
        );
    END IF;
    UPDATE twinstream.invites AS i SET status = one.status, changed_at = now()
    WHERE i.platform = of_platform AND i.account_id = one.account_id;
    RETURN QUERY SELECT one.inviter_id, one.account_id, one.status;
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
        UPDATE twinstream.invites AS i SET account_id = NEW.to_account_id
        WHERE i.platform = NEW.platform AND i.account_id = NEW.from_account_id;
    ELSE
        PERFORM twinstream.void_invite(NEW.platform, NEW.to_account_id);
    END IF;
    UPDATE twinstream.invites AS i SET inviter_id = NEW.to_account_id
    WHERE i.platform = NEW.platform AND i.inviter_id = NEW.from_account_id;
    -- Of two accounts that were one person's, one has invited the other.
    PERFORM twinstream.void_invite(i.platform, i.account_id) FROM twinstream.invites AS i
    WHERE i.platform = NEW.platform AND i.account_id = NEW.to_account_id AND i.inviter_id = i.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER invites_follow_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.carry_invites();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER invites_follow_moves ON twinstream.moves;
DROP FUNCTION twinstream.carry_invites();
DROP FUNCTION twinstream.pay_invite(text, double precision, bigint, bigint, bigint, integer, text[], text);
DROP FUNCTION twinstream.end_invite(text, bigint);
DROP FUNCTION twinstream.void_invite(text, bigint);
DROP FUNCTION twinstream.note_invite(text, bigint, bigint, text);
DROP TABLE twinstream.invites;
