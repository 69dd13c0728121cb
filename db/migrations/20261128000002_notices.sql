-- migrate:up
-- What the owner of an account has to be told in private, until the bot of the platform has told it.
-- One notice of a kind is enough, however often there was a reason for it.
CREATE TABLE notices (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    taken_until timestamptz,
    CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind),
    CONSTRAINT notice_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT notice_kind_known CHECK (kind IN ('code_void'))
);

-- migrate:down
DROP TABLE notices;
