-- migrate:up
-- What an account has earned beside XP and balance: thanks from others, and days in a row. A row is the
-- account's, so it stays with the account when links come and go; a member has what the member's accounts
-- have together.
CREATE TABLE twinstream.account_scores (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    reputation bigint NOT NULL DEFAULT 0,
    streak integer NOT NULL DEFAULT 0,
    longest_streak integer NOT NULL DEFAULT 0,
    streak_day date,
    CONSTRAINT account_score_once PRIMARY KEY (platform, account_id),
    CONSTRAINT account_score_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT account_streak_has_day CHECK ((streak = 0) = (streak_day IS NULL)),
    CONSTRAINT account_streak_not_beyond_longest CHECK (streak BETWEEN 0 AND longest_streak)
);
COMMENT ON COLUMN twinstream.account_scores.reputation IS 'thanks received, less thanks taken back';
COMMENT ON COLUMN twinstream.account_scores.streak IS 'days in a row, up to and with `streak_day`';
COMMENT ON COLUMN twinstream.account_scores.streak_day IS
    'the last day that counted, in the time zone of the community';

-- migrate:down
DROP TABLE twinstream.account_scores;
