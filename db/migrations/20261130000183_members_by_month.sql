-- migrate:up transaction:false
-- The boards of months, as those of weeks.
CREATE INDEX CONCURRENTLY IF NOT EXISTS members_by_month
    ON twinstream.members (month, month_xp DESC, earned_at, id) WHERE on_board AND month_xp > 0;

-- migrate:down
DROP INDEX twinstream.members_by_month;
