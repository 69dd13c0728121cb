-- migrate:up transaction:false
-- A ledger entry names the account that earned it; `accounts` alone says which member that is. So
-- linking and unlinking change one row of `accounts` and no entry (docs/decisions/0013).
--
-- This file and the next five expand the schema of release 0.1: processes of 0.1 and of 0.2 work on
-- the result side by side. So member_id stays, and each process finds the column that it reads filled,
-- whichever release wrote the row. db/contracts/0.2.sql takes away what only release 0.1 needs.
--
-- Processes may run meanwhile. Each table is locked alone and for a moment only, so this file has
-- transactions of its own, and a statement that finds its work done repeats it without harm.

-- Who is one person, since when, and how their amounts were joined. `accounts` has the links of
-- today; this table remembers all of them, so that a link can be undone and links can be counted. The
-- contract enters the links that release 0.1 made.
CREATE TABLE IF NOT EXISTS links (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    telegram_account_id bigint NOT NULL,
    discord_account_id bigint NOT NULL,
    policy text NOT NULL DEFAULT 'sum',
    linked_at timestamptz NOT NULL DEFAULT now(),
    unlinked_at timestamptz,
    undone_at timestamptz,
    CONSTRAINT link_policy_known CHECK (policy IN ('sum', 'max', 'telegram', 'discord')),
    CONSTRAINT link_ends_after_it_began CHECK (unlinked_at >= linked_at AND undone_at >= linked_at)
);
CREATE INDEX IF NOT EXISTS links_by_telegram_account ON links (telegram_account_id, id);
CREATE INDEX IF NOT EXISTS links_by_discord_account ON links (discord_account_id, id);

-- The releases whose contract is done: nothing is left in the schema for the release before them.
CREATE TABLE IF NOT EXISTS contracts (
    release text PRIMARY KEY,
    contracted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contract_release_is_two_numbers CHECK (release ~ '^[0-9]+\.[0-9]+$')
);

BEGIN;
-- Every reader would queue up behind a lock that is waited for.
SET LOCAL lock_timeout = '10s';
-- The part of a member's books that the Discord account earned; the rest is the Telegram account's.
-- An unlink separates the two without adding up the ledger. Release 0.1 does not know the columns, so
-- they mean nothing until the contract has added the ledger up.
ALTER TABLE sync_state
    ADD COLUMN IF NOT EXISTS discord_xp bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS discord_balance bigint NOT NULL DEFAULT 0;
COMMIT;

CREATE OR REPLACE FUNCTION add_member_to_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT a.member_id INTO NEW.member_id FROM twinstream.accounts AS a
    WHERE a.platform = NEW.source AND a.account_id = NEW.account_id;
    RETURN NEW;
END $$;

-- A row that release 0.1 wrote names the member, one that release 0.2 wrote names the account. An
-- entry that no event could be made of names neither.
CREATE OR REPLACE FUNCTION add_owner_to_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_id IS NULL THEN
        SELECT a.account_id INTO NEW.account_id FROM twinstream.accounts AS a
        WHERE a.member_id = NEW.member_id AND a.platform = NEW.source;
    ELSE
        SELECT a.member_id INTO NEW.member_id FROM twinstream.accounts AS a
        WHERE a.platform = NEW.source AND a.account_id = NEW.account_id;
    END IF;
    RETURN NEW;
END $$;

BEGIN;
SET LOCAL lock_timeout = '10s';
CREATE OR REPLACE TRIGGER add_member BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.member_id IS NULL) EXECUTE FUNCTION add_member_to_entry();
COMMIT;

BEGIN;
SET LOCAL lock_timeout = '10s';
ALTER TABLE sync_events
    ADD COLUMN IF NOT EXISTS account_id bigint,
    DROP CONSTRAINT IF EXISTS sync_event_has_account,
    ADD CONSTRAINT sync_event_has_account
        CHECK (status = 'failed' OR account_id IS NOT NULL) NOT VALID;
CREATE OR REPLACE TRIGGER add_owner BEFORE INSERT OR UPDATE ON sync_events
    FOR EACH ROW WHEN ((NEW.account_id IS NULL) <> (NEW.member_id IS NULL))
    EXECUTE FUNCTION add_owner_to_event();
COMMIT;

-- migrate:down
DROP TRIGGER add_owner ON sync_events;
DROP FUNCTION add_owner_to_event();
ALTER TABLE sync_events DROP COLUMN account_id; -- with sync_event_has_account
DROP TRIGGER add_member ON transactions;
DROP FUNCTION add_member_to_entry();
ALTER TABLE sync_state DROP COLUMN discord_xp, DROP COLUMN discord_balance;
DROP TABLE contracts, links;
