-- migrate:up
-- The order of members by reputation and by their days in a row. The scores of accounts stand in
-- `account_scores`; a member has what the member's accounts have together: the sum of their reputation, and
-- their common row of days. Triggers keep it so, for scores that change and for accounts that change hands.
CREATE TABLE twinstream.member_scores (
    member_id bigint NOT NULL REFERENCES twinstream.members (id),
    reputation bigint NOT NULL DEFAULT 0,
    reputation_at timestamptz NOT NULL DEFAULT now(),
    streak bigint NOT NULL DEFAULT 0,
    streak_day date,
    streak_at timestamptz NOT NULL DEFAULT now(),
    on_board boolean NOT NULL,
    CONSTRAINT member_score_once PRIMARY KEY (member_id)
);
COMMENT ON COLUMN twinstream.member_scores.reputation_at IS
    'when it last changed: of two with equal reputation, the earlier one was there first';
COMMENT ON COLUMN twinstream.member_scores.on_board IS 'as in `members`, for the indexes';
CREATE INDEX member_scores_by_reputation ON twinstream.member_scores (reputation DESC, reputation_at, member_id)
    WHERE on_board AND reputation > 0;
-- A streak is alive on its last day and on the day after: a board reads these two, however many have ended.
CREATE INDEX member_scores_by_streak ON twinstream.member_scores (streak_day, streak DESC, streak_at, member_id)
    WHERE on_board AND streak > 0;

-- Adds up the scores of members again. Two transactions that change a member's accounts come one after the
-- other, and the second one sees what the first one wrote, because it reads after it has the lock.
CREATE FUNCTION twinstream.add_up_scores(VARIADIC of_members bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A new row copies `on_board`. A change of that waits, and then finds the row.
    PERFORM FROM twinstream.members AS m
    WHERE m.id = ANY (of_members)
        AND NOT EXISTS (SELECT FROM twinstream.member_scores AS s WHERE s.member_id = m.id)
    ORDER BY m.id FOR SHARE;
    INSERT INTO twinstream.member_scores (member_id, on_board)
    SELECT m.id, m.on_board FROM twinstream.members AS m WHERE m.id = ANY (of_members) ORDER BY m.id
    ON CONFLICT ON CONSTRAINT member_score_once DO NOTHING;
    PERFORM FROM twinstream.member_scores AS s WHERE s.member_id = ANY (of_members)
    ORDER BY s.member_id FOR NO KEY UPDATE;
    UPDATE twinstream.member_scores AS s SET
        reputation = n.reputation, streak = n.streak, streak_day = n.streak_day,
        reputation_at = CASE s.reputation WHEN n.reputation THEN s.reputation_at ELSE now() END,
        streak_at = CASE WHEN (s.streak, s.streak_day) IS DISTINCT FROM (n.streak, n.streak_day)
            THEN now() ELSE s.streak_at END
    FROM (
        SELECT t.member_id, t.reputation, c.streak, c.day AS streak_day
        FROM (
            SELECT a.member_id, sum(c.reputation)::bigint AS reputation,
                array_agg(c.streak) AS streaks, array_agg(c.streak_day) AS days
            FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
            WHERE a.member_id = ANY (of_members) GROUP BY a.member_id
        ) AS t CROSS JOIN LATERAL twinstream.common_streak(t.streaks, t.days) AS c
    ) AS n
    WHERE s.member_id = n.member_id AND (s.reputation, s.streak, s.streak_day)
        IS DISTINCT FROM (n.reputation, n.streak, n.streak_day);
    DELETE FROM twinstream.member_scores AS s
    WHERE s.member_id = ANY (of_members) AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
        WHERE a.member_id = s.member_id
    );
END $$;

-- Follows a statement that changed scores of accounts. All members of the statement are locked in their order.
CREATE FUNCTION twinstream.follow_account_scores() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owners bigint[];
BEGIN
    -- A link of one of the accounts commits first, or waits: then it adds up what is written here.
    WITH theirs AS MATERIALIZED (
        SELECT a.member_id FROM twinstream.accounts AS a
        JOIN changed AS c ON c.platform = a.platform AND c.account_id = a.account_id
        ORDER BY a.platform, a.account_id FOR KEY SHARE OF a
    )
    SELECT array_agg(DISTINCT t.member_id) INTO owners FROM theirs AS t;
    IF TG_OP = 'UPDATE' THEN
        -- A row that was given to another account is one less of its owner's.
        owners := owners || ARRAY (
            SELECT a.member_id FROM twinstream.accounts AS a
            JOIN gone AS g ON g.platform = a.platform AND g.account_id = a.account_id
            WHERE NOT EXISTS (
                SELECT FROM changed AS c WHERE c.platform = g.platform AND c.account_id = g.account_id
            )
            FOR KEY SHARE OF a
        );
    END IF;
    IF owners IS NOT NULL THEN
        PERFORM twinstream.add_up_scores(VARIADIC owners);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER member_scores_follow_new AFTER INSERT ON twinstream.account_scores
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();
CREATE TRIGGER member_scores_follow_changed AFTER UPDATE ON twinstream.account_scores
REFERENCING OLD TABLE AS gone NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();
CREATE TRIGGER member_scores_follow_gone AFTER DELETE ON twinstream.account_scores
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION twinstream.follow_account_scores();

-- Links, unlinks and moves give accounts to other members, with their scores.
CREATE FUNCTION twinstream.give_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM twinstream.add_up_scores(OLD.member_id, NEW.member_id);
    RETURN NULL;
END $$;
CREATE TRIGGER member_scores_follow_accounts AFTER UPDATE OF member_id ON twinstream.accounts
FOR EACH ROW WHEN (OLD.member_id <> NEW.member_id) EXECUTE FUNCTION twinstream.give_scores();

CREATE FUNCTION twinstream.list_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE twinstream.member_scores AS s SET on_board = NEW.on_board WHERE s.member_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER member_scores_follow_boards AFTER UPDATE OF on_board ON twinstream.members
FOR EACH ROW WHEN (OLD.on_board <> NEW.on_board) EXECUTE FUNCTION twinstream.list_scores();

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP TRIGGER member_scores_follow_boards ON twinstream.members;
DROP TRIGGER member_scores_follow_accounts ON twinstream.accounts;
DROP TRIGGER member_scores_follow_gone ON twinstream.account_scores;
DROP TRIGGER member_scores_follow_changed ON twinstream.account_scores;
DROP TRIGGER member_scores_follow_new ON twinstream.account_scores;
DROP FUNCTION twinstream.list_scores(), twinstream.give_scores(), twinstream.follow_account_scores(),
    twinstream.add_up_scores(bigint[]);
DROP TABLE twinstream.member_scores;
