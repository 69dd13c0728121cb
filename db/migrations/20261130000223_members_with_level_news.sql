-- migrate:up transaction:false
-- The members whose level is news. CONCURRENTLY lets recording go on, and allows no second statement in this file.
CREATE INDEX CONCURRENTLY IF NOT EXISTS members_with_level_news
    ON twinstream.members (id) WHERE xp >= level_due_xp;

-- migrate:down
DROP INDEX twinstream.members_with_level_news;
