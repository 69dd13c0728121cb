-- migrate:up transaction:false
-- The relay's page: the oldest pending events of one platform. A backlog of the other platform is not
-- read over. CONCURRENTLY lets recording go on, and allows no second statement in this file: the index
-- that this one replaces goes in the next migration.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sync_events_to_publish
    ON sync_events (source, id) WHERE status = 'pending';

-- migrate:down
DROP INDEX sync_events_to_publish;
