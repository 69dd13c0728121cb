-- migrate:up transaction:false
-- Keys compare byte by byte. By the rules of a language, which are the default of most databases, each
-- comparison in the index costs several times as much, and settling a quarter more. The contract puts this
-- index in the place of transaction_once, which release 0.1 names.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS transaction_once_in_c
    ON transactions (idempotency_key COLLATE "C", platform);

-- migrate:down
DROP INDEX transaction_once_in_c;
