-- The contract of release 0.2: takes away what only release 0.1 needs, and turns on what it would break.
-- `make contract` (launch/contract.py) runs it in one transaction, once no process of 0.1 is connected.
-- There is no way back but a restored backup (docs/upgrade.md).

-- All at once and before anything else: a lock that is made stronger later can be a deadlock.
LOCK TABLE twinstream.stop_signs IN EXCLUSIVE MODE;
LOCK TABLE twinstream.members, twinstream.transactions, twinstream.sync_events, twinstream.sync_state
    IN ACCESS EXCLUSIVE MODE;

-- The links that release 0.1 made.
INSERT INTO twinstream.links (telegram_account_id, discord_account_id, linked_at)
SELECT t.account_id, d.account_id, greatest(t.linked_at, d.linked_at)
FROM twinstream.accounts AS t JOIN twinstream.accounts AS d USING (member_id)
WHERE t.platform = 'telegram' AND d.platform = 'discord'
ORDER BY 3, 1;

-- What the Discord accounts earned. A table of its own, because Postgres adds up for it in parallel.
CREATE TEMPORARY TABLE discord_parts ON COMMIT DROP AS
SELECT t.account_id, t.platform, sum(t.delta_xp)::bigint AS xp, sum(t.delta_balance)::bigint AS balance
FROM twinstream.transactions AS t WHERE t.source = 'discord' GROUP BY t.account_id, t.platform;
UPDATE twinstream.sync_state AS s SET
    discord_xp = coalesce(p.xp, 0), discord_balance = coalesce(p.balance, 0)
FROM twinstream.sync_state AS o
LEFT JOIN twinstream.accounts AS a ON a.member_id = o.member_id AND a.platform = 'discord'
LEFT JOIN discord_parts AS p ON p.account_id = a.account_id AND p.platform = o.platform
WHERE s.member_id = o.member_id AND s.platform = o.platform
    AND (s.discord_xp, s.discord_balance) IS DISTINCT FROM (coalesce(p.xp, 0), coalesce(p.balance, 0));

DROP TRIGGER add_owner ON twinstream.sync_events;
DROP FUNCTION twinstream.add_owner_to_event();
ALTER TABLE twinstream.sync_events DROP COLUMN member_id; -- with its index, its foreign key and sync_event_has_member
DROP TRIGGER add_member ON twinstream.transactions;
DROP FUNCTION twinstream.add_member_to_entry();
ALTER TABLE twinstream.transactions DROP COLUMN member_id; -- with its index and its foreign key

-- The ledger is only added to. Permissions say so too; this holds where one login does everything.
-- Release 0.1 rewrote entries when it linked accounts.
CREATE FUNCTION twinstream.refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;
CREATE TRIGGER ledger_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON twinstream.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION twinstream.refuse_ledger_change();

INSERT INTO twinstream.contracts (release) VALUES ('0.2');
