-- migrate:up
-- What proves that both sides are the same: passes over the community, the pages of snapshots that
-- they compared, and what they found. And what a bot's own table could not take yet.

-- What a member's row in a platform's own table is still owed, because there is no such row yet, or
-- no account. Empty where the books of a platform live in sync_state.
CREATE TABLE store_debts (
    member_id bigint NOT NULL REFERENCES members (id),
    platform text NOT NULL,
    xp bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT store_debt_once PRIMARY KEY (member_id, platform),
    CONSTRAINT store_debt_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- One pass over some members or all of them. One at a time; if its owner dies, the lease runs out and
-- somebody else goes on with it. running: at work. finished: compared and decided. stopped: something
-- was not as it must be, stopped_because says what; nothing was repaired.
CREATE TABLE reconcile_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL,
    member_id bigint,
    dry_run boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'running',
    owner text NOT NULL,
    lease_until timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    stopped_because text,
    slice_after bigint NOT NULL DEFAULT 0,
    slice_upto bigint NOT NULL DEFAULT 0,
    touched_upto bigint NOT NULL DEFAULT 0,
    pages integer,
    members bigint NOT NULL DEFAULT 0,
    findings bigint NOT NULL DEFAULT 0,
    repairs bigint NOT NULL DEFAULT 0,
    CONSTRAINT reconcile_run_cause_known CHECK (cause IN ('interval', 'asked', 'alarm')),
    CONSTRAINT reconcile_run_status_known CHECK (status IN ('running', 'finished', 'stopped')),
    CONSTRAINT reconcile_run_stopped_says_why
        CHECK (status <> 'stopped' OR stopped_because IS NOT NULL),
    CONSTRAINT reconcile_run_ended_has_time CHECK (status = 'running' OR finished_at IS NOT NULL)
);
CREATE UNIQUE INDEX reconcile_run_one_at_a_time ON reconcile_runs ((true)) WHERE status = 'running';
CREATE INDEX reconcile_runs_by_end ON reconcile_runs (finished_at) WHERE status <> 'running';

-- The pages of a pass, as they were put on the stream: what is missing is known by its absence here
-- or by its status, and never read as zero.
CREATE TABLE snapshots (
    run_id bigint NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
    platform text NOT NULL,
    subject text NOT NULL,
    page integer NOT NULL,
    after_id bigint NOT NULL,
    upto_id bigint NOT NULL,
    rows integer NOT NULL,
    checksum text NOT NULL,
    taken_at timestamptz NOT NULL,
    compared_at timestamptz,
    refused text,
    CONSTRAINT snapshot_once PRIMARY KEY (run_id, platform, subject, page),
    CONSTRAINT snapshot_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT snapshot_rows_not_negative CHECK (rows >= 0)
);

-- What a pass found, what it decided, and why, in words for an administrator. subject: books (our
-- sums), store (the platform's own table), roles, tags. member_id is not a reference: linking may end
-- a member, and a finding stays as it was.
-- watched: seen once, to be seen again before anything is done. repaired: done. gone: it was not there
-- any more. left: not repaired, why says what to do. stopped: the pass was stopped before.
CREATE TABLE drift (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
    platform text NOT NULL,
    subject text NOT NULL,
    field text NOT NULL,
    member_id bigint,
    account_id bigint,
    seen text NOT NULL,
    expected text NOT NULL,
    difference bigint,
    in_flight text NOT NULL DEFAULT '',
    decision text NOT NULL,
    why text NOT NULL,
    idempotency_key text,
    found_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    CONSTRAINT drift_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT drift_decision_known
        CHECK (decision IN ('watched', 'repaired', 'gone', 'left', 'stopped'))
);
CREATE INDEX drift_by_run ON drift (run_id);
CREATE INDEX drift_by_member ON drift (member_id, id);
CREATE INDEX drift_watched ON drift (platform, subject, member_id) WHERE decision = 'watched';
CREATE INDEX drift_by_time ON drift (found_at);

-- migrate:down
DROP TABLE drift, snapshots, reconcile_runs, store_debts;
