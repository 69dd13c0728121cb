-- migrate:up transaction:false
-- The board, ready to read from the top: whom it leaves out is not in the index. CONCURRENTLY lets recording
-- go on, and allows no second statement in this file: the index that this one replaces goes in the next
-- migration.
CREATE INDEX CONCURRENTLY IF NOT EXISTS members_on_board
    ON twinstream.members (xp DESC, earned_at, id) WHERE on_board AND xp > 0;

-- migrate:down
DROP INDEX twinstream.members_on_board;
