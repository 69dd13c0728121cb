-- migrate:up
-- What a bot's own table held before twinstream knew it, told from drift: a row is only corrected in
-- a field in which it agreed with the ledger once.

-- The rows of a platform's own table that a pass saw agree with the ledger, field by field. A row that
-- is not here may hold what its bot counted before twinstream was connected. store: which table it is,
-- as twinstream.toml names it; what another table was seen to hold says nothing of this one.
CREATE TABLE store_agreements (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    store text NOT NULL,
    xp boolean NOT NULL,
    balance boolean NOT NULL,
    agreed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT store_agreement_once PRIMARY KEY (platform, account_id),
    CONSTRAINT store_agreement_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- held_for: why a finding is held by itself, without a pass being stopped. history: the row never agreed
-- with the ledger. number: the amount is more than one event may carry, or is no whole number.
-- seen_again_by: the last pass that saw a held finding again.
-- difference: two bigints can differ by more than a bigint holds.
ALTER TABLE drift
    ADD COLUMN held_for text,
    ADD COLUMN seen_again_by bigint,
    ALTER COLUMN difference TYPE numeric,
    ADD CONSTRAINT drift_held_for_known CHECK (held_for IN ('history', 'number'));

-- migrate:down
ALTER TABLE drift
    DROP COLUMN held_for,
    DROP COLUMN seen_again_by,
    ALTER COLUMN difference TYPE bigint;
DROP TABLE store_agreements;
