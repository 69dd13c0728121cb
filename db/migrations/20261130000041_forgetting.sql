-- migrate:up
-- Forgetting a person: their accounts get pseudonyms, and what named them leaves every table. Amounts stay, so
-- the books balance (docs/decisions/0018).

-- A pseudonym is a negative id. No platform has one, the wire refuses it, and every walk through accounts begins
-- above zero, so no process visits, shows, or names such an account. Boards leave a hidden account out.
ALTER TABLE twinstream.accounts
    ADD COLUMN is_hidden boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT account_id_positive,
    ADD CONSTRAINT account_id_positive CHECK (
        account_id > 0 OR account_id < 0 AND display_name IS NULL AND is_hidden
    ) NOT VALID;
COMMENT ON COLUMN twinstream.accounts.is_hidden IS 'boards leave the member out: the member wants it so, or was forgotten';
ALTER TABLE twinstream.link_codes
    ADD CONSTRAINT link_code_account_positive CHECK (account_id > 0) NOT VALID;
ALTER TABLE twinstream.support_uses
    DROP CONSTRAINT support_use_administrator_positive,
    ADD CONSTRAINT support_use_administrator_positive CHECK (administrator_id <> 0) NOT VALID;

-- Members who asked to be forgotten. The role `forgetting` of the consumers does it, and deletes the row last.
CREATE TABLE twinstream.forget_requests (
    platform text NOT NULL,
    account_id bigint NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Until then the platforms may still take off what they show of the member.
    undress_until timestamptz,
    -- When Postgres had forgotten them; their entries in Redis go after that.
    forgotten_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    error text,
    CONSTRAINT forget_request_once PRIMARY KEY (platform, account_id),
    CONSTRAINT forget_request_platform_known CHECK (platform IN ('telegram', 'discord')),
    CONSTRAINT forget_request_account_positive CHECK (account_id > 0)
);

-- The transactions in which a person is being forgotten. Only `forget_person` writes here, and it deletes the
-- row before it ends, so the ledger can be changed by nothing else.
CREATE TABLE twinstream.forgettings (
    transaction_id xid8 NOT NULL,
    CONSTRAINT forgetting_once PRIMARY KEY (transaction_id)
);

-- A fingerprint of the secret that the marks were made with: with another one nothing old is known again.
CREATE TABLE twinstream.forget_secrets (
    fingerprint text NOT NULL,
    first_used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT forget_secret_once PRIMARY KEY (fingerprint)
);
CREATE UNIQUE INDEX forget_secret_only_one ON twinstream.forget_secrets ((true));

-- The ledger is only added to. The one exception changes who an entry names, and never an amount.
CREATE OR REPLACE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NAME = 'ledger_is_only_added_to' AND EXISTS (
        SELECT FROM twinstream.forgettings AS f WHERE f.transaction_id = pg_current_xact_id()
    ) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;
-- Fires for statements that set one of these columns, so forgetting must not even try.
CREATE TRIGGER ledger_amounts_stay
    BEFORE UPDATE OF id, platform, source, type, delta_xp, delta_balance, achievement, occurred_at, created_at
    ON twinstream.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();

-- Refuses a login that is neither the owner's nor the consumers'.
CREATE FUNCTION twinstream.require_own_process() RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM twinstream.roles) AND NOT EXISTS (
        SELECT FROM twinstream.roles AS r JOIN pg_roles AS p ON p.rolname = r.role
        WHERE r.duty IN ('owner', 'consumers') AND pg_has_role(session_user, p.oid, 'MEMBER')
    ) THEN
        RAISE EXCEPTION 'the login % may not forget anybody', session_user
            USING ERRCODE = 'insufficient_privilege',
                HINT = 'A bot calls twinstream.ask_to_forget, and the consumers do it.';
    END IF;
END $$;

-- An account that is being forgotten.
CREATE TYPE twinstream.forgotten_one AS (platform text, account_id bigint, member_id bigint, pseudonym bigint);

