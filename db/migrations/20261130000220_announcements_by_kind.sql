-- migrate:up
-- Announcements by their kind (db/surfaces/announcements.py): the part of the surface before a colon. Each kind
-- may have a place of its own, and a place that takes nothing keeps no other kind waiting.

-- Returns up to `at_most` announcements of each of the kinds, the oldest of each kind first, or the newest if
-- `newest_first`. Something that the member lost meanwhile is left out; it is news again if it comes back in time.
CREATE FUNCTION twinstream.waiting_announcements(
    of_platform text, kinds text[], at_most integer, newest_first boolean
) RETURNS TABLE (
    member_id bigint, account_id bigint, display_name text, surface text, announced integer, xp bigint,
    shown_at timestamptz
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT w.member_id, w.account_id, w.display_name, w.surface, w.announced, m.xp, w.shown_at
    FROM unnest(kinds) AS k (kind)
    CROSS JOIN LATERAL (
        -- One of the two halves runs: each reads the index from its end.
        (
            SELECT f.member_id, a.account_id, a.display_name, f.surface, f.announced, f.shown_at
            FROM twinstream.surfaces AS f
            JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
            WHERE NOT newest_first AND f.platform = of_platform
                AND split_part(f.surface, ':', 1) = k.kind AND f.announce AND f.wanted >= f.announced
            ORDER BY f.shown_at LIMIT at_most
        )
        UNION ALL
        (
            SELECT f.member_id, a.account_id, a.display_name, f.surface, f.announced, f.shown_at
            FROM twinstream.surfaces AS f
            JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
            WHERE newest_first AND f.platform = of_platform
                AND split_part(f.surface, ':', 1) = k.kind AND f.announce AND f.wanted >= f.announced
            ORDER BY f.shown_at DESC LIMIT at_most
        )
    ) AS w
    JOIN twinstream.members AS m ON m.id = w.member_id
    ORDER BY w.shown_at, w.member_id, w.surface;
END $$;

-- Takes these announcements, so that no process announces them again, and returns those that still stand: another
-- process may have taken some, and a member may have lost something.
CREATE FUNCTION twinstream.claim_announcements(
    of_platform text, members bigint[], surfaces text[], numbers integer[]
) RETURNS TABLE (member_id bigint, surface text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    WITH standing AS (
        SELECT f.member_id, f.surface
        FROM unnest(members, surfaces, numbers) AS t (member_id, surface, number)
        JOIN twinstream.surfaces AS f
            ON f.member_id = t.member_id AND f.platform = of_platform AND f.surface = t.surface
        WHERE f.announce AND f.announced = t.number AND f.wanted >= f.announced
        ORDER BY f.member_id, f.surface
        FOR NO KEY UPDATE OF f SKIP LOCKED
    )
    UPDATE twinstream.surfaces AS f SET announce = false
    FROM standing AS s
    WHERE f.member_id = s.member_id AND f.platform = of_platform AND f.surface = s.surface
    RETURNING f.member_id, f.surface;
END $$;

-- Places that take no announcements until a person has changed something. A bot tries them again now and then.
CREATE TABLE twinstream.parked_places (
    platform text NOT NULL,
    place text NOT NULL,
    cause text NOT NULL,
    error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT parked_place_once PRIMARY KEY (platform, place),
    CONSTRAINT parked_place_platform_known CHECK (platform IN ('telegram', 'discord'))
);
COMMENT ON COLUMN twinstream.parked_places.place IS 'the place in the words of the settings, such as "topic 42"';
COMMENT ON COLUMN twinstream.parked_places.cause IS 'what a person has to change, in a few words';

-- Notes that a place takes nothing, and why; without a cause, that it takes announcements again.
CREATE FUNCTION twinstream.note_place(of_platform text, named text, why text, refusal text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    IF why IS NULL THEN
        DELETE FROM twinstream.parked_places AS p WHERE p.platform = of_platform AND p.place = left(named, 100);
    ELSE
        INSERT INTO twinstream.parked_places AS p (platform, place, cause, error)
        VALUES (of_platform, left(named, 100), left(why, 100), left(refusal, 300))
        ON CONFLICT ON CONSTRAINT parked_place_once DO UPDATE SET
            cause = excluded.cause, error = excluded.error,
            parked_at = CASE WHEN p.cause = excluded.cause THEN p.parked_at ELSE now() END;
    END IF;
END $$;

-- Forgets the places of a platform that its settings name no more.
CREATE FUNCTION twinstream.keep_places(of_platform text, named text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    DELETE FROM twinstream.parked_places AS p WHERE p.platform = of_platform AND NOT p.place = ANY (named);
END $$;

REVOKE EXECUTE ON FUNCTION
    twinstream.waiting_announcements(text, text[], integer, boolean),
    twinstream.claim_announcements(text, bigint[], text[], integer[]),
    twinstream.note_place(text, text, text, text), twinstream.keep_places(text, text[])
FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.keep_places(text, text[]);
DROP FUNCTION twinstream.note_place(text, text, text, text);
DROP TABLE twinstream.parked_places;
DROP FUNCTION twinstream.claim_announcements(text, bigint[], text[], integer[]);
DROP FUNCTION twinstream.waiting_announcements(text, text[], integer, boolean);
