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

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.recall_link_rules(text, bigint, text);
DROP FUNCTION twinstream.mark_link_rules(twinstream.forgotten_one[], bytea[]);
DROP TABLE twinstream.link_marks;
