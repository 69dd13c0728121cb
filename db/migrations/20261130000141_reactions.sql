-- migrate:up
-- Reactions that counted. Telegram's update about a reaction does not name the author of the message, so the
-- authors of the last messages of each place are remembered.

-- A page of a place: up to some hundred messages in the order of their numbers, each with its author and its
-- time in seconds since 1970. Pages keep what a thousand messages a second cost low: a call adds all messages
-- of a second to the newest page of their place, and trimming deletes whole pages.
CREATE TABLE twinstream.message_authors (
    platform text NOT NULL,
    place_id bigint NOT NULL,
    first_message_id bigint NOT NULL,
    message_ids bigint[] NOT NULL,
    author_ids bigint[] NOT NULL,
    sent_at integer[] NOT NULL,
    CONSTRAINT message_page_once PRIMARY KEY (platform, place_id, first_message_id),
    CONSTRAINT message_page_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT message_page_is_even CHECK (
        cardinality(message_ids) = cardinality(author_ids) AND cardinality(message_ids) = cardinality(sent_at)
    )
) WITH (fillfactor = 50);
COMMENT ON COLUMN twinstream.message_authors.author_ids IS 'account ids on the platform; 0 for forgotten ones';

-- One row for each message and account that reacted to it: removing the reaction and adding it again counts
-- no second time. Cleanup removes rows of messages that are too old to be reacted to.
CREATE TABLE twinstream.reactions (
    platform text NOT NULL,
    place_id bigint NOT NULL,
    message_id bigint NOT NULL,
    giver_account_id bigint NOT NULL,
    receiver_account_id bigint NOT NULL,
    day date NOT NULL,
    CONSTRAINT reaction_once PRIMARY KEY (platform, place_id, message_id, giver_account_id),
    CONSTRAINT reaction_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT reaction_is_for_another CHECK (giver_account_id <> receiver_account_id),
    CONSTRAINT reaction_accounts_positive CHECK (giver_account_id > 0 AND receiver_account_id > 0)
);
CREATE INDEX reactions_by_giver ON twinstream.reactions (platform, giver_account_id, day);
-- For forgetting.
CREATE INDEX reactions_by_receiver ON twinstream.reactions (platform, receiver_account_id);
-- For cleanup, which removes the oldest.
CREATE INDEX reactions_by_day ON twinstream.reactions (day);

