-- migrate:up
-- Members may see what is stored of them, take it along, and stay off the boards.

-- Tells whether a member does not want to be listed. Forgotten accounts count as hidden, too.
CREATE FUNCTION twinstream.is_hidden(of_member bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM twinstream.accounts AS a WHERE a.member_id = of_member AND a.is_hidden)
$$;

-- Hides a member from boards, or lists them again: all accounts of theirs, so an unlink changes nothing.
CREATE FUNCTION twinstream.set_hidden(platform text, account_id bigint, hidden boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(platform);
    PERFORM twinstream.create_members(platform, ARRAY[account_id]);
    -- In the order in which links lock them.
    PERFORM FROM twinstream.accounts AS a
    WHERE a.member_id = (
        SELECT o.member_id FROM twinstream.accounts AS o
        WHERE o.platform = set_hidden.platform AND o.account_id = set_hidden.account_id
    )
    ORDER BY a.platform, a.account_id FOR NO KEY UPDATE;
    UPDATE twinstream.accounts AS a SET is_hidden = hidden
    FROM twinstream.accounts AS o
    WHERE o.platform = set_hidden.platform AND o.account_id = set_hidden.account_id
        AND a.member_id = o.member_id AND a.is_hidden <> hidden;
END $$;

-- A moved account takes the wish along.
CREATE FUNCTION twinstream.hide_moved_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE twinstream.accounts AS a SET is_hidden = true
    FROM twinstream.accounts AS o
    WHERE a.platform = NEW.platform AND a.account_id = NEW.to_account_id
        AND o.platform = NEW.platform AND o.account_id = NEW.from_account_id AND o.is_hidden;
    RETURN NULL;
END $$;
CREATE TRIGGER hiding_follows_moves AFTER INSERT ON twinstream.moves
FOR EACH ROW EXECUTE FUNCTION twinstream.hide_moved_account();

-- The data of the person behind an account, in figures; no row if nothing is stored.
CREATE FUNCTION twinstream.stored_of(of_platform text, of_account bigint) RETURNS TABLE (
    platform text, account_id bigint, display_name text, xp bigint, balance bigint, achievements bigint,
    entries bigint, first_entry_at timestamptz, linked_since timestamptz, is_hidden boolean,
    is_being_forgotten boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.platform, a.account_id, a.display_name, m.xp, m.balance,
        (SELECT count(DISTINCT h.achievement) FROM twinstream.achievements AS h WHERE h.member_id = m.id),
        e.entries, e.first_at,
        (
            SELECT max(l.linked_at) FROM twinstream.links_of(a.platform, a.account_id) AS l
            WHERE l.unlinked_at IS NULL AND l.undone_at IS NULL
        ),
        twinstream.is_hidden(m.id),
        EXISTS (
            SELECT FROM twinstream.forget_requests AS r
            WHERE r.platform = a.platform AND r.account_id = a.account_id AND r.forgotten_at IS NULL
        )
    FROM twinstream.accounts AS mine
    JOIN twinstream.accounts AS a ON a.member_id = mine.member_id
    JOIN twinstream.members AS m ON m.id = mine.member_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS entries, min(t.occurred_at) AS first_at FROM twinstream.transactions AS t
        WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = a.platform
    ) AS e
    WHERE mine.platform = of_platform AND mine.account_id = of_account
    ORDER BY a.platform <> of_platform;
END $$;

-- Everything that is stored about the person behind an account, as JSON; of the ledger the newest entries.
CREATE FUNCTION twinstream.export_of(of_platform text, of_account bigint, entries_max bigint) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member CONSTANT bigint := (
        SELECT a.member_id FROM twinstream.accounts AS a
        WHERE a.platform = of_platform AND a.account_id = of_account
    );
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN json_build_object(
        'accounts', (
            SELECT json_agg(json_build_object(
                'platform', a.platform, 'id', a.account_id::text, 'name', a.display_name,
                'hidden_from_boards', a.is_hidden, 'member_since', a.linked_at
            ) ORDER BY a.platform) FROM twinstream.accounts AS a WHERE a.member_id = member
        ),
        'totals', (
            SELECT json_build_object(
                'xp', m.xp, 'balance', m.balance, 'created_at', m.created_at,
                'xp_changed_at', m.earned_at, 'balance_changed_at', m.balance_at,
                'week', m.week, 'xp_of_week', m.week_xp, 'of_it_on_discord', m.week_discord_xp,
                'month', m.month, 'xp_of_month', m.month_xp, 'of_that_on_discord', m.month_discord_xp,
                'listed_on_boards', m.on_board
            )
            FROM twinstream.members AS m WHERE m.id = member
        ),
        'books', (
            SELECT json_agg(json_build_object(
                'platform', s.platform, 'xp', s.xp, 'balance', s.balance, 'rank', s.rank,
                'updated_at', s.updated_at
            ) ORDER BY s.platform) FROM twinstream.sync_state AS s WHERE s.member_id = member
        ),
        'achievements', (
            SELECT json_agg(json_build_object(
                'platform', h.platform, 'achievement', h.achievement, 'unlocked_at', h.unlocked_at
            ) ORDER BY h.unlocked_at, h.achievement, h.platform)
            FROM twinstream.achievements AS h WHERE h.member_id = member
        ),
        'shown_on_platforms', (
            SELECT json_agg(json_build_object(
                'platform', f.platform, 'what', f.surface, 'wanted', f.wanted, 'shown', f.shown,
                'shown_at', f.shown_at, 'hindered_by', f.error
            ) ORDER BY f.platform, f.surface) FROM twinstream.surfaces AS f WHERE f.member_id = member
        ),
        'links', (
            SELECT json_agg(json_build_object(
                'telegram_account', l.telegram_account_id::text, 'discord_account', l.discord_account_id::text,
                'policy', l.policy, 'linked_at', l.linked_at, 'unlinked_at', l.unlinked_at,
                'undone_at', l.undone_at
            ) ORDER BY l.id)
            FROM twinstream.accounts AS a
            CROSS JOIN LATERAL twinstream.links_of(a.platform, a.account_id) AS l
            WHERE a.member_id = member AND (a.platform = 'telegram' OR NOT EXISTS (
                SELECT FROM twinstream.accounts AS t
                WHERE t.member_id = member AND t.platform = 'telegram'
                    AND t.account_id = l.telegram_account_id
            ))
        ),
        'moves', (
            SELECT json_agg(json_build_object(
                'platform', v.platform, 'from_account', v.from_account_id::text,
                'to_account', v.to_account_id::text, 'moved_at', v.moved_at
            ) ORDER BY v.id)
            FROM twinstream.accounts AS a JOIN twinstream.moves AS v ON v.platform = a.platform
                AND a.account_id IN (v.from_account_id, v.to_account_id)
            WHERE a.member_id = member
        ),
        'acts_of_administrators', (
            SELECT json_agg(json_build_object(
                'platform', u.platform, 'operation', u.operation, 'at', u.used_at
            ) ORDER BY u.id)
            FROM twinstream.accounts AS a JOIN twinstream.support_uses AS u
                ON u.platform = a.platform AND u.account_id = a.account_id
            WHERE a.member_id = member
        ),
        'notices', (
            SELECT json_agg(json_build_object(
                'platform', n.platform, 'kind', n.kind, 'created_at', n.created_at
            ) ORDER BY n.created_at)
            FROM twinstream.accounts AS a JOIN twinstream.notices AS n USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'acts', (
            SELECT json_agg(json_build_object(
                'operation', c.operation, 'telegram_account', c.telegram_account_id::text,
                'discord_account', c.discord_account_id::text, 'from_platform', c.from_platform,
                'from_account', c.from_account_id::text, 'by', c.actor, 'reason', c.reason, 'at', c.acted_at
            ) ORDER BY c.id)
            FROM twinstream.link_acts AS c WHERE c.id IN (
                SELECT u.id FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                    SELECT t.id FROM twinstream.link_acts AS t
                    WHERE a.platform = 'telegram' AND t.telegram_account_id = a.account_id
                    UNION ALL
                    SELECT d.id FROM twinstream.link_acts AS d
                    WHERE a.platform = 'discord' AND d.discord_account_id = a.account_id
                    UNION ALL
                    SELECT f.id FROM twinstream.link_acts AS f
                    WHERE f.from_platform = a.platform AND f.from_account_id = a.account_id
                ) AS u WHERE a.member_id = member
            )
        ),
        'offers', (
            -- The account on the other side may be a stranger's, so its number is left out.
            SELECT json_agg(json_build_object(
                'platform', a.platform, 'did', o.did, 'status', o.status, 'created_at', o.created_at,
                'expires_at', o.expires_at, 'changed_at', o.changed_at
            ) ORDER BY o.id, o.did)
            FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                SELECT s.*, 'started' AS did FROM twinstream.link_offers AS s
                WHERE s.platform = a.platform AND s.account_id = a.account_id
                UNION ALL
                SELECT s.*, 'opened' FROM twinstream.link_offers AS s
                WHERE s.platform <> a.platform AND s.opener_id = a.account_id
            ) AS o WHERE a.member_id = member
        ),
        'codes', (
            SELECT json_agg(json_build_object(
                'platform', c.platform, 'purpose', c.purpose, 'created_at', c.created_at,
                'expires_at', c.expires_at
            ) ORDER BY c.created_at)
            FROM twinstream.accounts AS a JOIN twinstream.link_codes AS c USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'wrong_codes', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'count', w.failures, 'counted_until', w.window_ends_at
            ) ORDER BY w.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_attempts AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'forbidden_to_link', (
            SELECT json_agg(json_build_object('platform', b.platform, 'since', b.forbidden_at)
                ORDER BY b.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_bans AS b USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_for_linking', (
            SELECT json_agg(json_build_object('platform', r.platform, 'paid_at', r.paid_at)
                ORDER BY r.platform)
            FROM twinstream.accounts AS a JOIN twinstream.link_rewards AS r USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'scores', (
            SELECT json_agg(json_build_object(
                'platform', c.platform, 'reputation', c.reputation, 'streak', c.streak,
                'longest_streak', c.longest_streak, 'streak_day', c.streak_day,
                'forgiven_month', c.forgiven_month, 'forgiven_days', c.forgiven_days
            ) ORDER BY c.platform)
            FROM twinstream.accounts AS a JOIN twinstream.account_scores AS c USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'thanks', (
            -- The other account may be a stranger's, so its number is left out.
            SELECT json_agg(json_build_object(
                'platform', t.platform, 'did', t.did, 'said_in', t.entity_id, 'xp', t.xp, 'at', t.given_at
            ) ORDER BY t.given_at, t.did)
            FROM (
                SELECT t.*, 'gave' AS did FROM twinstream.accounts AS a JOIN twinstream.thanks AS t
                    ON t.platform = a.platform AND t.giver_account_id = a.account_id
                WHERE a.member_id = member
                UNION ALL
                SELECT t.*, 'received' FROM twinstream.accounts AS a JOIN twinstream.thanks AS t
                    ON t.platform = a.platform AND t.receiver_account_id = a.account_id
                WHERE a.member_id = member
            ) AS t
        ),
        'reactions', (
            SELECT json_agg(json_build_object(
                'platform', r.platform, 'did', r.did, 'place', r.place_id::text,
                'message', r.message_id::text, 'day', r.day
            ) ORDER BY r.day, r.message_id, r.did)
            FROM (
                SELECT r.*, 'gave' AS did FROM twinstream.accounts AS a JOIN twinstream.reactions AS r
                    ON r.platform = a.platform AND r.giver_account_id = a.account_id
                WHERE a.member_id = member
                UNION ALL
                SELECT r.*, 'received' FROM twinstream.accounts AS a JOIN twinstream.reactions AS r
                    ON r.platform = a.platform AND r.receiver_account_id = a.account_id
                WHERE a.member_id = member
            ) AS r
        ),
        'messages_whose_author_is_known', (
            SELECT json_agg(json_build_object(
                'platform', p.platform, 'place', p.place_id::text, 'message', u.message_id::text,
                'sent_at', to_timestamp(u.sent_at)
            ) ORDER BY p.place_id, u.message_id)
            FROM twinstream.accounts AS a JOIN twinstream.message_authors AS p
                ON p.platform = a.platform AND a.account_id = ANY (p.author_ids)
            CROSS JOIN LATERAL unnest(p.message_ids, p.author_ids, p.sent_at) AS u (message_id, author_id, sent_at)
            WHERE a.member_id = member AND u.author_id = a.account_id
        ),
        'earning', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'reason', w.reason, 'xp_not_yet_entered', w.xp,
                'since', w.opened_at, 'last_at', w.last_at, 'day', w.day, 'xp_of_the_day', w.day_xp
            ) ORDER BY w.platform, w.reason)
            FROM twinstream.accounts AS a JOIN twinstream.earning_windows AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_from_administrators', (
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'xp', w.xp, 'balance', w.balance, 'achievement', w.achievement,
                'reason', w.reason, 'at', w.given_at
            ) ORDER BY w.id)
            FROM twinstream.accounts AS a JOIN twinstream.rewards AS w USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'rewards_given_as_administrator', (
            -- The members are others, so their numbers are left out.
            SELECT json_agg(json_build_object(
                'platform', w.platform, 'xp', w.xp, 'balance', w.balance, 'achievement', w.achievement,
                'reason', w.reason, 'at', w.given_at
            ) ORDER BY w.id)
            FROM twinstream.accounts AS a JOIN twinstream.rewards AS w
                ON w.platform = a.platform AND w.administrator_id = a.account_id
            WHERE a.member_id = member
        ),
        'invited', (
            -- The inviter and the invited are others, so their numbers are left out.
            SELECT json_agg(json_build_object(
                'platform', i.platform, 'did', i.did, 'joined_at', i.joined_at, 'status', i.status,
                'changed_at', i.changed_at
            ) ORDER BY i.joined_at)
            FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                SELECT v.*, 'came' AS did FROM twinstream.invites AS v
                WHERE v.platform = a.platform AND v.account_id = a.account_id
                UNION ALL
                SELECT v.*, 'invited' FROM twinstream.invites AS v
                WHERE v.platform = a.platform AND v.inviter_id = a.account_id
            ) AS i WHERE a.member_id = member
        ),
        'invite_links', (
            SELECT json_agg(json_build_object(
                'platform', l.platform, 'link', l.link, 'made_at', l.made_at, 'is_revoked', l.is_revoked
            ) ORDER BY l.made_at)
            FROM twinstream.accounts AS a JOIN twinstream.invite_links AS l USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'daily_claims', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'claimed_at', d.claimed_at, 'day_ends_at', d.day_ends_at, 'xp', d.xp,
                'balance', d.balance
            ) ORDER BY d.platform)
            FROM twinstream.accounts AS a JOIN twinstream.daily_claims AS d USING (platform, account_id)
            WHERE a.member_id = member
        ),
        'owed_to_tables_of_bots', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'xp', d.xp, 'balance', d.balance, 'since', d.updated_at
            ) ORDER BY d.platform)
            FROM twinstream.store_debts AS d WHERE d.member_id = member
        ),
        'differences', (
            SELECT json_agg(json_build_object(
                'platform', d.platform, 'subject', d.subject, 'field', d.field, 'seen', d.seen,
                'expected', d.expected, 'decision', d.decision, 'found_at', d.found_at
            ) ORDER BY d.id)
            FROM twinstream.drift AS d WHERE d.member_id = member
        ),
        'entries', (
            SELECT json_agg(json_build_object(
                'key', t.idempotency_key, 'platform', t.source, 'account', t.account_id::text,
                'type', t.type, 'xp', t.delta_xp, 'balance', t.delta_balance,
                'achievement', t.achievement, 'reason', t.reason, 'entity', t.entity_id,
                'occurred_at', t.occurred_at, 'recorded_at', t.created_at
            ) ORDER BY t.id DESC)
            FROM (
                SELECT n.* FROM twinstream.accounts AS a CROSS JOIN LATERAL (
                    -- The newest end of the index `transactions_by_account`.
                    SELECT * FROM twinstream.transactions AS t
                    WHERE t.account_id = a.account_id AND t.source = a.platform AND t.platform = a.platform
                    ORDER BY t.id DESC LIMIT entries_max
                ) AS n
                WHERE a.member_id = member ORDER BY n.id DESC LIMIT entries_max
            ) AS t
        )
    );