-- A bot asks for the member whom it talks to. A second time begins anew: the account may have come back.
-- Errors by constraint: stop_sign_is_not_set; link_is_settled: the account is linked, and the link can still
-- be undone. Unlinked or undone, each account has itself forgotten alone.
CREATE FUNCTION twinstream.ask_to_forget(platform text, account_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.obey_stop_sign();
    IF EXISTS (
        SELECT FROM twinstream.forget_requests AS r
        WHERE r.platform = ask_to_forget.platform AND r.account_id = ask_to_forget.account_id
            AND r.forgotten_at IS NULL
    ) THEN
        RETURN; -- a process that is at it holds the row until it is done
    END IF;
    -- Before the account is locked: the consumers take the two in this order.
    INSERT INTO twinstream.forget_requests (platform, account_id) VALUES (platform, account_id)
    ON CONFLICT ON CONSTRAINT forget_request_once DO UPDATE SET
        asked_at = excluded.asked_at, undress_until = NULL, forgotten_at = NULL, attempts = 0,
        retry_at = NULL, error = NULL;
    -- A link that is being made commits first, and a later one finds the request (`require_leave_to_link`).
    PERFORM FROM twinstream.accounts AS a
    WHERE a.platform = ask_to_forget.platform AND a.account_id = ask_to_forget.account_id FOR KEY SHARE;
    IF EXISTS (
        SELECT FROM twinstream.links_of(platform, account_id) AS l
        WHERE l.unlinked_at IS NULL AND l.undone_at IS NULL
            AND l.linked_at > now() - make_interval(secs => twinstream.undo_seconds())
    ) THEN
        PERFORM twinstream.refuse_link('link_is_settled', format(
            'the link of the %s account %s can still be undone; unlink the accounts first', platform, account_id
        ));
    END IF;
END $$;

-- The accounts of the person behind one of them: a linked person is one, and is forgotten as one. An account
-- that was never seen is its own person.
CREATE FUNCTION twinstream.accounts_of_person(of_platform text, of_account bigint)
RETURNS TABLE (platform text, account_id bigint, member_id bigint) LANGUAGE sql STABLE AS $$
    SELECT theirs.platform, theirs.account_id, theirs.member_id
    FROM twinstream.accounts AS a JOIN twinstream.accounts AS theirs ON theirs.member_id = a.member_id
    WHERE a.platform = of_platform AND a.account_id = of_account
    UNION
    SELECT of_platform, of_account, NULL WHERE NOT EXISTS (
        SELECT FROM twinstream.accounts AS a WHERE a.platform = of_platform AND a.account_id = of_account
    )
$$;

-- Gives each account of the person behind one of them a pseudonym. Locks nothing.
CREATE FUNCTION twinstream.name_person(of_platform text, of_account bigint) RETURNS twinstream.forgotten_one[]
LANGUAGE sql AS $$
    SELECT array_agg(ROW (
        p.platform, p.account_id, p.member_id,
        -- 62 of the random bits of a UUID.
        -1 - (
            ('x' || left(replace(u.id::text, '-', ''), 12) || right(u.id::text, 4))::bit(64)::bigint
            & 4611686018427387903
        )
    )::twinstream.forgotten_one ORDER BY p.platform, p.account_id)
    FROM twinstream.accounts_of_person(of_platform, of_account) AS p
    CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE p.platform <> '') AS u
$$;

