-- migrate:up
-- Events that come through our bots carry a name, so the short way reads that, too: written as our codec
-- writes it, a name is the same text as JSON that Postgres makes of it. Any other goes the long way, which
-- ignores names as it ignores every field that it does not know.
CREATE OR REPLACE FUNCTION twinstream.read_events(payloads text[]) RETURNS twinstream.event[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- The reason, the entity, the time, the key without quotes and backslashes, and the achievement.
    texts CONSTANT text := '^([a-z][a-z0-9]*(_[a-z][a-z0-9]*)*\t[A-Za-z0-9_.:-]+'
        '\t[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z'
        '\t[!#-[\]-~]+(\t[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*)?\n)+$';
    events twinstream.event[];
    is_plain boolean;
BEGIN
    SELECT
        array_agg(
            ROW (
                NULL, e.idempotency_key, e.source, e.type, e.user_id, coalesce(e.delta_xp, 0),
                coalesce(e.delta_balance, 0), e.achievement, e.reason, e.entity_id, t.occurred_at, p.payload
            )::twinstream.event ORDER BY p.number
        ),
        bool_and(coalesce(
            p.payload = concat(
                '{"type":"', e.type, '","idempotency_key":"', e.idempotency_key, '","source":"', e.source,
                '","user_id":', e.user_id, ',"reason":"', e.reason, '","entity_id":"', e.entity_id,
                '","occurred_at":"', e.occurred_at, '","v":1,',
                '"display_name":' || to_json(e.display_name)::text || ',', CASE e.type
                    WHEN 'xp.changed' THEN '"delta_xp":' || e.delta_xp
                    WHEN 'balance.changed' THEN '"delta_balance":' || e.delta_balance
                    WHEN 'achievement.unlocked' THEN '"achievement":"' || e.achievement || '"'
                END, '}'
            )
            AND octet_length(p.payload) <= 16384 AND e.user_id > 0 AND length(e.reason) <= 64
            AND length(e.entity_id) <= 128 AND length(e.idempotency_key) <= 256
            AND t.occurred_at >= '0001-01-01T00:00:00Z' AND t.occurred_at < '10000-01-01T00:00:00Z'
            AND CASE e.type WHEN 'achievement.unlocked' THEN length(e.achievement) <= 64
                ELSE coalesce(e.delta_xp, e.delta_balance) BETWEEN -1000000000000 AND 1000000000000
                    AND coalesce(e.delta_xp, e.delta_balance) <> 0 END,
            false
        ))
            AND (bool_and(e.source = 'telegram') OR bool_and(e.source = 'discord'))
            AND string_agg(concat(
                e.reason, E'\t', e.entity_id, E'\t', e.occurred_at, E'\t', e.idempotency_key,
                E'\t' || e.achievement, E'\n'
            ), '') COLLATE "C" ~ texts
    INTO events, is_plain
    FROM unnest(payloads) WITH ORDINALITY AS p (payload, number)
    CROSS JOIN LATERAL jsonb_to_record(p.payload::jsonb) AS e (
        v integer, type text, idempotency_key text, source text, user_id bigint, reason text,
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text,
        display_name text
    )
    CROSS JOIN LATERAL (SELECT e.occurred_at::timestamptz AS occurred_at OFFSET 0) AS t;
    RETURN CASE WHEN is_plain THEN events ELSE twinstream.read_any_events(payloads) END;
END $$;

-- migrate:down
-- As it was: a name went the long way.
CREATE OR REPLACE FUNCTION twinstream.read_events(payloads text[]) RETURNS twinstream.event[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- The reason, the entity, the time, the key without quotes and backslashes, and the achievement.
    texts CONSTANT text := '^([a-z][a-z0-9]*(_[a-z][a-z0-9]*)*\t[A-Za-z0-9_.:-]+'
        '\t[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z'
        '\t[!#-[\]-~]+(\t[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*)?\n)+$';
    events twinstream.event[];
    is_plain boolean;
BEGIN
    SELECT
        array_agg(
            ROW (
                NULL, e.idempotency_key, e.source, e.type, e.user_id, coalesce(e.delta_xp, 0),
                coalesce(e.delta_balance, 0), e.achievement, e.reason, e.entity_id, t.occurred_at, p.payload
            )::twinstream.event ORDER BY p.number
        ),
        bool_and(coalesce(
            p.payload = concat(
                '{"type":"', e.type, '","idempotency_key":"', e.idempotency_key, '","source":"', e.source,
                '","user_id":', e.user_id, ',"reason":"', e.reason, '","entity_id":"', e.entity_id,
                '","occurred_at":"', e.occurred_at, '","v":1,', CASE e.type
                    WHEN 'xp.changed' THEN '"delta_xp":' || e.delta_xp
                    WHEN 'balance.changed' THEN '"delta_balance":' || e.delta_balance
                    WHEN 'achievement.unlocked' THEN '"achievement":"' || e.achievement || '"'
                END, '}'
            )
            AND octet_length(p.payload) <= 16384 AND e.user_id > 0 AND length(e.reason) <= 64
            AND length(e.entity_id) <= 128 AND length(e.idempotency_key) <= 256
            AND t.occurred_at >= '0001-01-01T00:00:00Z' AND t.occurred_at < '10000-01-01T00:00:00Z'
            AND CASE e.type WHEN 'achievement.unlocked' THEN length(e.achievement) <= 64
                ELSE coalesce(e.delta_xp, e.delta_balance) BETWEEN -1000000000000 AND 1000000000000
                    AND coalesce(e.delta_xp, e.delta_balance) <> 0 END,
            false
        ))
            AND (bool_and(e.source = 'telegram') OR bool_and(e.source = 'discord'))
            AND string_agg(concat(
                e.reason, E'\t', e.entity_id, E'\t', e.occurred_at, E'\t', e.idempotency_key,
                E'\t' || e.achievement, E'\n'
            ), '') COLLATE "C" ~ texts
    INTO events, is_plain
    FROM unnest(payloads) WITH ORDINALITY AS p (payload, number)
    CROSS JOIN LATERAL jsonb_to_record(p.payload::jsonb) AS e (
        v integer, type text, idempotency_key text, source text, user_id bigint, reason text,
        entity_id text, occurred_at text, delta_xp bigint, delta_balance bigint, achievement text
    )
    CROSS JOIN LATERAL (SELECT e.occurred_at::timestamptz AS occurred_at OFFSET 0) AS t;
    RETURN CASE WHEN is_plain THEN events ELSE twinstream.read_any_events(payloads) END;
END $$;