END $$;

-- The accounts of this database that have one of these marks: after a restore they are to be forgotten again.
CREATE FUNCTION twinstream.find_marked(marks text[], forget_secret text)
RETURNS TABLE (platform text, account_id bigint, mark text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    pads CONSTANT bytea[] := twinstream.mark_pads(forget_secret);
BEGIN
    RETURN QUERY
    SELECT a.platform, a.account_id, m.mark FROM twinstream.accounts AS a
    CROSS JOIN LATERAL (SELECT twinstream.account_mark(pads, a.platform, a.account_id) AS mark OFFSET 0) AS m
    WHERE a.account_id > 0 AND m.mark = ANY (marks);
END $$;

-- For each process to see at its start whether its database is older than the list beside the backups.
CREATE VIEW twinstream.forgotten_marks AS SELECT f.mark, f.forgotten_at FROM twinstream.forgotten_accounts AS f;

-- Notes marks of accounts that this database does not have.
CREATE FUNCTION twinstream.note_forgotten(marks text[], moments timestamptz[], forget_secret text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_own_process();
    PERFORM twinstream.mark_forgotten(ARRAY[u.mark], twinstream.mark_pads(forget_secret), u.moment)
    FROM unnest(marks, moments) AS u (mark, moment);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP VIEW twinstream.forgotten_marks;
DROP FUNCTION twinstream.note_forgotten(text[], timestamptz[], text);
DROP FUNCTION twinstream.find_marked(text[], text);
DROP FUNCTION twinstream.export_of(text, bigint, bigint);
DROP FUNCTION twinstream.stored_of(text, bigint);
DROP TRIGGER hiding_follows_moves ON twinstream.moves;
DROP FUNCTION twinstream.hide_moved_account();
DROP FUNCTION twinstream.set_hidden(text, bigint, boolean);
DROP FUNCTION twinstream.is_hidden(bigint);
