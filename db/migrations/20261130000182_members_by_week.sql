-- migrate:up transaction:false
-- The boards of weeks: sums of older weeks lie behind one another, and no board reads them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS members_by_week
    ON twinstream.members (week, week_xp DESC, earned_at, id) WHERE on_board AND week_xp > 0;

-- migrate:down
DROP INDEX twinstream.members_by_week;
