-- migrate:up
-- The figures that a profile shows of a member besides XP, balance and rank, for the member and for others: one read for
-- each question. A place is counted along the index of the board, as far as `places_max`: further down it says
-- little, and would cost a community of a million members a tenth of a second for each question.
CREATE FUNCTION twinstream.profile_figures(
    of_platform text, of_account bigint, today date, places_max bigint
) RETURNS TABLE (
    display_name text, is_hidden boolean, left_out text, linked_platforms text[], place bigint,
    reputation bigint, streak integer
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.display_name, twinstream.is_hidden(m.id), a.left_out,
        ARRAY (
            SELECT b.platform FROM twinstream.accounts AS b WHERE b.member_id = m.id ORDER BY b.platform
        ),
        CASE WHEN m.on_board AND m.xp > 0 THEN (
            SELECT count(*) + 1 FROM (
                SELECT FROM twinstream.members AS o
                WHERE o.on_board AND o.xp > 0 AND o.xp >= m.xp
                    AND (o.xp > m.xp OR (o.earned_at, o.id) < (m.earned_at, m.id))
                ORDER BY o.xp DESC, o.earned_at, o.id LIMIT places_max
            ) AS ahead
        ) END,
        -- A member has the thanks of all accounts, and their common row of days if it is alive: its last day
        -- was yesterday or today.
        coalesce(sum(s.reputation), 0)::bigint,
        (
            SELECT CASE WHEN c.day >= today - 1 THEN c.streak ELSE 0 END
            FROM twinstream.common_streak(array_agg(s.streak), array_agg(s.streak_day)) AS c
        )
    FROM twinstream.accounts AS a
    JOIN twinstream.members AS m ON m.id = a.member_id
    JOIN twinstream.accounts AS theirs ON theirs.member_id = m.id
    LEFT JOIN twinstream.account_scores AS s
        ON s.platform = theirs.platform AND s.account_id = theirs.account_id
    WHERE a.platform = of_platform AND a.account_id = of_account
    GROUP BY a.platform, a.account_id, m.id;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.profile_figures(text, bigint, date, bigint);
