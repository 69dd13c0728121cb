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
-- member_id: only this member. everybody: all of them, else those touched since the last pass, those
-- watched, and a slice of the others. accepted: an operator has looked, and lets it exceed the limits.
-- pages: how many there are, once all were taken.
CREATE TABLE reconcile_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL,
    member_id bigint,
    everybody boolean NOT NULL DEFAULT false,
    dry_run boolean NOT NULL DEFAULT false,
    accepted boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'running',
    owner text NOT NULL,
    lease_until timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    stopped_because text,
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

-- The members that a pass looks at first: those touched since the last one, or the one asked for.
CREATE TABLE reconcile_touched (
    run_id bigint NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
    member_id bigint NOT NULL,
    CONSTRAINT reconcile_touched_once PRIMARY KEY (run_id, member_id)
);

-- How far the rolling look at everybody has come, and how many it passed, this time and last time.
CREATE TABLE reconcile_walks (
    platform text NOT NULL,
    subject text NOT NULL,
    after_id bigint NOT NULL,
    passed bigint NOT NULL,
    passed_last_time bigint NOT NULL,
    began_at timestamptz NOT NULL,
    CONSTRAINT reconcile_walk_once PRIMARY KEY (platform, subject),
    CONSTRAINT reconcile_walk_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- The pages of a pass, as they were put on the stream: what is missing is known by its absence here
-- or by its status, and never read as zero. Within a part (touched, watched, slice) a page begins where
-- the one before it ended; left out: the platform could not be looked at, refused says why.
-- looked_at: how many ids it covers. is_last: nobody comes after it.
CREATE TABLE snapshots (
    run_id bigint NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
    platform text NOT NULL,
    subject text NOT NULL,
    page integer NOT NULL,
    part text NOT NULL,
    after_id bigint NOT NULL,
    upto_id bigint NOT NULL,
    looked_at integer NOT NULL,
    rows integer NOT NULL,
    is_last boolean NOT NULL,
    checksum text NOT NULL,
    taken_at timestamptz NOT NULL,
    compared_at timestamptz,
    refused text,
    CONSTRAINT snapshot_once PRIMARY KEY (run_id, platform, subject, page),
    CONSTRAINT snapshot_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT snapshot_part_known CHECK (part IN ('touched', 'watched', 'slice', 'left out')),
    CONSTRAINT snapshot_rows_not_negative CHECK (rows >= 0 AND looked_at >= 0)
);
CREATE INDEX snapshots_to_compare ON snapshots (run_id)
    WHERE compared_at IS NULL OR refused IS NOT NULL;

-- What a pass found, what it decided, and why, in words for an administrator. subject: books (our
-- sums), store (the platform's own table), roles, tags. subject_id: the member for books, the account
-- for all others. member_id is not a reference: linking may end a member, and a finding stays as it was.
-- found: not decided yet. watched: seen once, to be seen again before anything is done. held: too much
-- would change at once, an operator has to look. confirmed: seen again by the next pass, which decided.
-- repaired: done. gone: it was not there any more. left: not repaired, why says what to do. stopped:
-- the pass was stopped before.
CREATE TABLE drift (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
    platform text NOT NULL,
    subject text NOT NULL,
    subject_id bigint NOT NULL,
    field text NOT NULL,
    member_id bigint,
    account_id bigint,
    seen text NOT NULL,
    expected text NOT NULL,
    difference bigint,
    in_flight text NOT NULL DEFAULT '',
    decision text NOT NULL DEFAULT 'found',
    why text NOT NULL DEFAULT '',
    idempotency_key text,
    found_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    CONSTRAINT drift_once UNIQUE (run_id, platform, subject, subject_id, field),
    CONSTRAINT drift_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT drift_decision_known CHECK (
        decision IN
        ('found', 'watched', 'held', 'confirmed', 'repaired', 'gone', 'left', 'stopped')
    )
);
CREATE INDEX drift_undecided ON drift (run_id, id) WHERE decision = 'found';
CREATE INDEX drift_open ON drift (platform, subject, subject_id)
    WHERE decision IN ('watched', 'held');
CREATE INDEX drift_by_member ON drift (member_id, id);
CREATE INDEX drift_by_time ON drift (found_at);

-- migrate:down
DROP TABLE drift, snapshots, reconcile_walks, reconcile_touched, reconcile_runs, store_debts;
