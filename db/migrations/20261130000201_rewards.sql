-- migrate:up
-- XP, coins and achievements that administrators give to one member in the chat, and take away
-- (db/rewards/administrators.py). Each is on record with the administrator and the reason.
CREATE TABLE twinstream.rewards (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform text NOT NULL,
    administrator_id bigint NOT NULL,
    account_id bigint NOT NULL,
    -- The message or interaction that gave it, so that a command that is delivered again counts once.
    entity_id text COLLATE "C" NOT NULL,
    xp bigint NOT NULL,
    balance bigint NOT NULL,
    achievement text,
    reason text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reward_once UNIQUE (platform, entity_id),
    CONSTRAINT reward_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT reward_gives_something CHECK (xp <> 0 OR balance <> 0 OR achievement IS NOT NULL),
    CONSTRAINT reward_reason_is_short CHECK (length(reason) <= 300)
);
CREATE INDEX rewards_by_administrator ON twinstream.rewards (administrator_id, given_at);
CREATE INDEX rewards_by_account ON twinstream.rewards (account_id, id);

-- Gives a reward. Negative amounts take away, to zero at most. Limits are those of 24 hours; the amounts that an
-- administrator gives and takes add up.
--
-- Outcomes: given; again: this very command gave it before; limited: `free_at` says when the oldest reward of the
-- 24 hours no longer counts; own: an administrator's own account, or one that is linked with it; less: the member has
-- `xp` and `balance`, which is less; held: the member has the achievement already, and nothing else was to be given.
CREATE FUNCTION twinstream.give_reward(
    of_platform text, administrator bigint, of_account bigint, of_entity text, more_xp bigint,
    more_balance bigint, of_achievement text, why text, rewards_max integer, xp_max bigint, balance_max bigint,
    stores text[] DEFAULT '{}', forget_secret text DEFAULT NULL
) RETURNS TABLE (outcome text, xp bigint, balance bigint, unlocked boolean, free_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The newest rewards of the member behind an account, for /why: whoever gave each, and why.
CREATE FUNCTION twinstream.rewards_of(of_platform text, of_account bigint, at_most integer)
RETURNS TABLE (platform text, entity_id text, administrator_id bigint, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.rewards_of(text, bigint, integer);
DROP FUNCTION twinstream.give_reward(
    text, bigint, bigint, text, bigint, bigint, text, text, integer, bigint, bigint, text[], text
);
DROP TABLE twinstream.rewards;
