-- The contract of release 0.2, first of three: takes away what only release 0.1 needs, and turns on what
-- it would break. `make contract` (launch/contract.py) runs the three once no process of 0.1 is
-- connected; after this one there is no way back but a restored backup (docs/upgrade.md). A statement
-- that finds its work done repeats it without harm.

-- All at once and before anything else: a lock that is made stronger later can be a deadlock.
LOCK TABLE twinstream.members, twinstream.transactions, twinstream.sync_events IN ACCESS EXCLUSIVE MODE;

DROP TRIGGER IF EXISTS add_owner ON twinstream.sync_events;
DROP FUNCTION IF EXISTS twinstream.add_owner_to_event();
ALTER TABLE twinstream.sync_events
    DROP COLUMN IF EXISTS member_id; -- with its index, its foreign key and sync_event_has_member
DROP TRIGGER IF EXISTS add_member ON twinstream.transactions;
DROP FUNCTION IF EXISTS twinstream.add_member_to_entry();
ALTER TABLE twinstream.transactions
    DROP COLUMN IF EXISTS member_id; -- with its index and its foreign key

-- The ledger is only added to. Permissions say so too; this holds where one login does everything.
-- Release 0.1 rewrote entries when it linked accounts.
CREATE OR REPLACE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;
CREATE OR REPLACE TRIGGER ledger_is_only_added_to
    BEFORE UPDATE OR DELETE OR TRUNCATE ON twinstream.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();
