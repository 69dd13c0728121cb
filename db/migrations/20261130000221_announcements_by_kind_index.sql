-- migrate:up transaction:false
-- The announcements of one kind in the order of their time. CONCURRENTLY lets the display go on, and allows no
-- second statement in this file.
CREATE INDEX CONCURRENTLY IF NOT EXISTS surfaces_to_announce_by_kind
    ON twinstream.surfaces (platform, split_part(surface, ':', 1), shown_at) WHERE announce;

-- migrate:down
DROP INDEX twinstream.surfaces_to_announce_by_kind;
