-- migrate:up
-- An event's payload is kept until the event is completed: then both ledgers have all that it says, and it
-- would be half of the row. A later vacuum gives its room to new events, so vacuum comes often.
SET LOCAL lock_timeout = '10s';
ALTER TABLE sync_events
    ALTER COLUMN payload DROP NOT NULL,
    ADD CONSTRAINT sync_event_unfinished_has_payload
        CHECK (status = 'completed' OR payload IS NOT NULL) NOT VALID,
    SET (autovacuum_vacuum_scale_factor = 0.02);

-- migrate:down
ALTER TABLE sync_events
    DROP CONSTRAINT sync_event_unfinished_has_payload,
    RESET (autovacuum_vacuum_scale_factor);
UPDATE sync_events SET payload = '' WHERE payload IS NULL;
ALTER TABLE sync_events ALTER COLUMN payload SET NOT NULL;
