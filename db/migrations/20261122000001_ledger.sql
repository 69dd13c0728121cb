-- migrate:up
-- The record: members and their accounts, the ledger, the books that add it up, and the events that
-- carry each change to the other platform. Runs on an empty database, in well under a second.
--
-- Every named constraint states a rule; its name is the error that db/errors.py maps.

-- One person. xp and balance are the settled totals: the sum of the rows entered at their origin.
CREATE TABLE members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xp bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT member_xp_not_negative CHECK (xp >= 0),
    CONSTRAINT member_balance_not_negative CHECK (balance >= 0)
);
CREATE INDEX members_by_xp ON members (xp DESC, id);

-- A member's identity on one platform. Two accounts are linked when they name the same member.
CREATE TABLE accounts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    member_id bigint NOT NULL REFERENCES members (id),
    display_name text,
    linked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_once PRIMARY KEY (platform, account_id),
    CONSTRAINT account_one_per_platform UNIQUE (member_id, platform),
    CONSTRAINT account_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT account_id_positive CHECK (account_id > 0)
);

-- The ledger. Each event is entered twice: for the platform where it happened (platform = source)
-- and for the platform where it arrived. Kept for ever, so a key never expires.
CREATE TABLE transactions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL,
    platform text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    member_id bigint NOT NULL REFERENCES members (id),
    account_id bigint NOT NULL,
    delta_xp bigint NOT NULL DEFAULT 0,
    delta_balance bigint NOT NULL DEFAULT 0,
    achievement text,
    reason text NOT NULL,
    entity_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transaction_once UNIQUE (idempotency_key, platform),
    CONSTRAINT transaction_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT transaction_source_known CHECK (source IN ('telegram', 'discord')),
    CONSTRAINT transaction_has_one_effect CHECK (
        (delta_xp <> 0)::int + (delta_balance <> 0)::int + (achievement IS NOT NULL)::int = 1
    )
);
CREATE INDEX transactions_by_member ON transactions (member_id, id);

-- What each event went through. pending: committed, not yet on the stream. published: on the stream.
-- completed: entered on the other side. failed: buried, error_message says why. An entry that no
-- event can be made of has a row too: status failed, key `entry:<stream>:<entry id>`, no member.
-- stream_losses: how often its stream was lost since, so that a late mark cannot hide that.
CREATE TABLE sync_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    member_id bigint REFERENCES members (id),
    payload text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    processed_by text,
    processed_at timestamptz,
    error_message text,
    stream_losses integer NOT NULL DEFAULT 0,
    CONSTRAINT sync_event_once UNIQUE (idempotency_key),
    CONSTRAINT sync_event_source_known CHECK (source IN ('telegram', 'discord')),
    CONSTRAINT sync_event_status_known
        CHECK (status IN ('pending', 'published', 'completed', 'failed')),
    CONSTRAINT sync_event_has_member CHECK (status = 'failed' OR member_id IS NOT NULL),
    CONSTRAINT sync_event_completed_is_processed
        CHECK (status <> 'completed' OR (processed_by IS NOT NULL AND processed_at IS NOT NULL)),
    CONSTRAINT sync_event_failed_says_why CHECK (status <> 'failed' OR error_message IS NOT NULL)
);
CREATE INDEX sync_events_pending ON sync_events (id) WHERE status = 'pending';
CREATE INDEX sync_events_published ON sync_events (published_at) WHERE status = 'published';
CREATE INDEX sync_events_failed ON sync_events (id) WHERE status = 'failed';
CREATE INDEX sync_events_by_member ON sync_events (member_id);

-- Entries that may kill whoever settles them: how often it was tried. Counted before each try.
CREATE TABLE entry_attempts (
    stream text NOT NULL,
    entry_id text NOT NULL,
    attempts integer NOT NULL,
    first_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT entry_attempts_once PRIMARY KEY (stream, entry_id)
);

-- A platform's own books: the sum of its ledger rows. May dip below zero while an earlier credit is
-- on its way; what people see is clamped at zero, and rank follows what people see.
CREATE TABLE sync_state (
    member_id bigint NOT NULL REFERENCES members (id),
    platform text NOT NULL,
    xp bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL DEFAULT 0,
    rank integer NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sync_state_once PRIMARY KEY (member_id, platform),
    CONSTRAINT sync_state_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT sync_state_rank_not_negative CHECK (rank >= 0)
);

