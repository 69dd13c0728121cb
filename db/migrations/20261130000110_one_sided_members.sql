-- migrate:up
-- Returns members on the boards who have XP and no account on another platform than this one, most XP first:
-- administrators remind them of /link. Members who left, who hide from lists, or who were forgotten are left out. It
-- reads the index `members_on_board` from its top.
CREATE FUNCTION twinstream.one_sided_members(of_platform text, past bigint, at_most integer)
RETURNS TABLE (account_id bigint, display_name text, xp bigint, balance bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM twinstream.require_caller(of_platform);
    RETURN QUERY
    SELECT a.account_id, a.display_name, m.xp, m.balance
    FROM twinstream.members AS m JOIN twinstream.accounts AS a ON a.member_id = m.id
    WHERE m.on_board AND m.xp > 0 AND a.platform = of_platform AND a.account_id > 0
        AND NOT EXISTS (
            SELECT FROM twinstream.accounts AS b
            WHERE b.member_id = m.id AND b.platform <> of_platform
        )
    ORDER BY m.xp DESC, m.id OFFSET past LIMIT at_most;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.one_sided_members(text, bigint, integer);
