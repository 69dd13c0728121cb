-- migrate:up transaction:false
-- The events of an account that are not completed: all readers but forgetting want no others, and an account
-- may have a million that are. Forgetting reads the whole table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sync_events_by_account ON sync_events (account_id)
    WHERE status <> 'completed';

-- migrate:down
DROP INDEX sync_events_by_account;
