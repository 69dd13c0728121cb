-- migrate:up transaction:false
-- The board of balances.
CREATE INDEX CONCURRENTLY IF NOT EXISTS members_by_balance
    ON twinstream.members (balance DESC, balance_at, id) WHERE on_board AND balance > 0;

-- migrate:down
DROP INDEX twinstream.members_by_balance;
