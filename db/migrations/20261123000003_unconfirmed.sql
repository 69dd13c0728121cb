-- migrate:up
-- What people may see while that is not known: `shown` is empty from the moment when a visit sets out
-- to change it until it is confirmed, because the visit may end in between, having done it or not.
ALTER TABLE surfaces ADD COLUMN unconfirmed integer[];

-- migrate:down
ALTER TABLE surfaces DROP COLUMN unconfirmed;
