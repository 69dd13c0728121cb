-- migrate:up
-- Thanks: an account thanks another one, which has one point of reputation more. A row says that it happened,
-- so an update that is delivered again finds it, and the limits of a day are counted from the rows. Cleanup
-- removes them after some weeks; the points stay in `account_scores`.
CREATE TABLE twinstream.thanks (
    platform text NOT NULL,
    giver_account_id bigint NOT NULL,
    receiver_account_id bigint NOT NULL,
    day date NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    xp bigint NOT NULL DEFAULT 0,
    given_at timestamptz NOT NULL,
    CONSTRAINT thank_once_a_day PRIMARY KEY (platform, giver_account_id, receiver_account_id, day),
    CONSTRAINT thank_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT thank_is_for_another CHECK (giver_account_id <> receiver_account_id),
    CONSTRAINT thank_accounts_positive CHECK (giver_account_id > 0 AND receiver_account_id > 0),
    CONSTRAINT thank_xp_not_negative CHECK (xp >= 0)
);
CREATE INDEX thanks_by_receiver ON twinstream.thanks (platform, receiver_account_id, day);
-- For cleanup, which removes the oldest.
CREATE INDEX thanks_by_day ON twinstream.thanks (day);
COMMENT ON COLUMN twinstream.thanks.day IS 'the day of `given_at` in the time zone of the community';
COMMENT ON COLUMN twinstream.thanks.entity_id IS 'the message or interaction that said thanks';
COMMENT ON COLUMN twinstream.thanks.xp IS 'the XP that the receiver got for it';

