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

-- Keys compare byte by byte. The expand made the indexes; Postgres takes them over as they are, because
-- they have the new collation of their column, and rewrites neither table. No CHECK names a key, so no
-- table is read either. Other columns stay: they are compared for equality, which costs the same in every
-- collation, hold one of a few words, or stand in an index behind a number. Their indexes would be rebuilt
-- under this lock, in 0.4 to 3 seconds per million rows.
--
-- Postgres alters no column that a policy names, so the policies of db/roles.sql, and those that an operator
-- added, are dropped for it and made again as they were, before anybody else sees the tables.
DO $$
DECLARE
    policies CONSTANT text[] := (
        SELECT array_agg(concat_ws(
            ' ', format(
                'CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s',
                policyname, schemaname, tablename, permissive, cmd, (
                    SELECT string_agg(CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END, ', ')
                    FROM unnest(roles) AS role
                )
            ), 'USING (' || qual || ')', 'WITH CHECK (' || with_check || ')'
        ))
        FROM pg_policies
        WHERE schemaname = 'twinstream' AND tablename IN ('transactions', 'sync_events')
    );
    one record;
    statement text;
BEGIN
    IF to_regclass('twinstream.transaction_once_in_c') IS NULL THEN
        RETURN; -- an attempt that was cut off after this file
    END IF;
    FOR one IN
        SELECT policyname, tablename FROM pg_policies
        WHERE schemaname = 'twinstream' AND tablename IN ('transactions', 'sync_events')
    LOOP
        EXECUTE format('DROP POLICY %I ON twinstream.%I', one.policyname, one.tablename);
    END LOOP;
    ALTER TABLE twinstream.transactions DROP CONSTRAINT transaction_once;
    ALTER TABLE twinstream.transactions ALTER COLUMN idempotency_key TYPE text COLLATE "C";
    ALTER TABLE twinstream.transactions
        ADD CONSTRAINT transaction_once UNIQUE USING INDEX transaction_once_in_c;
    ALTER TABLE twinstream.sync_events DROP CONSTRAINT sync_event_once;
    ALTER TABLE twinstream.sync_events ALTER COLUMN idempotency_key TYPE text COLLATE "C";
    ALTER TABLE twinstream.sync_events
        ADD CONSTRAINT sync_event_once UNIQUE USING INDEX sync_event_once_in_c;
    FOREACH statement IN ARRAY coalesce(policies, '{}') LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- The ledger is only added to. Permissions say so too; this holds where one login does everything.
-- Release 0.1 rewrote entries when it linked accounts. The function is that of the migrations.
CREATE OR REPLACE TRIGGER ledger_is_only_added_to
    BEFORE UPDATE OR DELETE OR TRUNCATE ON twinstream.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();
