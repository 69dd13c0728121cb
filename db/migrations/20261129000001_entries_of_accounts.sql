-- migrate:up
-- A ledger entry names the account that earned it; `accounts` alone says which member that is. So
-- linking and unlinking change one row of `accounts` and no entry (docs/decisions/0013).

-- Who is one person, since when, and how their amounts were joined. `accounts` has the links of
-- today; this table remembers all of them, so that a link can be undone and links can be counted.
CREATE TABLE links (
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
CREATE INDEX links_by_telegram_account ON links (telegram_account_id, id);
CREATE INDEX links_by_discord_account ON links (discord_account_id, id);
INSERT INTO links (telegram_account_id, discord_account_id, linked_at)
SELECT t.account_id, d.account_id, greatest(t.linked_at, d.linked_at)
FROM accounts AS t JOIN accounts AS d USING (member_id)
WHERE t.platform = 'telegram' AND d.platform = 'discord'
ORDER BY 3, 1;

-- The part of a member's books that the Discord account earned; the rest is the Telegram account's.
-- An unlink separates the two without adding up the ledger.
ALTER TABLE sync_state
    ADD COLUMN discord_xp bigint NOT NULL DEFAULT 0,
    ADD COLUMN discord_balance bigint NOT NULL DEFAULT 0;
UPDATE sync_state AS s SET discord_xp = d.xp, discord_balance = d.balance
FROM (
    SELECT member_id, platform, sum(delta_xp)::bigint AS xp, sum(delta_balance)::bigint AS balance
    FROM transactions WHERE source = 'discord' GROUP BY member_id, platform
) AS d
WHERE d.member_id = s.member_id AND d.platform = s.platform;

ALTER TABLE sync_events ADD COLUMN account_id bigint;
UPDATE sync_events AS e SET account_id = t.account_id
FROM transactions AS t
WHERE t.idempotency_key = e.idempotency_key AND t.platform = e.source;
ALTER TABLE sync_events
    DROP COLUMN member_id, -- with its index, its foreign key and sync_event_has_member
    ADD CONSTRAINT sync_event_has_account CHECK (status = 'failed' OR account_id IS NOT NULL);
CREATE INDEX sync_events_by_account ON sync_events (account_id);

ALTER TABLE transactions DROP COLUMN member_id; -- with its index and its foreign key
CREATE INDEX transactions_by_account ON transactions (account_id, id);
-- The achievements of an account, however many entries it has.
CREATE INDEX transactions_with_achievement ON transactions (account_id, achievement)
    WHERE achievement IS NOT NULL;

-- The ledger is only added to. Permissions say so too; this holds where one login does everything.
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % of transactions is refused', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_only_added_to',
            HINT = 'Correct an entry by adding one that takes it back.';
END $$;
CREATE TRIGGER ledger_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- migrate:down
DROP TRIGGER ledger_is_only_added_to ON transactions;
DROP FUNCTION refuse_ledger_change();
ALTER TABLE transactions ADD COLUMN member_id bigint REFERENCES members (id);
UPDATE transactions AS t SET member_id = a.member_id
FROM accounts AS a WHERE a.platform = t.source AND a.account_id = t.account_id;
ALTER TABLE transactions ALTER COLUMN member_id SET NOT NULL;
DROP INDEX transactions_with_achievement;
DROP INDEX transactions_by_account;
CREATE INDEX transactions_by_member ON transactions (member_id, id);
ALTER TABLE sync_events ADD COLUMN member_id bigint REFERENCES members (id);
UPDATE sync_events AS e SET member_id = a.member_id
FROM accounts AS a WHERE a.platform = e.source AND a.account_id = e.account_id;
ALTER TABLE sync_events DROP COLUMN account_id,
    ADD CONSTRAINT sync_event_has_member CHECK (status = 'failed' OR member_id IS NOT NULL);
CREATE INDEX sync_events_by_member ON sync_events (member_id);
ALTER TABLE sync_state DROP COLUMN discord_xp, DROP COLUMN discord_balance;
DROP TABLE links;
