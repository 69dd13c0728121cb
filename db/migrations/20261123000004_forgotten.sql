-- migrate:up
-- Whether what was shown was forgotten, because people changed it by hand or the member rejoined, and
-- has not been shown since. It says in Discord's audit log why a role is given.
ALTER TABLE surfaces ADD COLUMN forgotten boolean NOT NULL DEFAULT false;
-- That there may be nothing at all used to go without saying.
UPDATE surfaces SET unconfirmed = unconfirmed || 0
WHERE shown IS NULL AND unconfirmed IS NOT NULL AND 0 <> ALL (unconfirmed);

-- migrate:down
ALTER TABLE surfaces DROP COLUMN forgotten;
