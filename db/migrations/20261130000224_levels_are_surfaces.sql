-- migrate:up
-- It reads the table beside everybody else: recording and the display go on.
ALTER TABLE twinstream.surfaces VALIDATE CONSTRAINT surface_name_known;

-- migrate:down
