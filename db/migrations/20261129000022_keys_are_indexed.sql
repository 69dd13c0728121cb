-- migrate:up
-- An attempt that was cut off leaves an index that Postgres does not use. Then say how to go on.
DO $$
DECLARE
    broken text := (
        SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index
        WHERE NOT indisvalid AND indexrelid IN (
            'transaction_once_in_c'::regclass, 'sync_event_once_in_c'::regclass
        )
    );
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'an index was cut off while it was made: %', broken
            USING HINT = 'Run REINDEX INDEX CONCURRENTLY for it, then migrate again.';
    END IF;
END $$;

-- migrate:down
SELECT 'the indexes go with the migrations that made them';
