-- The schema that db/migrations and db/contracts make, for reading. `make schema` writes it.

CREATE SCHEMA twinstream;

CREATE TABLE twinstream.ranks (
    rank integer NOT NULL,
    name text NOT NULL,
    xp bigint NOT NULL,
    CONSTRAINT rank_threshold_not_negative CHECK ((xp >= 0))
);

CREATE FUNCTION twinstream.ladder() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((SELECT array_agg(r.xp ORDER BY r.xp) AS array_agg FROM twinstream.ranks r), '{}'::bigint[]);

CREATE FUNCTION twinstream.rank_on(xp bigint, ladder bigint[]) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN width_bucket(GREATEST(xp, (0)::bigint), ladder);

CREATE FUNCTION twinstream.rank_of(xp bigint) RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN twinstream.rank_on(xp, twinstream.ladder());

CREATE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;

CREATE TABLE twinstream.accounts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    member_id bigint NOT NULL,
    display_name text,
    linked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_id_positive CHECK ((account_id > 0)),
    CONSTRAINT account_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.achievements (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    achievement text NOT NULL,
    unlocked_at timestamp with time zone NOT NULL,
    CONSTRAINT achievement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.cleanup_rounds (
    id bigint NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    events_upto bigint DEFAULT 0,
    events bigint DEFAULT 0 NOT NULL,
    passes bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    CONSTRAINT cleanup_round_finished_has_seen_all CHECK (((finished_at IS NULL) OR (events_upto IS NULL)))
);

ALTER TABLE twinstream.cleanup_rounds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.cleanup_rounds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.contracts (
    release text NOT NULL,
    contracted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT contract_release_is_two_numbers CHECK ((release ~ '^[0-9]+\.[0-9]+$'::text))
);

CREATE TABLE twinstream.drift (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    platform text NOT NULL,
    subject text NOT NULL,
    subject_id bigint NOT NULL,
    field text NOT NULL,
    member_id bigint,
    account_id bigint,
    seen text NOT NULL,
    expected text NOT NULL,
    difference numeric,
    in_flight text DEFAULT ''::text NOT NULL,
    decision text DEFAULT 'found'::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    idempotency_key text,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    held_for text,
    seen_again_by bigint,
    CONSTRAINT drift_decided_has_time CHECK (((decision = 'found'::text) = (decided_at IS NULL))),
    CONSTRAINT drift_decided_says_why CHECK (((decision = 'found'::text) OR (why <> ''::text))),
    CONSTRAINT drift_decision_known CHECK ((decision = ANY (ARRAY['found'::text, 'watched'::text, 'held'::text, 'confirmed'::text, 'repaired'::text, 'gone'::text, 'left'::text, 'stopped'::text]))),
    CONSTRAINT drift_held_for_known CHECK ((held_for = ANY (ARRAY['history'::text, 'number'::text]))),
    CONSTRAINT drift_only_repaired_has_event CHECK (((decision = 'repaired'::text) OR (idempotency_key IS NULL))),
    CONSTRAINT drift_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.drift ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.entry_attempts (
    stream text NOT NULL,
    entry_id text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE twinstream.link_attempts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    failures integer NOT NULL,
    window_ends_at timestamp with time zone NOT NULL
);

CREATE TABLE twinstream.link_codes (
    code_hash bytea NOT NULL,
    platform text NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT link_code_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.links (
    id bigint NOT NULL,
    telegram_account_id bigint NOT NULL,
    discord_account_id bigint NOT NULL,
    policy text DEFAULT 'sum'::text NOT NULL,
    linked_at timestamp with time zone DEFAULT now() NOT NULL,
    unlinked_at timestamp with time zone,
    undone_at timestamp with time zone,
    CONSTRAINT link_ends_after_it_began CHECK (((unlinked_at >= linked_at) AND (undone_at >= linked_at))),
    CONSTRAINT link_policy_known CHECK ((policy = ANY (ARRAY['sum'::text, 'max'::text, 'telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.members (
    id bigint NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT member_balance_not_negative CHECK ((balance >= 0)),
    CONSTRAINT member_xp_not_negative CHECK ((xp >= 0))
);

ALTER TABLE twinstream.members ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.members_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.moves (
    id bigint NOT NULL,
    platform text NOT NULL,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT move_is_between_two_accounts CHECK ((from_account_id <> to_account_id)),
    CONSTRAINT move_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.moves ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.moves_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.notices (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    taken_until timestamp with time zone,
    CONSTRAINT notice_kind_known CHECK ((kind = 'code_void'::text)),
    CONSTRAINT notice_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.reconcile_runs (
    id bigint NOT NULL,
    cause text NOT NULL,
    member_id bigint,
    everybody boolean DEFAULT false NOT NULL,
    dry_run boolean DEFAULT false NOT NULL,
    accepted boolean DEFAULT false NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    owner text NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    stopped_because text,
    touched_upto bigint DEFAULT 0 NOT NULL,
    pages integer,
    members bigint DEFAULT 0 NOT NULL,
    findings bigint DEFAULT 0 NOT NULL,
    repairs bigint DEFAULT 0 NOT NULL,
    CONSTRAINT reconcile_run_cause_known CHECK ((cause = ANY (ARRAY['interval'::text, 'asked'::text, 'alarm'::text]))),
    CONSTRAINT reconcile_run_ended_has_time CHECK (((status = 'running'::text) OR (finished_at IS NOT NULL))),
    CONSTRAINT reconcile_run_of_one_or_of_everybody CHECK (((member_id IS NULL) OR (NOT everybody))),
    CONSTRAINT reconcile_run_only_stopped_says_why CHECK (((status = 'stopped'::text) OR (stopped_because IS NULL))),
    CONSTRAINT reconcile_run_running_has_no_end CHECK (((status <> 'running'::text) OR (finished_at IS NULL))),
    CONSTRAINT reconcile_run_status_known CHECK ((status = ANY (ARRAY['running'::text, 'finished'::text, 'stopped'::text]))),
    CONSTRAINT reconcile_run_stopped_says_why CHECK (((status <> 'stopped'::text) OR (stopped_because IS NOT NULL)))
);

ALTER TABLE twinstream.reconcile_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.reconcile_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.reconcile_touched (
    run_id bigint NOT NULL,
    member_id bigint NOT NULL
);

CREATE TABLE twinstream.reconcile_walks (
    platform text NOT NULL,
    subject text NOT NULL,
    after_id bigint NOT NULL,
    passed bigint NOT NULL,
    passed_last_time bigint NOT NULL,
    began_at timestamp with time zone NOT NULL,
    CONSTRAINT reconcile_walk_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.snapshots (
    run_id bigint NOT NULL,
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
    taken_at timestamp with time zone NOT NULL,
    compared_at timestamp with time zone,
    refused text,
    CONSTRAINT snapshot_part_known CHECK ((part = ANY (ARRAY['touched'::text, 'watched'::text, 'slice'::text, 'left out'::text]))),
    CONSTRAINT snapshot_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT snapshot_rows_not_negative CHECK (((rows >= 0) AND (looked_at >= 0)))
);

CREATE TABLE twinstream.stop_signs (
    release text NOT NULL,
    reason text NOT NULL,
    set_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT stop_sign_release_is_two_numbers CHECK ((release ~ '^[0-9]+\.[0-9]+$'::text)),
    CONSTRAINT stop_sign_says_why CHECK ((reason <> ''::text))
);

CREATE TABLE twinstream.store_agreements (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    store text NOT NULL,
    xp boolean NOT NULL,
    balance boolean NOT NULL,
    agreed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT store_agreement_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.store_debts (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    error text,
    CONSTRAINT store_debt_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

CREATE TABLE twinstream.surfaces (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    surface text DEFAULT 'rank'::text NOT NULL,
    wanted integer NOT NULL,
    shown integer,
    wanted_at timestamp with time zone DEFAULT now() NOT NULL,
    wanted_key text,
    priority smallint DEFAULT 0 NOT NULL,
    shown_at timestamp with time zone,
    taken_until timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    parked text,
    error text,
    announced integer DEFAULT 0 NOT NULL,
    announce boolean DEFAULT false NOT NULL,
    unconfirmed integer[],
    forgotten boolean DEFAULT false NOT NULL,
    CONSTRAINT surface_announced_was_reached CHECK (((NOT announce) OR ((announced > 0) AND (shown_at IS NOT NULL)))),
    CONSTRAINT surface_forgotten_is_not_shown CHECK (((NOT forgotten) OR (shown IS NULL))),
    CONSTRAINT surface_name_known CHECK (((surface = 'rank'::text) OR starts_with(surface, 'achievement:'::text))),
    CONSTRAINT surface_never_retried_is_parked CHECK (((retry_at IS NULL) OR (retry_at < 'infinity'::timestamp with time zone) OR (parked IS NOT NULL))),
    CONSTRAINT surface_numbers_not_negative CHECK (((wanted >= 0) AND ((shown IS NULL) OR (shown >= 0)) AND (announced >= 0))),
    CONSTRAINT surface_parked_says_why CHECK (((parked IS NULL) OR ((retry_at IS NOT NULL) AND (error IS NOT NULL)))),
    CONSTRAINT surface_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT surface_priority_known CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT surface_shown_has_time CHECK (((shown IS NULL) OR (shown_at IS NOT NULL))),
    CONSTRAINT surface_shown_or_unconfirmed CHECK (((shown IS NULL) OR (unconfirmed IS NULL))),
    CONSTRAINT surface_unconfirmed_has_numbers CHECK ((unconfirmed <> '{}'::integer[]))
);

CREATE TABLE twinstream.sync_events (
    id bigint NOT NULL,
    idempotency_key text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    payload text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone,
    processed_by text,
    processed_at timestamp with time zone,
    error_message text,
    stream_losses integer DEFAULT 0 NOT NULL,
    account_id bigint,
    CONSTRAINT sync_event_completed_has_no_error CHECK (((status <> 'completed'::text) OR (error_message IS NULL))),
    CONSTRAINT sync_event_completed_is_processed CHECK (((status <> 'completed'::text) OR ((processed_by IS NOT NULL) AND (processed_at IS NOT NULL)))),
    CONSTRAINT sync_event_failed_says_why CHECK (((status <> 'failed'::text) OR (error_message IS NOT NULL))),
    CONSTRAINT sync_event_has_account CHECK (((status = 'failed'::text) OR (account_id IS NOT NULL))),
    CONSTRAINT sync_event_only_completed_is_processed CHECK (((status = 'completed'::text) OR ((processed_by IS NULL) AND (processed_at IS NULL)))),
    CONSTRAINT sync_event_pending_is_unpublished CHECK (((status <> 'pending'::text) OR (published_at IS NULL))),
    CONSTRAINT sync_event_processed_by_opposite CHECK ((processed_by <> source)),
    CONSTRAINT sync_event_published_has_time CHECK (((status <> ALL (ARRAY['published'::text, 'completed'::text])) OR (published_at IS NOT NULL))),
    CONSTRAINT sync_event_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_event_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'published'::text, 'completed'::text, 'failed'::text])))
);

ALTER TABLE twinstream.sync_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.sync_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE twinstream.sync_state (
    member_id bigint NOT NULL,
    platform text NOT NULL,
    xp bigint DEFAULT 0 NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    rank integer DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    discord_xp bigint DEFAULT 0 NOT NULL,
    discord_balance bigint DEFAULT 0 NOT NULL,
    CONSTRAINT sync_state_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT sync_state_rank_not_negative CHECK ((rank >= 0))
);

CREATE TABLE twinstream.transactions (
    id bigint NOT NULL,
    idempotency_key text NOT NULL,
    platform text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    account_id bigint NOT NULL,
    delta_xp bigint DEFAULT 0 NOT NULL,
    delta_balance bigint DEFAULT 0 NOT NULL,
    achievement text,
    reason text NOT NULL,
    entity_id text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT transaction_has_one_effect CHECK ((((((delta_xp <> 0))::integer + ((delta_balance <> 0))::integer) + ((achievement IS NOT NULL))::integer) = 1)),
    CONSTRAINT transaction_platform_known CHECK ((platform = ANY (ARRAY['telegram'::text, 'discord'::text]))),
    CONSTRAINT transaction_source_known CHECK ((source = ANY (ARRAY['telegram'::text, 'discord'::text])))
);

ALTER TABLE twinstream.transactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME twinstream.transactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT account_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT account_one_per_platform UNIQUE (member_id, platform);

ALTER TABLE ONLY twinstream.achievements
    ADD CONSTRAINT achievement_once PRIMARY KEY (member_id, platform, achievement);

ALTER TABLE ONLY twinstream.cleanup_rounds
    ADD CONSTRAINT cleanup_rounds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.contracts
    ADD CONSTRAINT contracts_pkey PRIMARY KEY (release);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_once UNIQUE (run_id, platform, subject, subject_id, field);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.entry_attempts
    ADD CONSTRAINT entry_attempts_once PRIMARY KEY (stream, entry_id);

ALTER TABLE ONLY twinstream.link_attempts
    ADD CONSTRAINT link_attempts_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.link_codes
    ADD CONSTRAINT link_code_once PRIMARY KEY (code_hash);

ALTER TABLE ONLY twinstream.link_codes
    ADD CONSTRAINT link_code_one_per_account UNIQUE (platform, account_id);

ALTER TABLE ONLY twinstream.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.moves
    ADD CONSTRAINT moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.notices
    ADD CONSTRAINT notice_once PRIMARY KEY (platform, account_id, kind);

ALTER TABLE ONLY twinstream.ranks
    ADD CONSTRAINT rank_once PRIMARY KEY (rank);

ALTER TABLE ONLY twinstream.ranks
    ADD CONSTRAINT rank_threshold_once UNIQUE (xp);

ALTER TABLE ONLY twinstream.reconcile_runs
    ADD CONSTRAINT reconcile_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.reconcile_touched
    ADD CONSTRAINT reconcile_touched_once PRIMARY KEY (run_id, member_id);

ALTER TABLE ONLY twinstream.reconcile_walks
    ADD CONSTRAINT reconcile_walk_once PRIMARY KEY (platform, subject);

ALTER TABLE ONLY twinstream.snapshots
    ADD CONSTRAINT snapshot_once PRIMARY KEY (run_id, platform, subject, page);

ALTER TABLE ONLY twinstream.stop_signs
    ADD CONSTRAINT stop_signs_pkey PRIMARY KEY (release);

ALTER TABLE ONLY twinstream.store_agreements
    ADD CONSTRAINT store_agreement_once PRIMARY KEY (platform, account_id);

ALTER TABLE ONLY twinstream.store_debts
    ADD CONSTRAINT store_debt_once PRIMARY KEY (member_id, platform);

ALTER TABLE ONLY twinstream.surfaces
    ADD CONSTRAINT surface_once PRIMARY KEY (member_id, platform, surface);

ALTER TABLE ONLY twinstream.sync_events
    ADD CONSTRAINT sync_event_once UNIQUE (idempotency_key);

ALTER TABLE ONLY twinstream.sync_events
    ADD CONSTRAINT sync_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY twinstream.sync_state
    ADD CONSTRAINT sync_state_once PRIMARY KEY (member_id, platform);

ALTER TABLE ONLY twinstream.transactions
    ADD CONSTRAINT transaction_once UNIQUE (idempotency_key, platform);

ALTER TABLE ONLY twinstream.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX cleanup_round_one_at_a_time ON twinstream.cleanup_rounds USING btree ((true)) WHERE (finished_at IS NULL);

CREATE INDEX drift_by_member ON twinstream.drift USING btree (member_id, id);

CREATE INDEX drift_by_time ON twinstream.drift USING btree (found_at);

CREATE INDEX drift_open ON twinstream.drift USING btree (platform, subject, subject_id) WHERE (decision = ANY (ARRAY['watched'::text, 'held'::text]));

CREATE INDEX drift_undecided ON twinstream.drift USING btree (run_id, id) WHERE (decision = 'found'::text);

CREATE INDEX links_by_discord_account ON twinstream.links USING btree (discord_account_id, id);

CREATE INDEX links_by_telegram_account ON twinstream.links USING btree (telegram_account_id, id);

CREATE INDEX members_by_xp ON twinstream.members USING btree (xp DESC, id);

CREATE INDEX moves_by_from_account ON twinstream.moves USING btree (from_account_id);

CREATE INDEX moves_by_to_account ON twinstream.moves USING btree (to_account_id);

CREATE UNIQUE INDEX reconcile_run_one_at_a_time ON twinstream.reconcile_runs USING btree ((true)) WHERE (status = 'running'::text);

CREATE INDEX reconcile_runs_by_end ON twinstream.reconcile_runs USING btree (finished_at) WHERE (status <> 'running'::text);

CREATE INDEX snapshots_to_compare ON twinstream.snapshots USING btree (run_id) WHERE ((compared_at IS NULL) OR (refused IS NOT NULL));

CREATE INDEX surfaces_due ON twinstream.surfaces USING btree (platform, priority, GREATEST(wanted_at, retry_at, taken_until)) WHERE (wanted IS DISTINCT FROM shown);

CREATE INDEX surfaces_parked ON twinstream.surfaces USING btree (platform, parked) WHERE (parked IS NOT NULL);

CREATE INDEX surfaces_taken ON twinstream.surfaces USING btree (platform, taken_until) WHERE (taken_until IS NOT NULL);

CREATE INDEX surfaces_to_announce ON twinstream.surfaces USING btree (platform, shown_at) WHERE announce;

CREATE INDEX sync_events_by_account ON twinstream.sync_events USING btree (account_id);

CREATE INDEX sync_events_failed ON twinstream.sync_events USING btree (id) WHERE (status = 'failed'::text);

CREATE INDEX sync_events_published ON twinstream.sync_events USING btree (published_at) WHERE (status = 'published'::text);

CREATE INDEX sync_events_to_publish ON twinstream.sync_events USING btree (source, id) WHERE (status = 'pending'::text);

CREATE INDEX transactions_by_account ON twinstream.transactions USING btree (account_id, id);

CREATE INDEX transactions_with_achievement ON twinstream.transactions USING btree (account_id, achievement) WHERE (achievement IS NOT NULL);

CREATE TRIGGER ledger_is_only_added_to BEFORE DELETE OR UPDATE OR TRUNCATE ON twinstream.transactions FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();

ALTER TABLE ONLY twinstream.accounts
    ADD CONSTRAINT accounts_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.achievements
    ADD CONSTRAINT achievements_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.drift
    ADD CONSTRAINT drift_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.reconcile_touched
    ADD CONSTRAINT reconcile_touched_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.snapshots
    ADD CONSTRAINT snapshots_run_id_fkey FOREIGN KEY (run_id) REFERENCES twinstream.reconcile_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY twinstream.store_debts
    ADD CONSTRAINT store_debts_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.surfaces
    ADD CONSTRAINT surfaces_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);

ALTER TABLE ONLY twinstream.sync_state
    ADD CONSTRAINT sync_state_member_id_fkey FOREIGN KEY (member_id) REFERENCES twinstream.members(id);
