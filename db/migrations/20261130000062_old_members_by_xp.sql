-- migrate:up
-- An attempt that was cut off leaves an index that Postgres does not use. Then say how to go on, instead of
-- taking the old index from the boards.
DO $$
BEGIN
    IF NOT (
        SELECT indisvalid FROM pg_index WHERE indexrelid = 'twinstream.members_on_board'::regclass
    ) THEN
        RAISE EXCEPTION 'the index members_on_board was cut off while it was made:'
            ' run REINDEX INDEX CONCURRENTLY twinstream.members_on_board, then migrate again';
    END IF;
END $$;
-- It takes the table's lock for a moment, and would have every event wait behind a long transaction.
SET LOCAL lock_timeout = '10s';
DROP INDEX IF EXISTS twinstream.members_by_xp;

-- migrate:down
CREATE INDEX IF NOT EXISTS members_by_xp ON twinstream.members (xp DESC, id);
