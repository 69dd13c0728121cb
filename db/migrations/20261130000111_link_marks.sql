-- migrate:up
-- Forgetting frees nobody from what administrators decided, and pays no reward for linking twice: of an account
-- that may not link, or that had its share in a reward, an HMAC stays, as of its entries.
CREATE TABLE twinstream.link_marks (
    mark text COLLATE "C" NOT NULL,
    rule text NOT NULL,
    -- The link that the reward was paid for.
    link_id bigint,
    marked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT link_mark_once PRIMARY KEY (mark, rule),
    CONSTRAINT link_mark_is_hmac CHECK (mark COLLATE "C" ~ '^[0-9a-f]{64}$'),
    CONSTRAINT link_mark_rule_known CHECK (rule IN ('ban', 'reward'))
);
COMMENT ON COLUMN twinstream.link_marks.mark IS 'as in forgotten_accounts';

-- Keeps the rules of linking that these accounts are under, before their rows go.
CREATE FUNCTION twinstream.mark_link_rules(person twinstream.forgotten_one[], pads bytea[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO twinstream.link_marks (mark, rule, link_id)
    SELECT twinstream.account_mark(pads, p.platform, p.account_id), r.rule, r.link_id
    FROM unnest(person) AS p CROSS JOIN LATERAL (
        SELECT 'ban' AS rule, NULL::bigint AS link_id FROM twinstream.link_bans AS b
        WHERE b.platform = p.platform AND b.account_id = p.account_id
        UNION ALL
        SELECT 'reward', w.link_id FROM twinstream.link_rewards AS w
        WHERE w.platform = p.platform AND w.account_id = p.account_id
    ) AS r
    ON CONFLICT ON CONSTRAINT link_mark_once DO NOTHING
$$;

-- Puts an account that was forgotten, and came back, under the rules again that it was under. Each bot calls it
-- when its member starts or opens an offer; a caller without the secret does not.
CREATE FUNCTION twinstream.recall_link_rules(of_platform text, of_account bigint, forget_secret text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    its_mark text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF NOT EXISTS (SELECT FROM twinstream.link_marks) THEN
        RETURN;
    END IF;
    its_mark := twinstream.account_mark(twinstream.mark_pads(forget_secret), of_platform, of_account);
    INSERT INTO twinstream.link_bans (platform, account_id)
    SELECT of_platform, of_account FROM twinstream.link_marks AS m WHERE m.mark = its_mark AND m.rule = 'ban'
    ON CONFLICT ON CONSTRAINT link_ban_once DO NOTHING;
    INSERT INTO twinstream.link_rewards (platform, account_id, link_id)
    SELECT of_platform, of_account, m.link_id FROM twinstream.link_marks AS m
    WHERE m.mark = its_mark AND m.rule = 'reward'
    ON CONFLICT ON CONSTRAINT link_reward_once DO NOTHING;
    DELETE FROM twinstream.link_marks AS m WHERE m.mark = its_mark;
END $$;

-- As before, and the rules of linking are kept by their marks.
CREATE OR REPLACE FUNCTION twinstream.forget_person(
    of_platform text, of_account bigint, forget_secret text, moment timestamptz DEFAULT clock_timestamp()
) RETURNS TABLE (platform text, account_id bigint, entries bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
    naming text[];
    person twinstream.forgotten_one[];
    rewritten bigint;
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.obey_stop_sign();
    IF length(forget_secret) >= 16 IS NOT TRUE OR of_account < 1 THEN
        RAISE EXCEPTION 'forgetting needs a secret of 16 characters or more, and an account of a platform'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_long';
    END IF;
    -- Read before anything is locked.
    naming := twinstream.keys_naming(ARRAY (
        SELECT ROW (p.platform, p.account_id, p.member_id, NULL)::twinstream.forgotten_one
        FROM twinstream.accounts_of_person(of_platform, of_account) AS p
    ));
    person := twinstream.lock_person(of_platform, of_account);
    PERFORM twinstream.finish_events_of(person, naming);
    rewritten := twinstream.rewrite_entries(person, naming, pads);
    PERFORM twinstream.mark_link_rules(person, pads);
    PERFORM twinstream.forget_elsewhere(person);
    PERFORM twinstream.forget_findings(person);
    UPDATE twinstream.accounts AS a SET account_id = p.pseudonym, display_name = NULL, is_hidden = true
    FROM unnest(person) AS p WHERE a.platform = p.platform AND a.account_id = p.account_id;
    PERFORM twinstream.mark_forgotten(
        ARRAY (SELECT twinstream.account_mark(pads, p.platform, p.account_id) FROM unnest(person) AS p),
        pads, moment
    );
    RETURN QUERY SELECT p.platform, p.account_id, rewritten FROM unnest(person) AS p;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.forget_person(
    of_platform text, of_account bigint, forget_secret text, moment timestamptz DEFAULT clock_timestamp()
) RETURNS TABLE (platform text, account_id bigint, entries bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
    naming text[];
    person twinstream.forgotten_one[];
    rewritten bigint;
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.obey_stop_sign();
    IF length(forget_secret) >= 16 IS NOT TRUE OR of_account < 1 THEN
        RAISE EXCEPTION 'forgetting needs a secret of 16 characters or more, and an account of a platform'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_long';
    END IF;
    -- Read before anything is locked.
    naming := twinstream.keys_naming(ARRAY (
        SELECT ROW (p.platform, p.account_id, p.member_id, NULL)::twinstream.forgotten_one
        FROM twinstream.accounts_of_person(of_platform, of_account) AS p
    ));
    person := twinstream.lock_person(of_platform, of_account);
    PERFORM twinstream.finish_events_of(person, naming);
    rewritten := twinstream.rewrite_entries(person, naming, pads);
    PERFORM twinstream.forget_elsewhere(person);
    PERFORM twinstream.forget_findings(person);
    UPDATE twinstream.accounts AS a SET account_id = p.pseudonym, display_name = NULL, is_hidden = true
    FROM unnest(person) AS p WHERE a.platform = p.platform AND a.account_id = p.account_id;
    PERFORM twinstream.mark_forgotten(
        ARRAY (SELECT twinstream.account_mark(pads, p.platform, p.account_id) FROM unnest(person) AS p),
        pads, moment
    );
    RETURN QUERY SELECT p.platform, p.account_id, rewritten FROM unnest(person) AS p;
END $$;
DROP FUNCTION twinstream.recall_link_rules(text, bigint, text);
DROP FUNCTION twinstream.mark_link_rules(twinstream.forgotten_one[], bytea[]);
DROP TABLE twinstream.link_marks;
