-- migrate:up transaction:false
-- The achievements of an account, however many entries it has.
CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_with_achievement
    ON transactions (account_id, achievement) WHERE achievement IS NOT NULL;

-- migrate:down
DROP INDEX transactions_with_achievement;
