-- migrate:up
-- What a platform's own table is owed and does not take, although the member has a row there: why,
-- how often it was tried, and when it is tried next. Empty while the row is only not there yet.
ALTER TABLE store_debts
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN error text;

-- migrate:down
ALTER TABLE store_debts DROP COLUMN attempts, DROP COLUMN retry_at, DROP COLUMN error;
