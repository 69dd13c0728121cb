-- migrate:up transaction:false
-- The entries of an account in their order. CONCURRENTLY lets recording go on, and allows no second
-- statement in this file. An attempt that was cut off leaves an index that Postgres does not use; a later
-- migration (..._accounts_are_known.sql) says how to go on then.
CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_by_account ON transactions (account_id, id);

-- migrate:down
DROP INDEX transactions_by_account;
