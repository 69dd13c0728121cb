-- migrate:up
-- An attempt that was cut off leaves an index that Postgres does not use. Then say how to go on.
DO $$
DECLARE
    broken text := (
        SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index
        WHERE NOT indisvalid AND indexrelid IN (
            'transactions_by_account'::regclass, 'transactions_with_achievement'::regclass,
            'sync_events_by_account'::regclass
        )
    );
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'an index was cut off while it was made: %', broken
            USING HINT = 'Run REINDEX INDEX CONCURRENTLY for it, then migrate again.';
    END IF;
END $$;
-- Reads the rows under a lock that lets every reader and writer go on.
ALTER TABLE sync_events VALIDATE CONSTRAINT sync_event_has_account;

-- migrate:down
ALTER TABLE sync_events DROP CONSTRAINT sync_event_has_account,
    ADD CONSTRAINT sync_event_has_account
        CHECK (status = 'failed' OR account_id IS NOT NULL) NOT VALID;
