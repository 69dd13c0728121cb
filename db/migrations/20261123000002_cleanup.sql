-- migrate:up

-- The daily rounds that remove what is long done with: when each began, and what it removed.
CREATE TABLE cleanup_rounds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- Events up to this one were looked at; NULL once all are.
    events_upto bigint DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    passes bigint NOT NULL DEFAULT 0,
    findings bigint NOT NULL DEFAULT 0,
    CONSTRAINT cleanup_round_finished_has_seen_all CHECK (finished_at IS NULL OR events_upto IS NULL)
);
CREATE UNIQUE INDEX cleanup_round_one_at_a_time ON cleanup_rounds ((true))
    WHERE finished_at IS NULL;

-- migrate:down
DROP TABLE cleanup_rounds;
