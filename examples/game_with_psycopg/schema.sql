-- A table that such a bot has already; twinstream does not know it.
CREATE TABLE rounds (
    id text PRIMARY KEY,
    user_id bigint NOT NULL,
    played_at timestamptz NOT NULL DEFAULT now()
);
