-- migrate:up
-- An attempt that was cut off leaves an index that Postgres does not use. Then say how to go on, instead
-- of taking the old index from the relay.
DO $$
BEGIN
    IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = 'sync_events_to_publish'::regclass) THEN
        RAISE EXCEPTION 'the index sync_events_to_publish was cut off while it was made:'
            ' run REINDEX INDEX CONCURRENTLY sync_events_to_publish, then migrate again';
    END IF;
END $$;
-- It takes the table's lock for a moment, and would have every event wait behind a long transaction.
SET LOCAL lock_timeout = '10s';
DROP INDEX IF EXISTS sync_events_pending;

-- migrate:down
CREATE INDEX IF NOT EXISTS sync_events_pending ON sync_events (id) WHERE status = 'pending';