-- Remembers who wrote these messages, and forgets of each of their places all but the newest `kept` or some
-- more. A message that is remembered already, or that is older than the newest page, is left out, and so is one
-- from before its author was forgotten. The arrays are in the order of the messages' numbers.
CREATE FUNCTION twinstream.remember_authors(
    of_platform text, places bigint[], messages bigint[], authors bigint[], times integer[],
    kept integer, page_size integer, forget_secret text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    of_place bigint;
    newest twinstream.message_authors;
    ids bigint[];
    writers bigint[];
    moments integer[];
    surplus bigint;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    FOR of_place IN SELECT DISTINCT p.id FROM unnest(places) AS p (id) ORDER BY p.id LOOP
        SELECT a.* INTO newest FROM twinstream.message_authors AS a
        WHERE a.platform = of_platform AND a.place_id = of_place
        ORDER BY a.first_message_id DESC LIMIT 1 FOR NO KEY UPDATE;
        SELECT array_agg(m.id ORDER BY m.id), array_agg(m.author ORDER BY m.id), array_agg(m.at ORDER BY m.id)
        INTO ids, writers, moments
        FROM ROWS FROM (
            unnest(places), unnest(messages), unnest(authors), unnest(times)
        ) AS m (place, id, author, at)
        WHERE m.place = of_place
            AND m.id > coalesce(newest.message_ids[cardinality(newest.message_ids)], 0)
            AND CASE WHEN to_timestamp(m.at) < (
                SELECT max(f.forgotten_at) FROM twinstream.forgotten_accounts AS f
            ) THEN NOT twinstream.was_forgotten_since(
                of_platform, ARRAY[m.author], to_timestamp(m.at), forget_secret
            ) ELSE true END;
        CONTINUE WHEN ids IS NULL;
        IF cardinality(newest.message_ids) + cardinality(ids) <= page_size THEN
            UPDATE twinstream.message_authors AS a SET
                message_ids = a.message_ids || ids, author_ids = a.author_ids || writers,
                sent_at = a.sent_at || moments
            WHERE a.platform = of_platform AND a.place_id = of_place
                AND a.first_message_id = newest.first_message_id;
        ELSE
            INSERT INTO twinstream.message_authors
                (platform, place_id, first_message_id, message_ids, author_ids, sent_at)
            VALUES (of_platform, of_place, ids[1], ids, writers, moments)
            ON CONFLICT ON CONSTRAINT message_page_once DO NOTHING;
            -- The newest pages together have `kept` messages; older ones go.
            surplus := (
                SELECT max(p.first_message_id) FROM (
                    SELECT a.first_message_id, sum(cardinality(a.message_ids)) OVER (
                        ORDER BY a.first_message_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) AS newer
                    FROM twinstream.message_authors AS a
                    WHERE a.platform = of_platform AND a.place_id = of_place
                ) AS p WHERE p.newer >= kept
            );
            DELETE FROM twinstream.message_authors AS a
            WHERE a.platform = of_platform AND a.place_id = of_place AND a.first_message_id <= surplus;
        END IF;
    END LOOP;
END $$;

-- Returns who wrote a message and when; no row if it is not remembered, or its author was forgotten.
CREATE FUNCTION twinstream.author_of_message(of_platform text, of_place bigint, of_message bigint)
RETURNS TABLE (account_id bigint, sent_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT p.author_ids[p.place], to_timestamp(p.sent_at[p.place])
    FROM (
        SELECT a.author_ids, a.sent_at, array_position(a.message_ids, of_message) AS place
        FROM twinstream.message_authors AS a
        WHERE a.platform = of_platform AND a.place_id = of_place AND a.first_message_id <= of_message
        ORDER BY a.first_message_id DESC LIMIT 1
    ) AS p WHERE p.author_ids[p.place] > 0
$$;

-- Enters reactions, and returns those that count: number in the call, the account that wrote the message, and the
-- moment of this transaction. The caller adds what they are worth in the same transaction.
-- Where `authors` is null, the author is looked up among the messages that are remembered. A reaction counts
-- if its message is not older than `age_s_max`, giver and author are two people, and it is the giver's first
-- to this message. One person gives `per_pair` that count to one other in a day, and `per_day` to all. An
-- act from before its account was forgotten does not count.
CREATE FUNCTION twinstream.enter_reactions(
    of_platform text, places bigint[], messages bigint[], givers bigint[], authors bigint[],
    sent timestamptz[], reacted timestamptz[], zone text, per_pair integer, per_day integer,
    age_s_max double precision, forget_secret text DEFAULT NULL
) RETURNS TABLE (number integer, author_id bigint, counted_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    one record;
    written_by bigint;
    written_at timestamptz;
    today date;
    of_giver integer;
    of_pair integer;
    is_left_out boolean;
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('twinstream.forgetting', 0));
    FOR one IN
        SELECT u.* FROM ROWS FROM (
            unnest(places), unnest(messages), unnest(givers), unnest(authors), unnest(sent), unnest(reacted)
        ) WITH ORDINALITY AS u (place, message, giver, author, sent_at, at, number)
        ORDER BY u.place, u.message, u.giver, u.number
    LOOP
        written_by := one.author;
        written_at := one.sent_at;
        IF written_by IS NULL THEN
            SELECT w.account_id, w.sent_at INTO written_by, written_at
            FROM twinstream.author_of_message(of_platform, one.place, one.message) AS w;
        END IF;
        CONTINUE WHEN written_by IS NULL OR written_by = one.giver
            OR written_at IS NULL OR written_at < now() - make_interval(secs => age_s_max)
            OR twinstream.was_forgotten_since(of_platform, ARRAY[written_by], written_at, forget_secret)
            OR twinstream.was_forgotten_since(of_platform, ARRAY[one.giver], one.at, forget_secret);
        today := (least(one.at, now()) AT TIME ZONE zone)::date;
        WITH theirs AS (
            SELECT p.platform, p.account_id
            FROM twinstream.accounts_of_person(of_platform, one.giver) AS p
        ), others AS (
            SELECT p.platform, p.account_id
            FROM twinstream.accounts_of_person(of_platform, written_by) AS p
        ), given AS (
            SELECT r.platform, r.receiver_account_id FROM theirs AS t JOIN twinstream.reactions AS r
                ON r.platform = t.platform AND r.giver_account_id = t.account_id
            WHERE r.day = today
        )
        SELECT
            EXISTS (
                SELECT FROM twinstream.accounts AS a
                WHERE a.platform = of_platform AND a.account_id = written_by AND a.left_out IS NOT NULL
            ),
            (SELECT count(*) FROM given),
            (
                SELECT count(*) FROM given AS g JOIN others AS o
                    ON o.platform = g.platform AND o.account_id = g.receiver_account_id
            )
        INTO is_left_out, of_giver, of_pair;
        CONTINUE WHEN is_left_out OR of_giver >= per_day OR of_pair >= per_pair;
        INSERT INTO twinstream.reactions
            (platform, place_id, message_id, giver_account_id, receiver_account_id, day)
        VALUES (of_platform, one.place, one.message, one.giver, written_by, today)
        ON CONFLICT ON CONSTRAINT reaction_once DO NOTHING;
        CONTINUE WHEN NOT FOUND;
        number := one.number;
        author_id := written_by;
        counted_at := now();
        RETURN NEXT;
    END LOOP;
END $$;

-- Lets reactions go with a member to another account: what the old one reacted to counts no second time, from
-- either account, and what others gave it today counts as given to the new one. Reactions to its older messages
-- are for the new one.
CREATE FUNCTION twinstream.carry_reactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO twinstream.reactions AS r
        (platform, place_id, message_id, giver_account_id, receiver_account_id, day)
    SELECT o.platform, o.place_id, o.message_id, NEW.to_account_id, o.receiver_account_id, o.day
    FROM twinstream.reactions AS o
    WHERE o.platform = NEW.platform AND o.giver_account_id = NEW.from_account_id
        AND o.receiver_account_id <> NEW.to_account_id
    ON CONFLICT ON CONSTRAINT reaction_once DO NOTHING;
    UPDATE twinstream.reactions AS r SET receiver_account_id = NEW.to_account_id
    WHERE r.platform = NEW.platform AND r.receiver_account_id = NEW.from_account_id
        AND r.giver_account_id <> NEW.to_account_id;
    UPDATE twinstream.message_authors AS a
    SET author_ids = array_replace(a.author_ids, NEW.from_account_id, NEW.to_account_id)
    WHERE a.platform = NEW.platform AND NEW.from_account_id = ANY (a.author_ids);
    RETURN NULL;
END $$;
CREATE TRIGGER reactions_follow_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.carry_reactions();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER reactions_follow_moves ON twinstream.moves;
DROP FUNCTION twinstream.carry_reactions();
DROP FUNCTION twinstream.enter_reactions(
    text, bigint[], bigint[], bigint[], bigint[], timestamptz[], timestamptz[], text, integer, integer,
    double precision, text
);
DROP FUNCTION twinstream.author_of_message(text, bigint, bigint);
DROP FUNCTION twinstream.remember_authors(
    text, bigint[], bigint[], bigint[], integer[], integer, integer, text
);
DROP TABLE twinstream.reactions, twinstream.message_authors;
