-- The roles of Postgres: each process may do what it has to and nothing else (docs/operate.md). An operator
-- runs this file once, and again after a login was granted a role; `make migrate` runs it again where the
-- roles were made, so that new objects get their grants. `make roles` does the same.
--
--     psql "$DATABASE_URL" -f db/roles.sql
--     PGOPTIONS='-c twinstream.role_prefix=acme' psql "$DATABASE_URL" -f db/roles.sql
--
-- Roles belong to the whole server, so each deployment on one needs a prefix of its own.
--
-- Run it as the login that migrates. It needs CREATE on the database, and either CREATEROLE or roles that an
-- administrator made beforehand: the eight names below, with the owner's granted to that login.
--
-- No role can log in. A process has a login that is granted one of them:
--     CREATE ROLE my_bot LOGIN PASSWORD '...'; GRANT twinstream_telegram_bot TO my_bot;

BEGIN;
-- An administrator may run this where others create functions: none of theirs is called.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Makes the roles that are missing, and writes down their names. From now on a login acts for a platform
-- only if it is a member of a role that may (twinstream.require_caller).
DO $$
DECLARE
    known CONSTANT text := (
        SELECT left(role, -length('_owner')) FROM twinstream.roles WHERE duty = 'owner'
    );
    asked CONSTANT text := nullif(current_setting('twinstream.role_prefix', true), '');
    new_duty text;
    new_role text;
BEGIN
    -- Two at a time would change the same rows of the catalogue, which is an error.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.roles', 0));
    IF known <> asked THEN
        RAISE EXCEPTION 'the roles of this database begin with %, not with %', known, asked
            USING HINT = 'Leave the prefix out, or empty twinstream.roles and drop the old roles first.';
    END IF;
    FOREACH new_duty IN ARRAY ARRAY[
        'owner', 'consumers', 'to_discord', 'to_telegram', 'telegram_bot', 'discord_bot', 'web', 'reader'
    ] LOOP
        new_role := coalesce(asked, known, 'twinstream') || '_' || new_duty;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = new_role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', new_role);
        END IF;
        INSERT INTO twinstream.roles (duty, role) VALUES (new_duty, new_role) ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

-- Gives the schema and everything in it to the owner. The login that owned it until now becomes a member of
-- the owner, so it goes on migrating.
DO $$
DECLARE
    new_owner CONSTANT name := (SELECT role FROM twinstream.roles WHERE duty = 'owner');
    owner_id CONSTANT oid := (SELECT oid FROM pg_roles WHERE rolname = new_owner);
    ours CONSTANT oid := 'twinstream'::regnamespace;
    login name;
    statement text;
BEGIN
    FOR login IN
        SELECT u.rolname FROM pg_roles AS u
        WHERE (
                u.rolname = current_user
                OR u.oid = (SELECT n.nspowner FROM pg_namespace AS n WHERE n.oid = ours)
            )
            AND NOT pg_has_role(u.oid, new_owner, 'USAGE')
    LOOP
        EXECUTE format('GRANT %I TO %I', new_owner, login);
    END LOOP;
    FOR statement IN
        SELECT 'SCHEMA twinstream' FROM pg_namespace
        WHERE oid = ours AND nspowner <> owner_id
        UNION ALL
        -- Views too. Indexes and the sequences of identity columns follow their table.
        SELECT format('TABLE %s', oid::regclass) FROM pg_class
        WHERE relnamespace = ours AND relkind IN ('r', 'v') AND relowner <> owner_id
        UNION ALL
        SELECT format('TYPE %s', t.oid::regtype) FROM pg_type AS t JOIN pg_class AS c ON c.oid = t.typrelid
        WHERE t.typnamespace = ours AND c.relkind = 'c' AND t.typowner <> owner_id
        UNION ALL
        SELECT format('FUNCTION %s', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = ours AND proowner <> owner_id
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', statement, new_owner);
    END LOOP;
END $$;

-- Grants by kind, so that a new object has its grants without a line here. Everything is taken back first:
-- what is granted below is all there is.
DO $$
DECLARE
    ours CONSTANT oid := 'twinstream'::regnamespace;
    -- Lists of roles, as SQL.
    consumers CONSTANT text := (SELECT quote_ident(role) FROM twinstream.roles WHERE duty = 'consumers');
    settling CONSTANT text := (
        SELECT string_agg(quote_ident(role), ', ') FROM twinstream.roles WHERE duty LIKE 'to\_%'
    );
    bots CONSTANT text := (
        SELECT string_agg(quote_ident(role), ', ') FROM twinstream.roles WHERE duty LIKE '%\_bot'
    );
    readers CONSTANT text := (
        SELECT string_agg(quote_ident(role), ', ') FROM twinstream.roles WHERE duty IN ('web', 'reader')
    );
    everybody CONSTANT text := concat_ws(', ', consumers, settling, bots, readers);
    one record;
BEGIN
    EXECUTE 'REVOKE ALL ON SCHEMA twinstream FROM PUBLIC, ' || everybody;
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA twinstream FROM PUBLIC, ' || everybody;
    EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA twinstream FROM PUBLIC, ' || everybody;
    EXECUTE 'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC, ' || everybody;
    EXECUTE 'GRANT USAGE ON SCHEMA twinstream TO ' || everybody;
    -- To notice one that a restore or a replica left behind the rows of its table.
    EXECUTE 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA twinstream TO ' || concat_ws(', ', consumers, readers);
    FOR one IN
        SELECT oid::regclass AS relation, relname AS name, relkind = 'v' AS is_view FROM pg_class
        WHERE relnamespace = ours AND relkind IN ('r', 'v')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', one.relation, CASE
            -- Each process asks at its start whether its migrations were applied.
            WHEN one.is_view OR one.name = 'schema_migrations' THEN everybody
            -- Hashes of codes by which accounts are linked, and links that let people into the group.
            WHEN one.name IN ('link_codes', 'link_offers', 'invite_links') THEN consumers
            ELSE concat_ws(', ', consumers, settling, readers)
        END);
        IF one.name IN ('transactions', 'link_acts') THEN
            -- The ledger and the record of acts are only added to.
            EXECUTE format('GRANT INSERT ON %s TO %s', one.relation, consumers);
        ELSIF NOT one.is_view AND one.name NOT IN (
            'schema_migrations', 'contracts', 'roles',
            -- Written by `forget_person` alone.
            'forgettings', 'forgotten_accounts', 'forget_secrets'
        ) THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %s', one.relation, consumers);
        END IF;
        -- A process that applies a stream changes the books, and shows ranks.
        IF one.name = 'transactions' THEN
            EXECUTE format('GRANT INSERT ON %s TO %s', one.relation, settling);
        ELSIF one.name IN ('accounts', 'achievements', 'sync_state', 'sync_events') THEN
            EXECUTE format('GRANT INSERT, UPDATE ON %s TO %s', one.relation, settling);
        ELSIF one.name IN ('members', 'entry_attempts', 'surfaces', 'store_debts', 'store_agreements') THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %s', one.relation, settling);
        END IF;
    END LOOP;
    FOR one IN
        -- Nobody but our own processes forgets people: a bot asks for it.
        SELECT oid::regprocedure AS function,
            prosecdef AND proname NOT IN ('forget_person', 'note_forgotten') AS is_for_callers,
            -- The others act as the owner, whom no policy below holds back.
            NOT prosecdef OR proname IN (
                'accounts_changed_lately', 'forget_shown', 'forgive_store_debts', 'leave_out', 'link_rules',
                'lock_store_debts', 'owe_to_store', 'remember_name'
            ) AS is_for_settling,
            proname IN ('ladder', 'rank_on', 'rank_of') AS is_for_readers
        FROM pg_proc WHERE pronamespace = ours
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', one.function, concat_ws(
            ', ', consumers, CASE WHEN one.is_for_settling THEN settling END,
            CASE WHEN one.is_for_callers THEN bots END,
            CASE WHEN one.is_for_readers THEN readers END
        ));
    END LOOP;
