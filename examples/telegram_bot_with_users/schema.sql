-- What such a bot has already. twinstream needs nothing but the three columns.
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    xp bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0
);
