-- migrate:up
-- Forgetting a person reaches the offers and the record of acts, too. The number is after those of forgetting.

-- Removes what was kept for the accounts' sake alone, and names their pseudonyms in the record of links.
CREATE OR REPLACE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
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
        -- Offers to link, and all that administrators decided about the account. It may be paid a reward
        -- for linking once more: nothing is left by which to know it.
        DELETE FROM twinstream.link_offers AS o
        WHERE (o.platform = one.platform AND o.account_id = one.account_id)
            OR (o.platform <> one.platform AND o.opener_id = one.account_id);
        DELETE FROM twinstream.link_bans AS b WHERE b.platform = one.platform AND b.account_id = one.account_id;
        DELETE FROM twinstream.link_rewards AS r
        WHERE r.platform = one.platform AND r.account_id = one.account_id;
        -- The notices by which others would be told of it.
        DELETE FROM twinstream.notices AS n WHERE n.details ->> 'platform' = one.platform
            AND n.details ->> 'account_id' = one.account_id::text;
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

-- migrate:down
CREATE OR REPLACE FUNCTION twinstream.forget_elsewhere(person twinstream.forgotten_one[]) RETURNS void
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
    END LOOP;
END $$;
