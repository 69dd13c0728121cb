-- A table that such a shop has already; twinstream does not know it.
CREATE TABLE orders (
    id text PRIMARY KEY,
    user_id bigint NOT NULL,
    price bigint NOT NULL,
    state text NOT NULL
);
