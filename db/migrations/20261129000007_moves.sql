-- migrate:up
-- Members who lost an account and go on with another one on the same platform.
CREATE TABLE moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform text NOT NULL,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT move_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT move_is_between_two_accounts CHECK (from_account_id <> to_account_id)
);
CREATE INDEX moves_by_from_account ON moves (from_account_id);
CREATE INDEX moves_by_to_account ON moves (to_account_id);

-- migrate:down
DROP TABLE moves;
