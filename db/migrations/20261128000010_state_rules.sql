-- migrate:up transaction:false
-- The state machines of surfaces, sync_events, drift and reconcile_runs: what each state says of the
-- other columns was prose until now, and is a named rule from here on.
--
-- Processes may run meanwhile. A rule is added without a look at the rows that exist (NOT VALID), which
-- locks the table for a moment only. The rows are looked at afterwards, under a lock that lets every
-- reader and writer go on. That needs a transaction for each step, so this file has its own, and a
-- statement that finds its work done repeats it without harm: if one fails, run `make migrate` again.
-- The code has always obeyed the rules, except for a rare case of surface_parked_says_why: a member in
-- the hands of two workers. Rows that break a rule, from there or changed by hand, are corrected before
-- the look, but for names and negative numbers in surfaces, which no statement of ours can have written.
--
-- Two rules are left out. An error_message may stand at an event that is pending or published: it was
-- buried, and is sent again. A pass that finished need not know its pages: passes made by tools do not.

-- Every table is locked alone, so that no process is waited for that waits for another table.
BEGIN;
-- Every reader would queue up behind a lock that is waited for.
SET LOCAL lock_timeout = '10s';
ALTER TABLE surfaces
    DROP CONSTRAINT IF EXISTS surface_name_known,
    ADD CONSTRAINT surface_name_known
        CHECK (surface = 'rank' OR starts_with(surface, 'achievement:')) NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_numbers_not_negative,
    ADD CONSTRAINT surface_numbers_not_negative
        CHECK (wanted >= 0 AND (shown IS NULL OR shown >= 0) AND announced >= 0) NOT VALID,
    -- A number is either known to be shown, or some may be.
    DROP CONSTRAINT IF EXISTS surface_shown_or_unconfirmed,
    ADD CONSTRAINT surface_shown_or_unconfirmed
        CHECK (shown IS NULL OR unconfirmed IS NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_unconfirmed_has_numbers,
    ADD CONSTRAINT surface_unconfirmed_has_numbers CHECK (unconfirmed <> '{}') NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_shown_has_time,
    ADD CONSTRAINT surface_shown_has_time CHECK (shown IS NULL OR shown_at IS NOT NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_forgotten_is_not_shown,
    ADD CONSTRAINT surface_forgotten_is_not_shown CHECK (NOT forgotten OR shown IS NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_parked_says_why,
    ADD CONSTRAINT surface_parked_says_why
        CHECK (parked IS NULL OR (retry_at IS NOT NULL AND error IS NOT NULL)) NOT VALID,
    -- A row that is never tried again has a cause whose end is looked for.
    DROP CONSTRAINT IF EXISTS surface_never_retried_is_parked,
    ADD CONSTRAINT surface_never_retried_is_parked
        CHECK (retry_at IS NULL OR retry_at < 'infinity' OR parked IS NOT NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS surface_announced_was_reached,
    ADD CONSTRAINT surface_announced_was_reached
        CHECK (NOT announce OR (announced > 0 AND shown_at IS NOT NULL)) NOT VALID;
COMMIT;

BEGIN;
SET LOCAL lock_timeout = '10s';
ALTER TABLE sync_events
    DROP CONSTRAINT IF EXISTS sync_event_pending_is_unpublished,
    ADD CONSTRAINT sync_event_pending_is_unpublished
        CHECK (status <> 'pending' OR published_at IS NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS sync_event_published_has_time,
    ADD CONSTRAINT sync_event_published_has_time
        CHECK (status NOT IN ('published', 'completed') OR published_at IS NOT NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS sync_event_only_completed_is_processed,
    ADD CONSTRAINT sync_event_only_completed_is_processed
        CHECK (status = 'completed' OR (processed_by IS NULL AND processed_at IS NULL)) NOT VALID,
    -- The platform that an event came from never processes it.
    DROP CONSTRAINT IF EXISTS sync_event_processed_by_opposite,
    ADD CONSTRAINT sync_event_processed_by_opposite CHECK (processed_by <> source) NOT VALID,
    DROP CONSTRAINT IF EXISTS sync_event_completed_has_no_error,
    ADD CONSTRAINT sync_event_completed_has_no_error
        CHECK (status <> 'completed' OR error_message IS NULL) NOT VALID;
COMMIT;

BEGIN;
SET LOCAL lock_timeout = '10s';
ALTER TABLE drift
    DROP CONSTRAINT IF EXISTS drift_decided_has_time,
    ADD CONSTRAINT drift_decided_has_time
        CHECK ((decision = 'found') = (decided_at IS NULL)) NOT VALID,
    DROP CONSTRAINT IF EXISTS drift_decided_says_why,
    ADD CONSTRAINT drift_decided_says_why CHECK (decision = 'found' OR why <> '') NOT VALID,
    DROP CONSTRAINT IF EXISTS drift_only_repaired_has_event,
    ADD CONSTRAINT drift_only_repaired_has_event
        CHECK (decision = 'repaired' OR idempotency_key IS NULL) NOT VALID;
COMMIT;

BEGIN;
SET LOCAL lock_timeout = '10s';
ALTER TABLE reconcile_runs
    DROP CONSTRAINT IF EXISTS reconcile_run_running_has_no_end,
    ADD CONSTRAINT reconcile_run_running_has_no_end
        CHECK (status <> 'running' OR finished_at IS NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS reconcile_run_only_stopped_says_why,
    ADD CONSTRAINT reconcile_run_only_stopped_says_why
        CHECK (status = 'stopped' OR stopped_because IS NULL) NOT VALID,
    DROP CONSTRAINT IF EXISTS reconcile_run_of_one_or_of_everybody,
    ADD CONSTRAINT reconcile_run_of_one_or_of_everybody
        CHECK (member_id IS NULL OR NOT everybody) NOT VALID;
COMMIT;

-- From here on no process writes a row that breaks a rule, so what is corrected now stays correct.
BEGIN;
-- A doubtful state becomes unconfirmed, and the next visit looks at it.
UPDATE surfaces SET
    shown = CASE WHEN unconfirmed IS NULL AND NOT forgotten THEN shown END,
    unconfirmed = CASE
        WHEN shown IS NOT NULL AND (unconfirmed IS NOT NULL OR forgotten)
            THEN coalesce(unconfirmed, '{}') || shown
        ELSE nullif(unconfirmed, '{}')
    END,
    shown_at = CASE
        WHEN shown IS NOT NULL OR announce THEN coalesce(shown_at, wanted_at)
        ELSE shown_at
    END,
    retry_at = CASE
        WHEN parked IS NOT NULL THEN coalesce(retry_at, 'infinity')
        ELSE nullif(retry_at, 'infinity')
    END,
    error = CASE WHEN parked IS NOT NULL THEN coalesce(error, 'parked because of ' || parked)
        ELSE error END,
    announce = announce AND announced > 0
WHERE (shown IS NOT NULL AND (unconfirmed IS NOT NULL OR forgotten OR shown_at IS NULL))
    OR unconfirmed = '{}'
    OR (parked IS NOT NULL AND (retry_at IS NULL OR error IS NULL))
    OR (parked IS NULL AND retry_at = 'infinity')
    OR (announce AND (announced <= 0 OR shown_at IS NULL));
COMMIT;

BEGIN;
UPDATE sync_events SET
    published_at = CASE
        WHEN status = 'pending' THEN NULL
        WHEN status IN ('published', 'completed')
            THEN coalesce(published_at, processed_at, created_at)
        ELSE published_at
    END,
    processed_by = CASE WHEN status = 'completed'
        THEN CASE source WHEN 'telegram' THEN 'discord' ELSE 'telegram' END END,
    processed_at = CASE WHEN status = 'completed' THEN processed_at END,
    error_message = CASE WHEN status <> 'completed' THEN error_message END
WHERE (status = 'pending' AND published_at IS NOT NULL)
    OR (status IN ('published', 'completed') AND published_at IS NULL)
    OR (status <> 'completed' AND (processed_by IS NOT NULL OR processed_at IS NOT NULL))
    OR (status = 'completed' AND error_message IS NOT NULL)
    OR processed_by = source;
COMMIT;

BEGIN;
UPDATE drift SET
    decided_at = CASE WHEN decision <> 'found' THEN coalesce(decided_at, found_at) END,
    why = CASE WHEN decision <> 'found' AND why = '' THEN 'not recorded' ELSE why END,
    idempotency_key = CASE WHEN decision = 'repaired' THEN idempotency_key END
WHERE (decision = 'found') <> (decided_at IS NULL)
    OR (decision <> 'found' AND why = '')
    OR (decision <> 'repaired' AND idempotency_key IS NOT NULL);
UPDATE reconcile_runs SET
    finished_at = CASE WHEN status <> 'running' THEN finished_at END,
    stopped_because = CASE WHEN status = 'stopped' THEN stopped_because END,
    everybody = everybody AND member_id IS NULL
WHERE (status = 'running' AND finished_at IS NOT NULL)
    OR (status <> 'stopped' AND stopped_because IS NOT NULL)
    OR (everybody AND member_id IS NOT NULL);
COMMIT;

BEGIN;
ALTER TABLE surfaces
    VALIDATE CONSTRAINT surface_name_known,
    VALIDATE CONSTRAINT surface_numbers_not_negative,
    VALIDATE CONSTRAINT surface_shown_or_unconfirmed,
    VALIDATE CONSTRAINT surface_unconfirmed_has_numbers,
    VALIDATE CONSTRAINT surface_shown_has_time,
    VALIDATE CONSTRAINT surface_forgotten_is_not_shown,
    VALIDATE CONSTRAINT surface_parked_says_why,
    VALIDATE CONSTRAINT surface_never_retried_is_parked,
    VALIDATE CONSTRAINT surface_announced_was_reached;
COMMIT;

BEGIN;
ALTER TABLE sync_events
    VALIDATE CONSTRAINT sync_event_pending_is_unpublished,
    VALIDATE CONSTRAINT sync_event_published_has_time,
    VALIDATE CONSTRAINT sync_event_only_completed_is_processed,
    VALIDATE CONSTRAINT sync_event_processed_by_opposite,
    VALIDATE CONSTRAINT sync_event_completed_has_no_error;
COMMIT;

BEGIN;
ALTER TABLE drift
    VALIDATE CONSTRAINT drift_decided_has_time,
    VALIDATE CONSTRAINT drift_decided_says_why,
    VALIDATE CONSTRAINT drift_only_repaired_has_event;
ALTER TABLE reconcile_runs
    VALIDATE CONSTRAINT reconcile_run_running_has_no_end,
    VALIDATE CONSTRAINT reconcile_run_only_stopped_says_why,
    VALIDATE CONSTRAINT reconcile_run_of_one_or_of_everybody;
COMMIT;

-- migrate:down
ALTER TABLE surfaces
    DROP CONSTRAINT surface_name_known,
    DROP CONSTRAINT surface_numbers_not_negative,
    DROP CONSTRAINT surface_shown_or_unconfirmed,
    DROP CONSTRAINT surface_unconfirmed_has_numbers,
    DROP CONSTRAINT surface_shown_has_time,
    DROP CONSTRAINT surface_forgotten_is_not_shown,
    DROP CONSTRAINT surface_parked_says_why,
    DROP CONSTRAINT surface_never_retried_is_parked,
    DROP CONSTRAINT surface_announced_was_reached;
ALTER TABLE sync_events
    DROP CONSTRAINT sync_event_pending_is_unpublished,
    DROP CONSTRAINT sync_event_published_has_time,
    DROP CONSTRAINT sync_event_only_completed_is_processed,
    DROP CONSTRAINT sync_event_processed_by_opposite,
    DROP CONSTRAINT sync_event_completed_has_no_error;
ALTER TABLE drift
    DROP CONSTRAINT drift_decided_has_time,
    DROP CONSTRAINT drift_decided_says_why,
    DROP CONSTRAINT drift_only_repaired_has_event;
ALTER TABLE reconcile_runs
    DROP CONSTRAINT reconcile_run_running_has_no_end,
    DROP CONSTRAINT reconcile_run_only_stopped_says_why,
    DROP CONSTRAINT reconcile_run_of_one_or_of_everybody;
