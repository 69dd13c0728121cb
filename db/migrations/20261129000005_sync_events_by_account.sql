-- migrate:up transaction:false
-- The events of an account.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sync_events_by_account ON sync_events (account_id);

-- migrate:down
DROP INDEX sync_events_by_account;
