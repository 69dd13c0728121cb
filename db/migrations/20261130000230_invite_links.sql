-- migrate:up
-- The invite links that the bot makes for members (db/rewards/invite_links.py).

CREATE TABLE twinstream.invite_links (
    platform text NOT NULL,
    chat_id bigint NOT NULL,
    account_id bigint NOT NULL,
    link text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    -- It counts for nobody any more. The row goes once the platform has revoked it.
    is_revoked boolean NOT NULL DEFAULT false,
    -- When the platform is asked next to revoke it, and how often it was.
    revoke_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    CONSTRAINT invite_link_once PRIMARY KEY (platform, link),
    CONSTRAINT invite_link_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT invite_link_is_short CHECK (length(link) <= 200)
);
CREATE UNIQUE INDEX invite_link_of_member ON twinstream.invite_links (platform, account_id, chat_id) WHERE NOT is_revoked;
CREATE INDEX invite_links_to_revoke ON twinstream.invite_links (platform, revoke_at) WHERE is_revoked;
-- For a move or a forgetting.
CREATE INDEX invite_links_by_account ON twinstream.invite_links (platform, account_id);

-- Returns the member's link to a chat; null if there is none. Keeps `made` as the link if there is none. Otherwise
-- `made` is one too many, which a member gets who asks twice at a time, and is revoked.
CREATE FUNCTION twinstream.keep_invite_link(of_platform text, chat bigint, account bigint, made text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known text;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF made IS NOT NULL THEN
        -- A link that is being kept is there for a forgetting to revoke.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
        INSERT INTO twinstream.invite_links AS l (platform, chat_id, account_id, link)
        VALUES (of_platform, chat, account, made)
        ON CONFLICT DO NOTHING;
    END IF;
    SELECT l.link INTO known FROM twinstream.invite_links AS l
    WHERE l.platform = of_platform AND l.chat_id = chat AND l.account_id = account AND NOT l.is_revoked;
    IF known <> made THEN
        INSERT INTO twinstream.invite_links AS l (platform, chat_id, account_id, link, is_revoked)
        VALUES (of_platform, chat, account, made, true)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN known;
END $$;

-- Takes links that the platform is to revoke now. Each is tried again after a minute, then after two, four and so on,
-- until it is dropped, or after ten attempts is given up, and its row goes.
CREATE FUNCTION twinstream.take_revoked_links(of_platform text, at_most integer)
RETURNS TABLE (chat_id bigint, link text, is_last boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.invite_links AS l
    WHERE l.platform = of_platform AND l.is_revoked AND l.revoke_at <= now() AND l.attempts >= 10;
    RETURN QUERY
    UPDATE twinstream.invite_links AS l SET
        attempts = l.attempts + 1, revoke_at = now() + interval '1 minute' * 2 ^ l.attempts
    FROM (
        SELECT d.link FROM twinstream.invite_links AS d
        WHERE d.platform = of_platform AND d.is_revoked AND d.revoke_at <= now()
        ORDER BY d.revoke_at LIMIT at_most FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE l.platform = of_platform AND l.link = due.link
    RETURNING l.chat_id, l.link, l.attempts >= 10;
END $$;

-- Drops a link that the platform has revoked.
CREATE FUNCTION twinstream.drop_revoked_link(of_platform text, of_link text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.invite_links AS l WHERE l.platform = of_platform AND l.link = of_link AND l.is_revoked;
END $$;

REVOKE EXECUTE ON FUNCTION
    twinstream.keep_invite_link(text, bigint, bigint, text),
    twinstream.take_revoked_links(text, integer),
    twinstream.drop_revoked_link(text, text)
FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.drop_revoked_link(text, text);
DROP FUNCTION twinstream.take_revoked_links(text, integer);
DROP FUNCTION twinstream.keep_invite_link(text, bigint, bigint, text);
DROP TABLE twinstream.invite_links;