-- Achievements as each platform knows them: a set, so the order of events does not matter.
CREATE TABLE achievements (
    member_id bigint NOT NULL REFERENCES members (id),
    platform text NOT NULL,
    achievement text NOT NULL,
    unlocked_at timestamptz NOT NULL,
    CONSTRAINT achievement_once PRIMARY KEY (member_id, platform, achievement),
    CONSTRAINT achievement_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- The ladder of ranks, copied from twinstream.toml at start. Rank n is the n-th lowest threshold;
-- rank 0 is "none yet".
CREATE TABLE ranks (
    rank integer NOT NULL,
    name text NOT NULL,
    xp bigint NOT NULL,
    CONSTRAINT rank_once PRIMARY KEY (rank),
    CONSTRAINT rank_threshold_once UNIQUE (xp),
    CONSTRAINT rank_threshold_not_negative CHECK (xp >= 0)
);

-- Rank follows from XP and from nothing else. A statement with many rows reads the ladder once, as
-- `rank_on(xp, (SELECT ladder()))`.
CREATE FUNCTION ladder() RETURNS bigint[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((SELECT array_agg(r.xp ORDER BY r.xp) FROM ranks AS r), '{}');

CREATE FUNCTION rank_on(xp bigint, ladder bigint[]) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN width_bucket(greatest(xp, 0), ladder);

CREATE FUNCTION rank_of(xp bigint) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN rank_on(xp, ladder());

-- Where people see a rank or an achievement. wanted and shown differ while there is work to do.
-- For surface 'rank' the numbers are ranks; for 'achievement:<name>' 1 is held and 0 is not.
-- priority: 0 live, 1 link, 2 reconcile, 3 backfill; the lower, the sooner. parked: the cause that has
-- to go before it is tried again, with retry_at = 'infinity'. announced: the highest number that was
-- told or passed over; announce: it is still to be told.
CREATE TABLE surfaces (
    member_id bigint NOT NULL REFERENCES members (id),
    platform text NOT NULL,
    surface text NOT NULL DEFAULT 'rank',
    wanted integer NOT NULL,
    shown integer,
    wanted_at timestamptz NOT NULL DEFAULT now(),
    wanted_key text,
    priority smallint NOT NULL DEFAULT 0,
    shown_at timestamptz,
    taken_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    parked text,
    error text,
    announced integer NOT NULL DEFAULT 0,
    announce boolean NOT NULL DEFAULT false,
    CONSTRAINT surface_once PRIMARY KEY (member_id, platform, surface),
    CONSTRAINT surface_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT surface_priority_known CHECK (priority BETWEEN 0 AND 3)
);
-- In the order in which they may be visited: wanted, postponed until, in somebody's hands until.
CREATE INDEX surfaces_due
    ON surfaces (platform, priority, greatest(wanted_at, retry_at, taken_until))
    WHERE wanted IS DISTINCT FROM shown;
CREATE INDEX surfaces_parked ON surfaces (platform, parked) WHERE parked IS NOT NULL;
CREATE INDEX surfaces_to_announce ON surfaces (platform, shown_at) WHERE announce;
CREATE INDEX surfaces_taken ON surfaces (platform, taken_until) WHERE taken_until IS NOT NULL;

-- One-time codes that join two accounts. Only the hash is kept.
CREATE TABLE link_codes (
    code_hash bytea NOT NULL,
    platform text NOT NULL,
    account_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT link_code_once PRIMARY KEY (code_hash),
    CONSTRAINT link_code_one_per_account UNIQUE (platform, account_id),
    CONSTRAINT link_code_platform_known CHECK (platform IN ('telegram', 'discord'))
);

-- Wrong codes, counted per account, so that guessing locks the guesser out for a while.
CREATE TABLE link_attempts (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    failures integer NOT NULL,
    window_ends_at timestamptz NOT NULL,
    CONSTRAINT link_attempts_once PRIMARY KEY (platform, account_id)
);

-- migrate:down
DROP FUNCTION rank_of(bigint);
DROP FUNCTION rank_on(bigint, bigint[]);
DROP FUNCTION ladder();
DROP TABLE link_attempts, link_codes, surfaces, ranks, achievements, sync_state, entry_attempts,
    sync_events, transactions, accounts, members;
