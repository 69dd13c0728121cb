-- migrate:up
-- Reads the rows under a lock that lets every reader and writer go on.
ALTER TABLE sync_events VALIDATE CONSTRAINT sync_event_unfinished_has_payload;

-- migrate:down
ALTER TABLE sync_events DROP CONSTRAINT sync_event_unfinished_has_payload,
    ADD CONSTRAINT sync_event_unfinished_has_payload
        CHECK (status = 'completed' OR payload IS NOT NULL) NOT VALID;
