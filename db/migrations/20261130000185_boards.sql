-- migrate:up
-- Boards, for bots and for people who type SQL: one view for each, read as
--     SELECT * FROM twinstream.board_week ORDER BY score DESC, reached_at, member_id LIMIT 10
-- Each has an index in that order, of members whom boards list. One view of all boards would be read whole:
-- Postgres does not look through a UNION of parts with conditions for the order of an index.

-- The community's current day, and the first days of its week and month.
CREATE VIEW twinstream.periods AS
SELECT (now() AT TIME ZONE c.zone)::date AS today,
    date_trunc('week', now() AT TIME ZONE c.zone)::date AS week,
    date_trunc('month', now() AT TIME ZONE c.zone)::date AS month
FROM (SELECT coalesce((SELECT z.zone FROM twinstream.calendar AS z), 'UTC') AS zone) AS c;

CREATE VIEW twinstream.board_xp AS
SELECT m.id AS member_id, m.xp AS score, m.earned_at AS reached_at
FROM twinstream.members AS m WHERE m.on_board AND m.xp > 0;

CREATE VIEW twinstream.board_balance AS
SELECT m.id AS member_id, m.balance AS score, m.balance_at AS reached_at
FROM twinstream.members AS m WHERE m.on_board AND m.balance > 0;

CREATE VIEW twinstream.board_week AS
SELECT m.id AS member_id, m.week_xp AS score, m.earned_at AS reached_at
FROM twinstream.members AS m
WHERE m.on_board AND m.week_xp > 0 AND m.week = (SELECT p.week FROM twinstream.periods AS p);

CREATE VIEW twinstream.board_month AS
SELECT m.id AS member_id, m.month_xp AS score, m.earned_at AS reached_at
FROM twinstream.members AS m
WHERE m.on_board AND m.month_xp > 0 AND m.month = (SELECT p.month FROM twinstream.periods AS p);

CREATE VIEW twinstream.board_reputation AS
SELECT s.member_id, s.reputation AS score, s.reputation_at AS reached_at
FROM twinstream.member_scores AS s WHERE s.on_board AND s.reputation > 0;

-- Streaks that grew today or yesterday; of older ones the row has ended. In the order of the index within each
-- of the two days.
CREATE VIEW twinstream.board_streak AS
SELECT s.member_id, s.streak AS score, s.streak_at AS reached_at, s.streak_day
FROM twinstream.member_scores AS s
WHERE s.on_board AND s.streak > 0 AND s.streak_day BETWEEN
    (SELECT p.today - 1 FROM twinstream.periods AS p) AND (SELECT p.today FROM twinstream.periods AS p);

-- Places that are too deep to be counted for each question. A round of the consumers numbers every board that
-- is longer than can be counted at once, and notes each so-manieth member; from the nearest of them a place is
-- counted. It is as old as the round, so bots say "about".
CREATE TABLE twinstream.board_marks (
    board text NOT NULL,
    place bigint NOT NULL,
    -- The period of the board when it was numbered: the first day of a week or month, a day for streaks.
    period date,
    score bigint NOT NULL,
    reached_at timestamptz NOT NULL,
    -- The last part of the order, not a reference: the member may be gone.
    member_id bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT board_mark_once PRIMARY KEY (board, place),
    CONSTRAINT board_mark_board_known CHECK (
        board IN ('xp', 'balance', 'week', 'month', 'reputation', 'streak')
    )
);

-- The marks that still hold.
CREATE VIEW twinstream.board_places AS
SELECT b.board, b.place, b.score, b.reached_at, b.member_id, b.marked_at
FROM twinstream.board_marks AS b
WHERE b.period IS NOT DISTINCT FROM (
    SELECT CASE b.board WHEN 'week' THEN p.week WHEN 'month' THEN p.month WHEN 'streak' THEN p.today END
    FROM twinstream.periods AS p
);

-- Says how boards see an account: its member, and whether the member asked to be hidden or the settings leave
-- the member out. No row for an account that was never seen.
CREATE FUNCTION twinstream.board_standing(of_platform text, of_account bigint)
RETURNS TABLE (member_id bigint, on_board boolean, is_hidden boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT m.id, m.on_board, twinstream.is_hidden(m.id)
    FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account;
END $$;

-- Leaves the owners of these accounts out of every board, and lists all others again. An account that is not
-- known yet gets its row, so that its first event finds it left out. Returns how many accounts changed.
CREATE FUNCTION twinstream.exclude_from_boards(platforms text[], account_ids bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    one text;
    judged twinstream.accounts[];
BEGIN
    FOREACH one IN ARRAY ARRAY['telegram', 'discord'] LOOP
        PERFORM twinstream.create_members(one, ARRAY (
            SELECT x.account_id FROM unnest(platforms, account_ids) AS x (platform, account_id)
            WHERE x.platform = one
        ));
    END LOOP;
    -- Accounts first, then their members, as events lock them.
    judged := ARRAY (
        SELECT a FROM twinstream.accounts AS a
        WHERE a.is_excluded <> EXISTS (
            SELECT FROM unnest(platforms, account_ids) AS x (platform, account_id)
            WHERE x.platform = a.platform AND x.account_id = a.account_id
        )
        ORDER BY a.platform, a.account_id FOR KEY SHARE
    );
    PERFORM FROM twinstream.members AS m
    WHERE m.id IN (
        SELECT a.member_id FROM twinstream.accounts AS a JOIN unnest(judged) AS j
            ON j.platform = a.platform AND j.account_id = a.account_id
    )
    ORDER BY m.id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET is_excluded = NOT j.is_excluded
    FROM unnest(judged) AS j
    WHERE a.platform = j.platform AND a.account_id = j.account_id AND a.is_excluded = j.is_excluded;
    RETURN cardinality(judged);
END $$;

-- The rest of what a line says of a member. Names are null where a platform has no account or no name.
CREATE VIEW twinstream.board_members AS
SELECT m.id AS member_id, m.xp,
    (SELECT r.name FROM twinstream.ranks AS r WHERE r.xp <= m.xp ORDER BY r.xp DESC LIMIT 1) AS rank_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'telegram') AS telegram_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'discord') AS discord_name
FROM twinstream.members AS m WHERE m.on_board;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP VIEW twinstream.board_members;
DROP FUNCTION twinstream.exclude_from_boards(text[], bigint[]), twinstream.board_standing(text, bigint);
DROP VIEW twinstream.board_places;
DROP TABLE twinstream.board_marks;
DROP VIEW twinstream.board_streak, twinstream.board_reputation, twinstream.board_month, twinstream.board_week,
    twinstream.board_balance, twinstream.board_xp, twinstream.periods;
