-- migrate:up
-- History that a bot's own table had before twinstream becomes events by `import-history` (docs/integrate.md).

-- Tells whether a key is for events of our own processes only. `import:` names what one account had before:
-- a sender that took such a key would keep that account's history out for ever.
CREATE OR REPLACE FUNCTION twinstream.is_reserved(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:') OR starts_with(key, 'import:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;

-- Wants these ranks of members whose books the caller has just changed, where they are not wanted already:
-- most are, and a wish that is the same once more would write its row all the same. All writers of these
-- wishes hold the row of the books. The newest key explains a wish; an event of a member (0) is more urgent
-- than one of reconcile (2), and that than imported history (3), which changes many ranks at once and is
-- no news to announce.
CREATE OR REPLACE FUNCTION twinstream.want_ranks(
    of_platform text, members bigint[], ranks integer[], events twinstream.event[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
    wanted integer[];
BEGIN
    SELECT array_agg(n.member_id), array_agg(n.rank) INTO changed, wanted
    FROM unnest(members, ranks) AS n (member_id, rank)
    WHERE n.rank IS DISTINCT FROM (
        SELECT f.wanted FROM twinstream.surfaces AS f
        WHERE f.member_id = n.member_id AND f.platform = of_platform AND f.surface = 'rank'
    );
    IF changed IS NULL THEN
        RETURN;
    END IF;
    PERFORM twinstream.want(
        array_agg(n.member_id), array_agg(of_platform), array_agg('rank'::text), array_agg(n.rank),
        array_agg(c.key), array_agg(c.priority)
    )
    FROM unnest(changed, wanted) AS n (member_id, rank)
    CROSS JOIN LATERAL (
        SELECT max(e.idempotency_key) AS key, min(CASE
            WHEN starts_with(e.idempotency_key, 'import:') THEN 3
            WHEN e.reason = 'reconcile' THEN 2
            ELSE 0
        END) AS priority
        FROM unnest(events) AS e WHERE e.member_id = n.member_id
    ) AS c;
END $$;

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.is_reserved(key text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT starts_with(key, 'link:') OR starts_with(key, 'entry:')
        OR coalesce(twinstream.reason_in_key(key) IN ('achievement_bonus', 'reconcile'), false)
$$;
CREATE OR REPLACE FUNCTION twinstream.want_ranks(
    of_platform text, members bigint[], ranks integer[], events twinstream.event[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
    wanted integer[];
BEGIN
    SELECT array_agg(n.member_id), array_agg(n.rank) INTO changed, wanted
    FROM unnest(members, ranks) AS n (member_id, rank)
    WHERE n.rank IS DISTINCT FROM (
        SELECT f.wanted FROM twinstream.surfaces AS f
        WHERE f.member_id = n.member_id AND f.platform = of_platform AND f.surface = 'rank'
    );
    IF changed IS NULL THEN
        RETURN;
    END IF;
    PERFORM twinstream.want(
        array_agg(n.member_id), array_agg(of_platform), array_agg('rank'::text), array_agg(n.rank),
        array_agg(c.key), array_agg(c.priority)
    )
    FROM unnest(changed, wanted) AS n (member_id, rank)
    CROSS JOIN LATERAL (
        SELECT max(e.idempotency_key) AS key,
            min(CASE e.reason WHEN 'reconcile' THEN 2 ELSE 0 END) AS priority
        FROM unnest(events) AS e WHERE e.member_id = n.member_id
    ) AS c;
END $$;
