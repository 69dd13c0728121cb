-- migrate:up
-- The XP at which a member's next level is news (db/surfaces/levels.py). A recorded event only compares it with the
-- member's XP, in the predicate of the index of the next migration: no statement is added to it. 0: a new member,
-- whom nobody has looked at. NULL: a member from before this column, whose level is noted without being news.
SET LOCAL lock_timeout = '10s';
ALTER TABLE twinstream.members ADD COLUMN level_due_xp bigint;
ALTER TABLE twinstream.members ALTER COLUMN level_due_xp SET DEFAULT 0;
COMMENT ON COLUMN twinstream.members.level_due_xp IS
    'the XP at which the next level is news; 0 for a new member, NULL for one from before levels were';

-- A level is a surface that only announcements show. Every row fits: it fitted the narrower rule.
ALTER TABLE twinstream.surfaces
    DROP CONSTRAINT surface_name_known,
    ADD CONSTRAINT surface_name_known CHECK (
        surface IN ('rank', 'linked', 'level') OR starts_with(surface, 'achievement:')
    ) NOT VALID;

-- The curve that the members' levels were noted by, and how far the members are noted by it.
CREATE TABLE twinstream.level_curve (
    is_only boolean NOT NULL DEFAULT true,
    curve text NOT NULL,
    noted_to bigint NOT NULL,
    CONSTRAINT level_curve_once PRIMARY KEY (is_only),
    CONSTRAINT level_curve_is_one CHECK (is_only)
);
COMMENT ON COLUMN twinstream.level_curve.curve IS 'a hash of the XP of every level';
COMMENT ON COLUMN twinstream.level_curve.noted_to IS
    'the highest id of a member whose level is noted by this curve; the largest bigint once all are';

-- migrate:down
DELETE FROM twinstream.surfaces WHERE surface = 'level';
ALTER TABLE twinstream.surfaces
    DROP CONSTRAINT surface_name_known,
    ADD CONSTRAINT surface_name_known CHECK (surface IN ('rank', 'linked') OR starts_with(surface, 'achievement:'));
DROP TABLE twinstream.level_curve;
ALTER TABLE twinstream.members DROP COLUMN level_due_xp;