-- Enters a thank, once per pair of people and day. Both people are locked until the transaction ends, so two
-- thanks at a time are counted one after the other. The caller records `xp` as an event in the same
-- transaction, with the entity of the thank.
--
-- The day is that of `said_at`, which the platform says: a message that comes again after midnight finds its
-- row. A moment ahead of Postgres's clock is taken as now. A message older than `age_s_max` is too late: its
-- row may be gone. So is one from before one of the two was forgotten.
--
-- `outcome` is one of: thanked; known (the same message once more, with what it got the first time); again
-- (another one on the same day); self; late; enough (the giver has thanked `per_day` people today).
-- `reputation` is that of the person thanked, from all their accounts. `thanks_left` is what the giver has
-- left today.
CREATE FUNCTION twinstream.thank(
    of_platform text, giver bigint, receiver bigint, said_in text, said_at timestamptz, zone text,
    per_day integer, xp_each bigint, xp_per_day bigint, age_s_max double precision,
    forget_secret text DEFAULT NULL
) RETURNS TABLE (outcome text, reputation bigint, xp bigint, thanks_left integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := least(said_at, now());
    today CONSTANT date := (moment AT TIME ZONE zone)::date;
    people CONSTANT bigint[] := ARRAY[giver, receiver];
    answer text;
    granted bigint;
    thanked integer;
    is_again boolean;
    first_xp bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- A person has one account on a platform (account_one_per_platform), so nobody is thanked by a second one.
    IF giver = receiver THEN
        RETURN QUERY SELECT 'self', 0::bigint, 0::bigint, 0;
        RETURN;
    END IF;
    IF twinstream.was_forgotten_since(of_platform, people, moment, forget_secret) THEN
        RETURN QUERY SELECT 'late', 0::bigint, 0::bigint, 0;
        RETURN;
    END IF;
    PERFORM twinstream.lock_accounts(of_platform, people, true);
    IF twinstream.was_forgotten_since(of_platform, people, moment, forget_secret) THEN
        RAISE EXCEPTION 'an account is being forgotten at this moment' USING ERRCODE = 'serialization_failure';
    END IF;
    -- Of both people every account, on both platforms.
    WITH theirs AS (
        SELECT a.platform, a.account_id, o.account_id = giver AS is_givers
        FROM twinstream.accounts AS o JOIN twinstream.accounts AS a ON a.member_id = o.member_id
        WHERE o.platform = of_platform AND o.account_id IN (giver, receiver)
    ), given AS (
        SELECT t.platform, t.receiver_account_id FROM theirs AS g JOIN twinstream.thanks AS t
            ON t.platform = g.platform AND t.giver_account_id = g.account_id
        WHERE g.is_givers AND t.day = today
    ), got AS (
        SELECT t.xp FROM theirs AS r JOIN twinstream.thanks AS t
            ON t.platform = r.platform AND t.receiver_account_id = r.account_id
        WHERE NOT r.is_givers AND t.day = today
    )
    SELECT
        (SELECT count(*) FROM given),
        least(xp_each, greatest(xp_per_day - (SELECT coalesce(sum(g.xp), 0) FROM got AS g), 0)),
        EXISTS (
            SELECT FROM given AS t JOIN theirs AS r
                ON NOT r.is_givers AND r.platform = t.platform AND r.account_id = t.receiver_account_id
        )
    INTO thanked, granted, is_again;
    answer := CASE
        WHEN is_again THEN 'again'
        WHEN moment < now() - make_interval(secs => age_s_max) THEN 'late'
        WHEN thanked >= per_day THEN 'enough'
        ELSE 'thanked'
    END;
    -- The same message once more. On any day: its moment may have been ahead of our clock the first time.
    first_xp := (
        SELECT k.xp FROM twinstream.thanks AS k
        WHERE k.platform = of_platform AND k.giver_account_id = giver AND k.receiver_account_id = receiver
            AND k.entity_id = said_in
        LIMIT 1
    );
    IF first_xp IS NOT NULL THEN
        answer := 'known';
        granted := first_xp;
    END IF;
    IF answer = 'thanked' THEN
        INSERT INTO twinstream.thanks
            (platform, giver_account_id, receiver_account_id, day, entity_id, xp, given_at)
        VALUES (of_platform, giver, receiver, today, said_in, granted, moment);
        INSERT INTO twinstream.account_scores AS s (platform, account_id, reputation)
        VALUES (of_platform, receiver, 1)
        ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET reputation = s.reputation + 1;
        thanked := thanked + 1;
    END IF;
    RETURN QUERY
    SELECT answer,
        (
            SELECT coalesce(sum(s.reputation), 0)::bigint
            FROM twinstream.accounts AS o
            JOIN twinstream.accounts AS a ON a.member_id = o.member_id
            JOIN twinstream.account_scores AS s ON s.platform = a.platform AND s.account_id = a.account_id
            WHERE o.platform = of_platform AND o.account_id = receiver
        ),
        CASE WHEN answer IN ('thanked', 'known') THEN granted ELSE 0 END,
        greatest(per_day - thanked, 0);
END $$;

-- An account that takes another one's place takes its points along, and what was thanked lately counts as the
-- new one's. Thanks that the old one gave count as its own, too: a move gives nobody a second thank on a day.
CREATE FUNCTION twinstream.carry_reputation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO twinstream.account_scores AS s (platform, account_id, reputation)
    SELECT o.platform, NEW.to_account_id, o.reputation FROM twinstream.account_scores AS o
    WHERE o.platform = NEW.platform AND o.account_id = NEW.from_account_id AND o.reputation <> 0
    ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET
        reputation = s.reputation + excluded.reputation;
    UPDATE twinstream.account_scores AS s SET reputation = 0
    WHERE s.platform = NEW.platform AND s.account_id = NEW.from_account_id AND s.reputation <> 0;
    INSERT INTO twinstream.thanks AS t
        (platform, giver_account_id, receiver_account_id, day, entity_id, given_at)
    SELECT o.platform, NEW.to_account_id, o.receiver_account_id, o.day, o.entity_id, o.given_at
    FROM twinstream.thanks AS o
    WHERE o.platform = NEW.platform AND o.giver_account_id = NEW.from_account_id
        AND o.receiver_account_id <> NEW.to_account_id
    -- The receiver had the XP of the first row.
    ON CONFLICT ON CONSTRAINT thank_once_a_day DO NOTHING;
    UPDATE twinstream.thanks AS t SET receiver_account_id = NEW.to_account_id
    WHERE t.platform = NEW.platform AND t.receiver_account_id = NEW.from_account_id
        AND t.giver_account_id <> NEW.to_account_id AND NOT EXISTS (
            SELECT FROM twinstream.thanks AS k
            WHERE k.platform = t.platform AND k.receiver_account_id = NEW.to_account_id
                AND k.giver_account_id = t.giver_account_id AND k.day = t.day
        );
    RETURN NULL;
END $$;
CREATE TRIGGER reputation_follows_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.carry_reputation();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER reputation_follows_moves ON twinstream.moves;
DROP FUNCTION twinstream.carry_reputation();
DROP FUNCTION twinstream.thank(
    text, bigint, bigint, text, timestamptz, text, integer, bigint, bigint, double precision, text
);
DROP TABLE twinstream.thanks;
