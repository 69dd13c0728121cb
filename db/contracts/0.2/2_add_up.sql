-- The contract of release 0.2, second of three: adds up what the Discord accounts earned. One row of the
-- books is locked at a time, so bots wait for nothing and no order of locks matters. An entry and its
-- books change in one transaction, so the sum that is read while the row is locked is the right one, and
-- processes of release 0.2 keep it from then on. One statement only: that is what may commit in its midst.
DO $$
DECLARE
    books record;
BEGIN
    -- The last file waits for the disk, for these commits too.
    SET synchronous_commit = off;
    FOR books IN
        SELECT s.member_id, s.platform, a.account_id
        FROM twinstream.sync_state AS s
        JOIN twinstream.accounts AS a ON a.member_id = s.member_id AND a.platform = 'discord'
    LOOP
        PERFORM FROM twinstream.sync_state AS s
        WHERE s.member_id = books.member_id AND s.platform = books.platform
        FOR NO KEY UPDATE;
        UPDATE twinstream.sync_state AS s SET discord_xp = t.xp, discord_balance = t.balance
        FROM (
            SELECT coalesce(sum(delta_xp), 0)::bigint AS xp,
                coalesce(sum(delta_balance), 0)::bigint AS balance
            FROM twinstream.transactions
            WHERE account_id = books.account_id AND source = 'discord'
                AND platform = books.platform
        ) AS t
        WHERE s.member_id = books.member_id AND s.platform = books.platform
            AND (s.discord_xp, s.discord_balance) <> (t.xp, t.balance);
        COMMIT;
    END LOOP;
    RESET synchronous_commit;
END $$;
