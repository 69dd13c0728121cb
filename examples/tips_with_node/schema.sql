-- A table that such a bot has already; twinstream does not know it.
CREATE TABLE tips (
    id text PRIMARY KEY,
    giver bigint NOT NULL,
    taker bigint NOT NULL,
    amount bigint NOT NULL
);
