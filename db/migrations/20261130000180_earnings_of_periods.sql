-- migrate:up
-- The XP that members earned this week and this month, for boards. The sums stand in the member's own row and are
-- changed by the update that changes the totals (`add_to_totals`). Each bears the first day of its period, so
-- a sum of an older period is known as such, and nothing is rewritten at midnight.

-- The zone in which the community's days begin, as twinstream.toml names it. The consumers write it at their
-- start, and refuse a zone that this Postgres does not know: events are recorded by it.
CREATE TABLE twinstream.calendar (zone text NOT NULL);
CREATE UNIQUE INDEX calendar_is_one_row ON twinstream.calendar ((true));
INSERT INTO twinstream.calendar (zone) VALUES ('UTC');

ALTER TABLE twinstream.members
    ADD COLUMN balance_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN week date,
    ADD COLUMN month date,
    ADD COLUMN week_xp bigint NOT NULL DEFAULT 0,
    ADD COLUMN month_xp bigint NOT NULL DEFAULT 0,
    ADD COLUMN week_discord_xp bigint NOT NULL DEFAULT 0,
    ADD COLUMN month_discord_xp bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN twinstream.members.balance_at IS
    'when the balance last changed: of two with equal amounts, the earlier one was there first';
COMMENT ON COLUMN twinstream.members.week IS 'the Monday of the week that week_xp is of; null before the first';
COMMENT ON COLUMN twinstream.members.month IS 'the first day of the month that month_xp is of';
COMMENT ON COLUMN twinstream.members.week_discord_xp IS
    'the part of week_xp that the Discord account earned: an undone link gives it back';

-- Returns the first days of the current week and month, of the next ones, and when the current ones began.
-- Not in SQL: Postgres would plan such a function anew in each transaction.
CREATE FUNCTION twinstream.period_starts(
    OUT week date, OUT next_week date, OUT week_at timestamptz,
    OUT month date, OUT next_month date, OUT month_at timestamptz
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    -- A row that an operator removed must stop no event.
    zone CONSTANT text := coalesce((SELECT c.zone FROM twinstream.calendar AS c), 'UTC');
    -- Postgres's weeks begin on Monday.
    this_week CONSTANT timestamp := date_trunc('week', now() AT TIME ZONE zone);
    this_month CONSTANT timestamp := date_trunc('month', now() AT TIME ZONE zone);
BEGIN
    week := this_week;
    next_week := this_week + interval '7 days';
    week_at := this_week AT TIME ZONE zone;
    month := this_month;
    next_month := this_month + interval '1 month';
    month_at := this_month AT TIME ZONE zone;
END $$;

-- Adds what one member earned to what another did; `merge_members` calls it before it adds up their totals.
-- An account without XP has reached nothing, so the moment of the other one stays.
CREATE FUNCTION twinstream.merge_earnings(keep bigint, gone bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE twinstream.members AS k SET
        earned_at = CASE WHEN d.xp = 0 THEN k.earned_at WHEN k.xp = 0 THEN d.earned_at
            ELSE greatest(k.earned_at, d.earned_at) END,
        balance_at = CASE WHEN d.balance = 0 THEN k.balance_at WHEN k.balance = 0 THEN d.balance_at
            ELSE greatest(k.balance_at, d.balance_at) END,
        week = n.week, month = n.month,
        -- A sum counts if it is of the later period of the two.
        week_xp = CASE k.week WHEN n.week THEN k.week_xp ELSE 0 END
            + CASE d.week WHEN n.week THEN d.week_xp ELSE 0 END,
        week_discord_xp = CASE k.week WHEN n.week THEN k.week_discord_xp ELSE 0 END
            + CASE d.week WHEN n.week THEN d.week_discord_xp ELSE 0 END,
        month_xp = CASE k.month WHEN n.month THEN k.month_xp ELSE 0 END
            + CASE d.month WHEN n.month THEN d.month_xp ELSE 0 END,
        month_discord_xp = CASE k.month WHEN n.month THEN k.month_discord_xp ELSE 0 END
            + CASE d.month WHEN n.month THEN d.month_discord_xp ELSE 0 END
    FROM twinstream.members AS d
    CROSS JOIN LATERAL (
        SELECT greatest(o.week, d.week) AS week, greatest(o.month, d.month) AS month
        FROM twinstream.members AS o WHERE o.id = keep
    ) AS n
    WHERE k.id = keep AND d.id = gone
$$;

-- Gives the part that a member's Discord account earned to the member who has that account by now.
CREATE FUNCTION twinstream.split_earnings(of_member bigint, fresh bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE twinstream.members AS f SET earned_at = m.earned_at, balance_at = m.balance_at,
        week = m.week, week_xp = m.week_discord_xp, week_discord_xp = m.week_discord_xp,
        month = m.month, month_xp = m.month_discord_xp, month_discord_xp = m.month_discord_xp
    FROM twinstream.members AS m WHERE f.id = fresh AND m.id = of_member;
    UPDATE twinstream.members AS m SET
        week_xp = m.week_xp - m.week_discord_xp, week_discord_xp = 0,
        month_xp = m.month_xp - m.month_discord_xp, month_discord_xp = 0
    WHERE m.id = of_member
$$;

-- Leaves all that a member earned with the Telegram account, as an unlink leaves the totals.
CREATE FUNCTION twinstream.keep_earnings(of_member bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE twinstream.members AS m SET week_discord_xp = 0, month_discord_xp = 0 WHERE m.id = of_member
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream FROM PUBLIC;

-- migrate:down
DROP FUNCTION twinstream.keep_earnings(bigint), twinstream.split_earnings(bigint, bigint),
    twinstream.merge_earnings(bigint, bigint), twinstream.period_starts();
ALTER TABLE twinstream.members DROP COLUMN balance_at, DROP COLUMN week, DROP COLUMN month,
    DROP COLUMN week_xp, DROP COLUMN month_xp, DROP COLUMN week_discord_xp, DROP COLUMN month_discord_xp;
DROP TABLE twinstream.calendar;
