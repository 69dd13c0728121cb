-- migrate:up
-- The scores of an account beside XP and balance: thanks from others, and days in a row. A row is the
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

-- The streak that accounts of one person have together: the longest one that lives, up to and with the latest day
-- of them all. One whose last day is the day before lives, too: the person came back on the latest day with another
-- account. The clock has no part in it, so what a table keeps is what a reader computes; readers judge the day.
CREATE FUNCTION twinstream.common_streak(streaks integer[], days date[], OUT streak integer, OUT day date)
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(max(s.streak), 0), max(s.day)
    FROM unnest(streaks, days) AS s (streak, day)
    WHERE s.day >= (SELECT max(d.day) - 1 FROM unnest(days) AS d (day))
$$;
REVOKE EXECUTE ON FUNCTION twinstream.common_streak(integer[], date[]) FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.common_streak(integer[], date[]);
DROP TABLE twinstream.account_scores;
