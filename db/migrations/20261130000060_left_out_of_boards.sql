-- migrate:up
-- Boards list people who are there. An account is left out while its platform says that it is gone, and
-- always if it is a bot's; its points stay. A member is on the boards while one account of theirs counts and
-- the member has not asked to be hidden.
-- The answer is a column of `members` with an index, so a board of ten lines reads ten rows, however many
-- members have left. Of members with equal XP, the one who came to it first is listed first.
ALTER TABLE twinstream.accounts
    ADD COLUMN left_out text,
    ADD COLUMN is_excluded boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT account_left_out_known CHECK (left_out IN ('gone', 'bot'));
COMMENT ON COLUMN twinstream.accounts.left_out IS
    'why boards leave the account out: its platform said that it is gone, or it is a bot; null if they do not';
COMMENT ON COLUMN twinstream.accounts.is_excluded IS
    'twinstream.toml names the account among those whose owners no board lists';
ALTER TABLE twinstream.members
    ADD COLUMN on_board boolean NOT NULL DEFAULT true,
    ADD COLUMN earned_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN twinstream.members.on_board IS 'the answer of is_on_board, kept for its index';
COMMENT ON COLUMN twinstream.members.earned_at IS
    'when the member last earned or lost XP: of two with equal amounts, the earlier one was there first';

-- Tells whether boards list a member: the only place that says so.
CREATE FUNCTION twinstream.is_on_board(of_member bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.left_out IS NULL
    ) AND NOT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.is_excluded
    ) AND NOT twinstream.is_hidden(of_member)
$$;

-- Writes the answer down for members whose accounts, or whose wishes, changed.
CREATE FUNCTION twinstream.judge_board(VARIADIC of_members bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE twinstream.members AS m SET on_board = NOT m.on_board
    WHERE m.id = ANY (of_members) AND m.on_board <> twinstream.is_on_board(m.id)
$$;

-- Links and unlinks give accounts to other members, so the accounts themselves say when to judge.
CREATE FUNCTION twinstream.judge_board_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM twinstream.judge_board(OLD.member_id, NEW.member_id);
    RETURN NULL;
END $$;
CREATE TRIGGER board_follows_accounts AFTER UPDATE OF member_id, left_out, is_hidden, is_excluded
ON twinstream.accounts
FOR EACH ROW WHEN (
    OLD.member_id <> NEW.member_id OR OLD.left_out IS DISTINCT FROM NEW.left_out
    OR OLD.is_hidden <> NEW.is_hidden OR OLD.is_excluded <> NEW.is_excluded
)
EXECUTE FUNCTION twinstream.judge_board_of_account();

-- Notes why boards leave these accounts out; `why` is null for accounts that are there again. A bot stays
-- one, and accounts without a row have no points to list.
CREATE FUNCTION twinstream.leave_out(of_platform text, account_ids bigint[], why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed bigint[];
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    -- Accounts first, then their members, as events lock them: a transaction that holds the member may change
    -- the row of the account.
    changed := ARRAY (
        SELECT a.account_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = ANY (account_ids)
            AND a.left_out IS DISTINCT FROM why AND a.left_out IS DISTINCT FROM 'bot'
        ORDER BY a.account_id FOR KEY SHARE
    );
    IF cardinality(changed) = 0 THEN
        RETURN;
    END IF;
    PERFORM FROM twinstream.members AS m
    WHERE m.id IN (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = ANY (changed)
    )
    ORDER BY m.id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET left_out = why
    WHERE a.platform = of_platform AND a.account_id = ANY (changed)
        AND a.left_out IS DISTINCT FROM why AND a.left_out IS DISTINCT FROM 'bot';
END $$;

-- The accounts that boards leave out, and why, for the bots.
CREATE VIEW twinstream.accounts_left_out AS
SELECT a.platform, a.account_id, a.left_out FROM twinstream.accounts AS a WHERE a.left_out IS NOT NULL;

-- As before, and only members whom boards list.
CREATE OR REPLACE VIEW twinstream.leaderboard AS
SELECT m.id AS member_id, m.xp,
    (SELECT r.name FROM twinstream.ranks AS r WHERE r.xp <= m.xp ORDER BY r.xp DESC LIMIT 1) AS rank_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'telegram') AS telegram_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'discord') AS discord_name
FROM twinstream.members AS m WHERE m.xp > 0 AND m.on_board;

-- Members whom a visit has found gone before this column was there.
UPDATE twinstream.accounts AS a SET left_out = 'gone'
WHERE EXISTS (
    SELECT FROM twinstream.surfaces AS f
    WHERE f.member_id = a.member_id AND f.platform = a.platform AND f.parked = 'absent'
);

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
CREATE OR REPLACE VIEW twinstream.leaderboard AS
SELECT m.id AS member_id, m.xp,
    (SELECT r.name FROM twinstream.ranks AS r WHERE r.xp <= m.xp ORDER BY r.xp DESC LIMIT 1) AS rank_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'telegram') AS telegram_name,
    (SELECT a.display_name FROM twinstream.accounts AS a
        WHERE a.member_id = m.id AND a.platform = 'discord') AS discord_name
FROM twinstream.members AS m WHERE m.xp > 0;
DROP VIEW twinstream.accounts_left_out;
DROP FUNCTION twinstream.leave_out(text, bigint[], text);
DROP TRIGGER board_follows_accounts ON twinstream.accounts;
DROP FUNCTION twinstream.judge_board_of_account(), twinstream.judge_board(bigint[]),
    twinstream.is_on_board(bigint);
ALTER TABLE twinstream.members DROP COLUMN on_board, DROP COLUMN earned_at;
ALTER TABLE twinstream.accounts DROP COLUMN left_out, DROP COLUMN is_excluded;