END $$;

-- Nothing echoes, whatever the code of a process does that applies a stream: it enters no event of its own
-- platform, and gives the relay nothing to publish, but for the bonus of an achievement. Everybody else sees and
-- writes all rows that their grants allow.
DO $$
DECLARE
    bonus CONSTANT text := $sql$twinstream.reason_in_key(idempotency_key) = 'achievement_bonus'$sql$;
    one record;
BEGIN
    ALTER TABLE twinstream.transactions ENABLE ROW LEVEL SECURITY;
    ALTER TABLE twinstream.sync_events ENABLE ROW LEVEL SECURITY;
    FOR one IN
        SELECT p.polname AS name, p.polrelid::regclass AS relation FROM pg_policy AS p
        WHERE p.polrelid IN ('twinstream.transactions'::regclass, 'twinstream.sync_events'::regclass)
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', one.name, one.relation);
    END LOOP;
    CREATE POLICY all_rows ON twinstream.transactions USING (true) WITH CHECK (true);
    CREATE POLICY all_rows ON twinstream.sync_events USING (true) WITH CHECK (true);
    FOR one IN
        SELECT quote_ident(r.role) AS role, r.duty,
            CASE r.duty WHEN 'to_discord' THEN 'telegram' ELSE 'discord' END AS source
        FROM twinstream.roles AS r WHERE r.duty LIKE 'to\_%'
    LOOP
        EXECUTE format(
            $sql$CREATE POLICY %s_enters_no_event_of_its_own ON twinstream.transactions
                AS RESTRICTIVE FOR INSERT TO %s WITH CHECK (source = %L OR %s)$sql$,
            one.duty, one.role, one.source, bonus
        );
        EXECUTE format(
            $sql$CREATE POLICY %s_records_no_event_of_its_own ON twinstream.sync_events
                AS RESTRICTIVE FOR INSERT TO %s
                WITH CHECK ((source = %L AND status <> 'pending') OR status = 'failed' OR %s)$sql$,
            one.duty, one.role, one.source, bonus
        );
        EXECUTE format(
            $sql$CREATE POLICY %s_publishes_nothing ON twinstream.sync_events
                AS RESTRICTIVE FOR UPDATE TO %s USING (true) WITH CHECK (status <> 'pending' OR %s)$sql$,
            one.duty, one.role, bonus
        );
    END LOOP;
END $$;

-- Lets people who type SQL as one of these logins leave out the schema, unless their login or the database
-- has a search path already. Our own statements name the schema.
DO $$
DECLARE
    login name;
BEGIN
    FOR login IN
        SELECT u.rolname FROM pg_roles AS u
        WHERE u.rolcanlogin AND NOT u.rolsuper
            AND EXISTS (SELECT FROM twinstream.roles AS r WHERE pg_has_role(u.oid, r.role, 'MEMBER'))
            AND NOT EXISTS (
                SELECT FROM pg_db_role_setting AS s CROSS JOIN unnest(s.setconfig) AS c (setting)
                WHERE c.setting LIKE 'search_path=%' AND s.setrole IN (0, u.oid) AND s.setdatabase IN (
                    0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
                )
            )
    LOOP
        BEGIN
            EXECUTE format(
                'ALTER ROLE %I IN DATABASE %I SET search_path = "$user", public, twinstream',
                login, current_database()
            );
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'as %, name the schema in what you type (twinstream.members), or let an'
                ' administrator set its search_path', login;
        END;
    END LOOP;
END $$;

COMMIT;
