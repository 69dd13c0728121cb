-- A table that such a bot has already. twinstream needs only the three columns id, xp and balance.
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    xp bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0
);
