-- migrate:up transaction:false
-- The same for the events: the contract puts it in the place of sync_event_once.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS sync_event_once_in_c
    ON sync_events (idempotency_key COLLATE "C");

-- migrate:down
DROP INDEX sync_event_once_in_c;
