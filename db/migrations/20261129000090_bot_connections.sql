-- migrate:up
-- Whether the bot of each platform is connected to it, as the bot itself says every few seconds: the
-- operator's screen has no other way to know. One row for each platform, so nothing has to be removed.
-- `trouble` is the bot's sentence on what keeps it from serving members, where it knows.
CREATE TABLE twinstream.bot_connections (
    platform text NOT NULL,
    is_connected boolean NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    reported_at timestamptz NOT NULL DEFAULT now(),
    trouble text,
    CONSTRAINT bot_connection_once PRIMARY KEY (platform),
    CONSTRAINT bot_connection_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT bot_connection_has_no_trouble CHECK (trouble IS NULL OR NOT is_connected)
);

-- Notes that the bot lives, and whether its platform answers it. `since` is when that changed, or when the
-- bot spoke again after a silence of `silence_s`. `why` is the reason, if the bot is not connected and knows it.
CREATE FUNCTION twinstream.report_connection(
    of_platform text, connected boolean, silence_s double precision, why text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    INSERT INTO twinstream.bot_connections AS b (platform, is_connected, trouble)
    VALUES (of_platform, connected, CASE WHEN NOT connected THEN left(why, 1000) END)
    ON CONFLICT ON CONSTRAINT bot_connection_once DO UPDATE SET
        is_connected = excluded.is_connected,
        since = CASE
            WHEN b.is_connected = excluded.is_connected
                AND b.reported_at > now() - make_interval(secs => silence_s)
            THEN b.since ELSE now() END,
        trouble = excluded.trouble,
        reported_at = now();
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.report_connection(text, boolean, double precision, text);
DROP TABLE twinstream.bot_connections;