-- Locks the person's accounts and members, as a link does. Fails if they are another person's by now, and if
-- an event was sent again whose entries have their new keys already.
CREATE FUNCTION twinstream.lock_person(person twinstream.forgotten_one[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    owners bigint[];
BEGIN
    IF person[1].member_id IS NULL THEN
        IF EXISTS (
            SELECT FROM twinstream.accounts AS a
            WHERE a.platform = person[1].platform AND a.account_id = person[1].account_id
        ) THEN
            RAISE EXCEPTION 'the account has just been seen for the first time'
                USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN;
    END IF;
    owners := twinstream.lock_owners(
        ARRAY (SELECT p.platform FROM unnest(person) AS p), ARRAY (SELECT p.account_id FROM unnest(person) AS p)
    );
    IF (SELECT bool_or(o.id <> person[1].member_id) FROM unnest(owners) AS o (id)) OR cardinality(person) <> (
        SELECT count(*) FROM twinstream.accounts AS a WHERE a.member_id = person[1].member_id
    ) THEN
        RAISE EXCEPTION 'one of the accounts is being linked or unlinked at this moment'
            USING ERRCODE = 'serialization_failure';
    ELSIF EXISTS (
        SELECT FROM twinstream.sync_events AS e
        JOIN unnest(person) AS p ON p.platform = e.source AND p.account_id = e.account_id
        WHERE e.status IN ('pending', 'published') AND NOT EXISTS (
            SELECT FROM twinstream.transactions AS t
            WHERE t.idempotency_key = e.idempotency_key AND t.platform = e.source
        )
    ) THEN
        RAISE EXCEPTION 'an event of one of the accounts is being sent again at this moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

-- Matches a text that has one of these accounts' ids in it, as a number of its own.
CREATE FUNCTION twinstream.pattern_of_ids(person twinstream.forgotten_one[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT '(^|[^0-9])(' || string_agg(p.account_id::text, '|') || ')(?![0-9])' FROM unnest(person) AS p
$$;

-- The keys of other people's entries that name one of these accounts in their key, cause or object, such as a gift. It
-- reads the whole ledger and locks nothing.
CREATE FUNCTION twinstream.keys_naming(person twinstream.forgotten_one[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids CONSTANT bigint[] := ARRAY (SELECT p.account_id FROM unnest(person) AS p);
    -- A plain search takes a fraction of the time of a pattern, and rules nearly all entries out.
    parts CONSTANT text[] := ARRAY (SELECT format('%%%s%%', p.account_id) FROM unnest(person) AS p);
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
BEGIN
    RETURN (
        SELECT array_agg(DISTINCT t.idempotency_key) FROM twinstream.transactions AS t
        WHERE (t.account_id <> ALL (ids) OR NOT EXISTS (
                SELECT FROM unnest(person) AS p WHERE p.platform = t.source AND p.account_id = t.account_id
            ))
            AND (t.idempotency_key LIKE ANY (parts) OR t.entity_id LIKE ANY (parts)
                OR t.reason LIKE ANY (parts))
            AND concat_ws(' ', t.idempotency_key, t.reason, t.entity_id) ~ pattern
    );
END $$;

-- Lets events that are on their way arrive now, and removes the rows of all of these events: both ledgers have
-- them then. A copy that a stream still has counts no more.
CREATE FUNCTION twinstream.finish_events_of(person twinstream.forgotten_one[], naming text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    keys CONSTANT text[] := ARRAY (
        SELECT e.idempotency_key
        FROM twinstream.sync_events AS e JOIN unnest(person) AS p ON p.platform = e.source
        WHERE e.account_id = p.account_id AND e.status <> 'completed'
        UNION
        SELECT u.key FROM unnest(naming) AS u (key)
    );
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY['discord', 'telegram'] LOOP
        PERFORM twinstream.enter_at_opposite(
            CASE source WHEN 'telegram' THEN 'discord' ELSE 'telegram' END, source, keys
        );
    END LOOP;
    DELETE FROM twinstream.sync_events AS e
    WHERE e.id IN (
        SELECT o.id FROM twinstream.sync_events AS o JOIN unnest(person) AS p ON p.platform = o.source
        WHERE o.account_id = p.account_id
    ) OR e.idempotency_key = ANY (keys);
    -- Buried entries that no platform recorded, and reasons that name the accounts.
    DELETE FROM twinstream.sync_events AS e
    WHERE e.status = 'failed' AND e.account_id IS NULL
        AND concat_ws(' ', e.idempotency_key, e.payload, e.error_message) ~ pattern;
    UPDATE twinstream.sync_events AS e
    SET error_message = regexp_replace(e.error_message, pattern, '\1(forgotten)', 'g')
    -- Each of these has an index of its own, and nearly all rows are completed.
    WHERE (e.status = 'failed' OR e.status = 'pending' OR e.status = 'published')
        AND e.error_message ~ pattern;
END $$;

-- Gives the person's entries their pseudonyms, and all of these entries keys and objects that name nobody. Keys
-- of links name no account. The object of a bonus is an achievement: it is paid once to all who were linked.
-- Entries of events that are on their way are left: `finish_events_of` finds them by their keys.
CREATE FUNCTION twinstream.rewrite_entries(
    person twinstream.forgotten_one[], naming text[], pads bytea[]
) RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    on_their_way CONSTANT text[] := ARRAY (
        SELECT e.idempotency_key FROM twinstream.sync_events AS e
        JOIN unnest(person) AS p ON p.platform = e.source AND p.account_id = e.account_id
        WHERE e.status <> 'completed'
    );
    one twinstream.forgotten_one;
    changed bigint;
    total bigint := 0;
BEGIN
    INSERT INTO twinstream.forgettings (transaction_id) VALUES (pg_current_xact_id());
    FOREACH one IN ARRAY person || ROW (NULL, NULL, NULL, NULL)::twinstream.forgotten_one LOOP
        UPDATE twinstream.transactions AS t SET
            account_id = coalesce(one.pseudonym, t.account_id),
            idempotency_key = CASE
                WHEN starts_with(t.idempotency_key, 'link:') OR starts_with(t.idempotency_key, 'forgotten:')
                THEN t.idempotency_key ELSE twinstream.forgotten_key(pads, t.idempotency_key) END,
            entity_id = CASE
                WHEN starts_with(t.idempotency_key, 'link:') OR t.reason = 'achievement_bonus'
                THEN t.entity_id ELSE 'forgotten' END,
            reason = CASE WHEN t.reason ~ pattern THEN 'forgotten' ELSE t.reason END
        WHERE ((one.platform IS NOT NULL AND t.account_id = one.account_id AND t.source = one.platform)
                OR (one.platform IS NULL AND t.idempotency_key = ANY (naming)))
            AND t.idempotency_key <> ALL (on_their_way);
        GET DIAGNOSTICS changed = ROW_COUNT;
        total := total + changed;
    END LOOP;
    DELETE FROM twinstream.forgettings AS f WHERE f.transaction_id = pg_current_xact_id();
    RETURN total;
END $$;

-- Removes what was kept for the accounts' sake alone, and names their pseudonyms in the record of links and in
-- what others are still to be told of them.
CREATE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one twinstream.forgotten_one;
BEGIN
    FOREACH one IN ARRAY person LOOP
        DELETE FROM twinstream.notices AS n WHERE n.platform = one.platform AND n.account_id = one.account_id;
        DELETE FROM twinstream.link_codes AS c WHERE c.platform = one.platform AND c.account_id = one.account_id;
        DELETE FROM twinstream.link_attempts AS t
        WHERE t.platform = one.platform AND t.account_id = one.account_id;
        DELETE FROM twinstream.store_agreements AS s
        WHERE s.platform = one.platform AND s.account_id = one.account_id;
        DELETE FROM twinstream.store_debts AS d WHERE d.member_id = one.member_id;
        DELETE FROM twinstream.surfaces AS f WHERE f.member_id = one.member_id;
        DELETE FROM twinstream.account_scores AS c
        WHERE c.platform = one.platform AND c.account_id = one.account_id;
        -- An account that was unlinked from this one keeps achievements, by the keys of its events.
        UPDATE twinstream.surfaces AS f SET wanted_key = 'forgotten'
        WHERE f.wanted_key LIKE format('%%%s%%', one.account_id)
            AND f.wanted_key ~ twinstream.pattern_of_ids(ARRAY[one]);
        -- Points that others got by the person stay theirs.
        DELETE FROM twinstream.thanks AS t
        WHERE t.platform = one.platform AND one.account_id IN (t.giver_account_id, t.receiver_account_id);
        DELETE FROM twinstream.reactions AS r
        WHERE r.platform = one.platform AND one.account_id IN (r.giver_account_id, r.receiver_account_id);
        UPDATE twinstream.message_authors AS m SET author_ids = array_replace(m.author_ids, one.account_id, 0)
        WHERE m.platform = one.platform AND one.account_id = ANY (m.author_ids);
        -- Amounts in its open windows are in no ledger yet, and go too.
        DELETE FROM twinstream.earning_windows AS w
        WHERE w.platform = one.platform AND w.account_id = one.account_id;
        -- The reason is a text that a person wrote, and a private chat has its member's number.
        UPDATE twinstream.rewards AS w SET
            reason = '', entity_id = format('forgotten:%s', w.id),
            account_id = CASE w.account_id WHEN one.account_id THEN one.pseudonym ELSE w.account_id END,
            administrator_id = CASE w.administrator_id
                WHEN one.account_id THEN one.pseudonym ELSE w.administrator_id END
        WHERE w.platform = one.platform AND one.account_id IN (w.account_id, w.administrator_id);
        -- The mark of the account says that it was here. An invitation of a forgotten inviter pays nobody.
        DELETE FROM twinstream.invites AS i WHERE i.platform = one.platform AND i.account_id = one.account_id;
        UPDATE twinstream.invites AS i SET inviter_id = one.pseudonym, why = NULL
        WHERE i.platform = one.platform AND i.inviter_id = one.account_id;
        -- The link says nothing of the person; the bot revokes it, and then its row goes.
        UPDATE twinstream.invite_links AS l SET account_id = one.pseudonym, is_revoked = true, revoke_at = now()
        WHERE l.platform = one.platform AND l.account_id = one.account_id;
        DELETE FROM twinstream.daily_claims AS d
        WHERE d.platform = one.platform AND d.account_id = one.account_id;
        UPDATE twinstream.links AS l SET telegram_account_id = one.pseudonym
        WHERE one.platform = 'telegram' AND l.telegram_account_id = one.account_id;
        UPDATE twinstream.links AS l SET discord_account_id = one.pseudonym
        WHERE one.platform = 'discord' AND l.discord_account_id = one.account_id;
        UPDATE twinstream.moves AS m SET from_account_id = one.pseudonym
        WHERE m.platform = one.platform AND m.from_account_id = one.account_id;
        UPDATE twinstream.moves AS m SET to_account_id = one.pseudonym
        WHERE m.platform = one.platform AND m.to_account_id = one.account_id;
        UPDATE twinstream.support_uses AS u SET
            account_id = CASE u.account_id WHEN one.account_id THEN one.pseudonym ELSE u.account_id END,
            administrator_id = CASE u.administrator_id
                WHEN one.account_id THEN one.pseudonym ELSE u.administrator_id END
        WHERE u.platform = one.platform AND one.account_id IN (u.account_id, u.administrator_id);
        -- Offers to link, and what administrators decided about the account.
        DELETE FROM twinstream.link_offers AS o
        WHERE (o.platform = one.platform AND o.account_id = one.account_id)
            OR (o.platform <> one.platform AND o.opener_id = one.account_id);
        DELETE FROM twinstream.link_bans AS b WHERE b.platform = one.platform AND b.account_id = one.account_id;
        DELETE FROM twinstream.link_rewards AS r
        WHERE r.platform = one.platform AND r.account_id = one.account_id;
        -- Notices of others name it, too. They stay: the account at the other end of a link has to hear that
        -- the link ended, and that it can be undone.
        UPDATE twinstream.notices AS n
        SET details = jsonb_set(n.details, '{account_id}', to_jsonb(one.pseudonym))
            || '{"reason": ""}'::jsonb
        WHERE n.details ->> 'platform' = one.platform AND n.details ->> 'account_id' = one.account_id::text;
        -- A reason is a text that a person wrote, and may hold a name.
        UPDATE twinstream.link_acts AS a SET
            reason = '',
            telegram_account_id = CASE WHEN one.platform = 'telegram' AND a.telegram_account_id = one.account_id
                THEN one.pseudonym ELSE a.telegram_account_id END,
            discord_account_id = CASE WHEN one.platform = 'discord' AND a.discord_account_id = one.account_id
                THEN one.pseudonym ELSE a.discord_account_id END,
            from_account_id = CASE WHEN one.platform = a.from_platform AND a.from_account_id = one.account_id
                THEN one.pseudonym ELSE a.from_account_id END,
            actor_account_id = CASE WHEN one.platform = a.actor_platform AND a.actor_account_id = one.account_id
                THEN one.pseudonym ELSE a.actor_account_id END
        WHERE (one.platform = 'telegram' AND a.telegram_account_id = one.account_id)
            OR (one.platform = 'discord' AND a.discord_account_id = one.account_id)
            OR (one.platform = a.from_platform AND a.from_account_id = one.account_id)
            OR (one.platform = a.actor_platform AND a.actor_account_id = one.account_id);
    END LOOP;
END $$;

-- Removes the findings of reconcile about the person, and their ids from the bounds of its pages. A page that
-- ended at an account that is gone covers the same accounts if it ends one before.
CREATE FUNCTION twinstream.forget_findings(person twinstream.forgotten_one[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    pattern CONSTANT text := twinstream.pattern_of_ids(person);
    one twinstream.forgotten_one;
BEGIN
    FOREACH one IN ARRAY person LOOP
        DELETE FROM twinstream.drift AS d WHERE d.member_id = one.member_id OR d.platform = one.platform
            AND one.account_id IN (d.account_id, CASE d.subject WHEN 'books' THEN NULL ELSE d.subject_id END);
        UPDATE twinstream.snapshots AS s SET
            after_id = s.after_id - (s.after_id = one.account_id)::integer,
            upto_id = s.upto_id - (s.upto_id = one.account_id)::integer
        WHERE s.platform = one.platform AND s.subject <> 'books'
            AND one.account_id IN (s.after_id, s.upto_id);
        UPDATE twinstream.reconcile_walks AS w SET after_id = w.after_id - 1
        WHERE w.platform = one.platform AND w.subject <> 'books' AND w.after_id = one.account_id;
    END LOOP;
    DELETE FROM twinstream.drift AS d
    WHERE concat_ws(' ', d.seen, d.expected, d.in_flight, d.why, d.idempotency_key) ~ pattern;
    UPDATE twinstream.snapshots AS s SET refused = regexp_replace(s.refused, pattern, '\1(forgotten)', 'g')
    WHERE s.refused ~ pattern;
    UPDATE twinstream.reconcile_runs AS r
    SET stopped_because = regexp_replace(r.stopped_because, pattern, '\1(forgotten)', 'g')
    WHERE r.stopped_because ~ pattern;
END $$;

-- Notes the marks of the accounts, and refuses a secret that is not the one of the marks before.
CREATE FUNCTION twinstream.mark_forgotten(marks text[], pads bytea[], moment timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO twinstream.forget_secrets (fingerprint) VALUES (twinstream.mark_of(pads, 'fingerprint'))
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (
        SELECT FROM twinstream.forget_secrets AS s WHERE s.fingerprint = twinstream.mark_of(pads, 'fingerprint')
    ) THEN
        RAISE EXCEPTION 'people were forgotten with another secret'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_the_same',
                HINT = 'Set FORGET_SECRET to the one that was used before.';
    END IF;
    INSERT INTO twinstream.forgotten_accounts AS f (mark, forgotten_at)
    SELECT DISTINCT u.mark, moment FROM unnest(marks) AS u (mark)
    ON CONFLICT ON CONSTRAINT forgotten_account_once DO UPDATE SET
        number = DEFAULT, forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at);
END $$;

-- Forgets the person behind an account, and returns the accounts that were theirs. The only function that
-- changes entries of the ledger. Everything happens in the caller's transaction, or nothing. Of the rules of
-- linking that the accounts are under, marks are kept (`link_marks`). Without a `moment`, they are forgotten now.
CREATE FUNCTION twinstream.forget_person(
    of_platform text, of_account bigint, forget_secret text, moment timestamptz DEFAULT NULL
) RETURNS TABLE (platform text, account_id bigint, entries bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
    forgotten_from CONSTANT timestamptz := coalesce(moment, clock_timestamp());
    naming text[];
    person twinstream.forgotten_one[];
    rewritten bigint;
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.obey_stop_sign();
    IF length(forget_secret) >= 16 IS NOT TRUE OR of_account < 1 THEN
        RAISE EXCEPTION 'forgetting needs a secret of 16 characters or more, and an account of a platform'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forget_secret_is_long';
    END IF;
    person := twinstream.name_person(of_platform, of_account);
    naming := twinstream.keys_naming(person);
    -- Most of the work, before anything is locked that others wait for: a member with a million entries is
    -- answered meanwhile, and so is everybody whose bot or batch of events would wait for that member.
    rewritten := twinstream.rewrite_entries(person, '{}', pads);
    -- Reactions and authors that are being entered are there to be removed; later ones find the marks.
    PERFORM pg_advisory_xact_lock(hashtextextended('twinstream.forgetting', 0));
    PERFORM twinstream.lock_person(person);
    PERFORM twinstream.finish_events_of(person, naming);
    -- Entries that came meanwhile, and those of events that were on their way.
    rewritten := rewritten + twinstream.rewrite_entries(person, naming, pads);
    PERFORM twinstream.mark_link_rules(person, pads);
    PERFORM twinstream.forget_elsewhere(person);
    PERFORM twinstream.forget_findings(person);
    UPDATE twinstream.accounts AS a SET account_id = p.pseudonym, display_name = NULL, is_hidden = true
    FROM unnest(person) AS p WHERE a.platform = p.platform AND a.account_id = p.account_id;
    PERFORM twinstream.mark_forgotten(
        ARRAY (SELECT twinstream.account_mark(pads, p.platform, p.account_id) FROM unnest(person) AS p),
        pads, forgotten_from
    );
    RETURN QUERY SELECT p.platform, p.account_id, rewritten FROM unnest(person) AS p;
END $$;

-- As before, and nothing is shown of a forgotten account.
CREATE OR REPLACE FUNCTION twinstream.want(
    member_ids bigint[], platforms text[], names text[], numbers integer[], keys text[], priorities integer[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO twinstream.surfaces AS f (member_id, platform, surface, wanted, wanted_key, priority)
    SELECT w.member_id, w.platform, w.name, w.number, w.key, w.priority
    FROM unnest(member_ids, platforms, names, numbers, keys, priorities)
        AS w (member_id, platform, name, number, key, priority)
    WHERE (
        SELECT true FROM twinstream.accounts AS a
        WHERE a.member_id = w.member_id AND a.platform = w.platform AND a.account_id > 0
    )
    ORDER BY w.member_id, w.platform, w.name
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET
        wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
        priority = excluded.priority, attempts = 0,
        retry_at = CASE WHEN f.parked = 'absent' THEN f.retry_at END,
        error = CASE WHEN f.parked = 'absent' THEN f.error END,
        parked = CASE WHEN f.parked = 'absent' THEN f.parked END
    WHERE f.wanted <> excluded.wanted;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.want(member_ids bigint[], platforms text[], names text[], numbers integer[], keys text[], priorities integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO twinstream.surfaces AS f (member_id, platform, surface, wanted, wanted_key, priority)
    SELECT w.member_id, w.platform, w.name, w.number, w.key, w.priority
    FROM unnest(member_ids, platforms, names, numbers, keys, priorities)
        AS w (member_id, platform, name, number, key, priority)
    WHERE (
        SELECT true FROM twinstream.accounts AS a
        WHERE a.member_id = w.member_id AND a.platform = w.platform
    )
    ORDER BY w.member_id, w.platform, w.name
    ON CONFLICT ON CONSTRAINT surface_once DO UPDATE SET
        wanted = excluded.wanted, wanted_key = excluded.wanted_key, wanted_at = now(),
        priority = excluded.priority, attempts = 0,
        retry_at = CASE WHEN f.parked = 'absent' THEN f.retry_at END,
        error = CASE WHEN f.parked = 'absent' THEN f.error END,
        parked = CASE WHEN f.parked = 'absent' THEN f.parked END
    WHERE f.wanted <> excluded.wanted;
END $$;
DROP FUNCTION twinstream.forget_person(text, bigint, text, timestamptz);
DROP FUNCTION twinstream.mark_forgotten(text[], bytea[], timestamptz);
DROP FUNCTION twinstream.forget_findings(twinstream.forgotten_one[]);
DROP FUNCTION twinstream.forget_elsewhere(twinstream.forgotten_one[]);
DROP FUNCTION twinstream.rewrite_entries(twinstream.forgotten_one[], text[], bytea[]);
DROP FUNCTION twinstream.finish_events_of(twinstream.forgotten_one[], text[]);
DROP FUNCTION twinstream.keys_naming(twinstream.forgotten_one[]);
DROP FUNCTION twinstream.pattern_of_ids(twinstream.forgotten_one[]);
DROP FUNCTION twinstream.lock_person(twinstream.forgotten_one[]);
DROP FUNCTION twinstream.name_person(text, bigint);
DROP FUNCTION twinstream.accounts_of_person(text, bigint);
DROP FUNCTION twinstream.ask_to_forget(text, bigint);
DROP TYPE twinstream.forgotten_one;
DROP FUNCTION twinstream.require_own_process();
DROP TRIGGER ledger_amounts_stay ON twinstream.transactions;
CREATE OR REPLACE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;
-- The contract of release 0.2 makes the trigger that needs it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'ledger_is_only_added_to') THEN
        DROP FUNCTION twinstream.refuse_ledger_change();
    END IF;
END $$;
DROP TABLE twinstream.forget_secrets, twinstream.forgettings, twinstream.forget_requests;
ALTER TABLE twinstream.support_uses
    DROP CONSTRAINT support_use_administrator_positive,
    ADD CONSTRAINT support_use_administrator_positive CHECK (administrator_id > 0);
ALTER TABLE twinstream.link_codes DROP CONSTRAINT link_code_account_positive;
-- Forgotten people stay forgotten: an older release goes on with their pseudonyms.
ALTER TABLE twinstream.accounts
    DROP CONSTRAINT account_id_positive,
    ADD CONSTRAINT account_id_positive CHECK (account_id > 0) NOT VALID,
    DROP COLUMN is_hidden;
