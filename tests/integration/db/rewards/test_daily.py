"""/daily in Postgres: once per person and day, whatever the accounts, the zone and the clock do."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from db import Platform
from db.earning import Earning, Rules, windows
from db.links import account_moves, links
from db.members import privacy
from db.members.history import history
from db.members.profiles import figures
from db.rewards import daily
from db.rewards.daily import Claim, DailyRules
from db.rewards.days import days_around
from db.upkeep.audit import audit
from tests.support.boards import scores
from tests.support.postgres_clock import PostgresClock
from tests.support.recorded_events import Record, record, until_someone_waits_for_a_lock, xp
from tests.support.variants import variants

TG, DC, OTHER_TG, OTHER_DC = 1001, 2002, 1003, 2004
#: The account on each platform, where a test moves between them.
ACCOUNTS: dict[Platform, int] = {"telegram": TG, "discord": DC}
SECRET = "a secret of the deployment"
RULES = DailyRules(
    xp=20,
    balance=10,
    xp_per_streak_day=2,
    balance_per_streak_day=1,
    xp_streak_bonus_max=20,
    balance_streak_bonus_max=10,
    forgiven_days=1,
    least_xp=0,
    milestones={},
)
STRICT = RULES._replace(forgiven_days=0)
ZONES = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Apia")
FIRST = datetime(2026, 11, 10, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Community:
    """Members who claim, at the moment that the test says."""

    def __init__(self, pool: asyncpg.Pool, clock: PostgresClock) -> None:
        self.pool = pool
        self.now = FIRST
        self.zone = ZoneInfo("UTC")
        self.rules = RULES
        self._clock = clock
        self.books = Record(pool)

    async def at(self, now: datetime) -> None:
        self.now = now
        await self._clock.set(now)

    async def later(self, by: timedelta) -> None:
        await self.at(self.now + by)

    async def claim(
        self, platform: Platform = "telegram", account_id: int | None = None, **more: object
    ) -> Claim:
        async with self.pool.acquire() as conn:
            return await daily.claim(
                conn,
                platform,
                account_id or ACCOUNTS[platform],
                "Ann",
                days=days_around(self.now, self.zone),
                rules=self.rules,
                **more,  # type: ignore[arg-type]
            )

    async def link(self, tg: int = TG, dc: int = DC) -> links.Link:
        async with self.pool.acquire() as conn, conn.transaction():
            return await links.link(
                conn, telegram_account_id=tg, discord_account_id=dc, links_max=1_000
            )

    async def unlink(self, dc: int = DC) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await links.unlink(conn, platform="discord", account_id=dc)

    async def streaks(self) -> tuple[int, int]:
        """The streak of the only member with one: on the board, and in the member's profile."""
        async with self.pool.acquire() as conn:
            [on_board] = await scores(conn, "streak")
            found = await figures(conn, "telegram", TG, today=self.now.date())
        assert found is not None
        return on_board, found.streak

    async def paid(self) -> int:
        """How many days were paid, to anybody."""
        count: int = await self.pool.fetchval(
            "SELECT count(*) FROM twinstream.transactions"
            " WHERE reason = 'daily_claim' AND type = 'xp.changed' AND platform = source"
        )
        return count


@pytest.fixture
async def community(pool: asyncpg.Pool) -> AsyncIterator[Community]:
    clock = PostgresClock(pool)
    await clock.begin()
    community = Community(pool, clock)
    await community.at(FIRST)
    await pool.execute("UPDATE twinstream.link_settings SET cooldown_s = 0")
    await pool.execute(
        "INSERT INTO twinstream.link_settings (cooldown_s)"
        " SELECT 0 WHERE NOT EXISTS (SELECT FROM twinstream.link_settings)"
    )
    yield community
    async with pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []


async def test_a_day_is_paid_once_and_a_second_claim_says_what_it_was(community):
    first = await community.claim()
    await community.later(HOUR)
    second = await community.claim()

    assert first == Claim(
        *("claimed", 20, 10, 1, 1, 0, 0, 1),
        datetime(2026, 11, 11, tzinfo=UTC),
        "telegram",
        (),
    )
    assert second == first._replace(outcome="counted")
    assert await community.books.totals() == (20, 10)
    async with community.pool.acquire() as conn:
        found = await history(conn, "telegram", TG, limit=5)
    assert found is not None
    assert {(one.reason, one.entity_id) for one in found.changes} == {
        ("daily_claim", "2026-11-10T00:00Z")
    }
    assert found.display_name == "Ann"


async def test_each_day_in_a_row_adds_to_it_up_to_the_limit(community):
    claims = []
    for _ in range(13):
        claims.append(await community.claim())
        await community.later(DAY)

    assert [one.streak for one in claims] == list(range(1, 14))
    assert [one.xp for one in claims] == [*range(20, 42, 2), 40, 40]
    assert [one.balance for one in claims] == [*range(10, 21), 20, 20]


async def test_a_linked_person_is_paid_once_on_either_platform_and_the_streak_goes_on(community):
    await community.link()
    outcomes = []
    for _ in range(4):
        for platform in ("telegram", "discord", "telegram"):
            claim = await community.claim(platform)
            outcomes.append((claim.outcome, claim.streak, claim.counted_by))
            await community.later(HOUR)
        await community.later(DAY - 4 * HOUR)  # an hour earlier each day
    await community.later(DAY - 4 * HOUR)
    last = await community.claim("discord")

    assert outcomes == [
        one
        for streak in range(1, 5)
        for one in (
            ("claimed", streak, "telegram"),
            ("counted", streak, "telegram"),
            ("counted", streak, "telegram"),
        )
    ]
    assert (last.outcome, last.streak) == ("claimed", 5)


async def test_both_accounts_of_a_person_at_one_moment_are_paid_once(community):
    await community.link()

    both = await asyncio.gather(community.claim("telegram"), community.claim("discord"))

    assert sorted(one.outcome for one in both) == ["claimed", "counted"]
    assert await community.paid() == 1


async def test_accounts_that_were_parted_today_have_one_claim_also_at_one_moment(community):
    await community.link()
    await community.later(HOUR)
    await community.unlink()
    pool = community.pool
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        # One claim is recorded and not yet committed when the other one begins.
        first = await daily.claim(
            *(conn, "telegram", TG, "Ann"),
            days=days_around(community.now, community.zone),
            rules=RULES,
        )
        second = asyncio.create_task(community.claim("discord"))
        await until_someone_waits_for_a_lock(pool)
        await transaction.commit()

    assert (first.outcome, (await second).outcome) == ("claimed", "counted")
    assert await community.paid() == 1


@pytest.mark.parametrize("first", ["telegram", "discord"])
async def test_a_link_of_today_pays_no_day_twice(community, first: Platform):
    other: Platform = "discord" if first == "telegram" else "telegram"
    await community.claim(first)
    await community.link()
    while_linked = await community.claim(other)
    await community.unlink()
    parted = await community.claim(other)
    await community.later(DAY)

    assert [while_linked.outcome, parted.outcome] == ["counted", "counted"]
    assert [(await community.claim(one)).outcome for one in ACCOUNTS] == ["claimed", "claimed"]


async def test_an_undone_link_pays_no_day_twice(community):
    link = await community.link()
    await community.claim("discord")
    async with community.pool.acquire() as conn, conn.transaction():
        await links.undo(conn, link.id)

    assert (await community.claim("telegram")).outcome == "counted"
    assert await community.paid() == 1


async def test_cycles_of_linking_earn_no_more_than_the_accounts_would_alone(community):
    """Two Telegram accounts and two on Discord, which are linked crosswise each hour of a day."""
    pairs = [(TG, DC), (OTHER_TG, OTHER_DC), (TG, OTHER_DC), (OTHER_TG, DC)]
    for hour in range(12):
        tg, dc = pairs[hour % 4]
        await community.link(tg, dc)
        for platform, account_id in (("telegram", tg), ("discord", dc)):
            await community.claim(platform, account_id)
        await community.unlink(dc)
        for platform, account_id in (("telegram", tg), ("discord", dc)):
            await community.claim(platform, account_id)

    assert await community.paid() == 2  # four accounts that never link would have had four


async def test_two_accounts_that_claimed_before_they_were_linked_keep_both_days(community):
    """The residue: until they are linked nothing says that they are one person's."""
    assert [(await community.claim(one)).outcome for one in ACCOUNTS] == ["claimed", "claimed"]
    await community.link()
    await community.later(DAY)

    claim = await community.claim("discord")

    assert (claim.outcome, claim.streak) == ("claimed", 2)
    assert (await community.claim("telegram")).outcome == "counted"


async def test_a_link_ends_no_streak_and_every_reader_names_the_same_one(community):
    """One account has five days, the last of them yesterday; the other one claims today."""
    community.rules = STRICT
    # The link is made yesterday by Postgres's own clock: the board goes by that.
    await community.at(datetime.now(UTC) - 6 * DAY)
    for _ in range(5):
        await community.claim("telegram")
        await community.later(DAY)
    await community.claim("discord")
    await community.link()
    shown = [await community.streaks()]
    refused = await community.claim("telegram")
    await community.later(DAY)
    shown.append(await community.streaks())
    claims = [await community.claim("discord"), await community.claim("telegram")]
    shown.append(await community.streaks())

    assert shown == [(5, 5), (5, 5), (6, 6)]
    assert (refused.outcome, refused.streak) == ("counted", 5)
    assert [(one.outcome, one.streak, one.lost) for one in claims] == [
        ("claimed", 6, 0),
        ("counted", 6, 0),
    ]
    assert await community.paid() == 7


async def test_both_accounts_go_on_from_the_streak_after_an_unlink(community):
    community.rules = STRICT
    await community.claim("telegram")
    await community.later(DAY)
    await community.link()
    await community.claim("discord")
    await community.unlink()
    await community.later(DAY)

    assert [(await community.claim(one)).streak for one in ACCOUNTS] == [3, 3]


async def test_a_move_takes_the_streak_along_and_pays_no_day_twice(community):
    await community.claim()
    await community.later(DAY)
    await community.claim()
    async with community.pool.acquire() as conn, conn.transaction():
        await account_moves.move(
            conn, platform="telegram", from_account_id=TG, to_account_id=OTHER_TG
        )

    assert (await community.claim(account_id=TG)).outcome == "counted"
    assert (await community.claim(account_id=OTHER_TG)).outcome == "counted"
    await community.later(DAY)
    assert (await community.claim(account_id=OTHER_TG)).streak == 3
    assert (await community.claim(account_id=TG)).streak == 1


async def test_a_move_to_an_account_that_claimed_today_ends_no_streak(community):
    community.rules = STRICT
    for _ in range(5):
        await community.claim()
        await community.later(DAY)
    await community.claim(account_id=OTHER_TG)
    async with community.pool.acquire() as conn, conn.transaction():
        await account_moves.move(
            conn, platform="telegram", from_account_id=TG, to_account_id=OTHER_TG
        )
    await community.later(DAY)

    claim = await community.claim(account_id=OTHER_TG)

    assert (claim.outcome, claim.streak, claim.longest) == ("claimed", 6, 6)
    assert await community.paid() == 7


async def test_a_missed_day_is_forgiven_as_often_a_month_as_the_settings_say(community):
    await community.claim()
    await community.later(2 * DAY)
    forgiven = await community.claim()
    await community.later(2 * DAY)
    lost = await community.claim()

    assert (forgiven.streak, forgiven.forgiven, forgiven.left_to_forgive) == (2, 1, 0)
    assert (lost.streak, lost.forgiven, lost.lost, lost.longest) == (1, 0, 2, 2)
    await community.at(datetime(2026, 12, 1, 12, tzinfo=UTC))
    await community.claim()
    await community.later(2 * DAY)
    assert (await community.claim()).forgiven == 1


async def test_more_missed_days_than_are_left_end_the_streak_and_use_none_up(community):
    await community.claim()
    await community.later(3 * DAY)

    assert (await community.claim()).lost == 1
    await community.later(2 * DAY)
    assert (await community.claim()).forgiven == 1


async def test_forgiven_days_are_the_persons_and_come_not_back_by_unlinking(community):
    await community.link()
    await community.claim("telegram")
    await community.later(2 * DAY)
    await community.claim("discord")
    await community.unlink()
    await community.later(2 * DAY)

    assert [(await community.claim(one)).forgiven for one in ACCOUNTS] == [0, 0]


async def test_a_community_without_insurance_ends_a_streak_at_the_first_missed_day(community):
    community.rules = STRICT
    await community.claim()
    await community.later(2 * DAY)

    assert (await community.claim()).lost == 1


async def test_around_midnight_each_day_is_paid_once(community):
    community.zone = ZoneInfo("Europe/Moscow")
    await community.at(datetime(2026, 11, 10, 20, 59, tzinfo=UTC))
    before = [await community.claim(), await community.claim()]
    await community.at(datetime(2026, 11, 10, 21, 0, tzinfo=UTC))
    after = [await community.claim(), await community.claim()]

    assert [one.outcome for one in before + after] == ["claimed", "counted"] * 2
    assert [one.streak for one in after] == [2, 2]
    assert before[0].next_at == datetime(2026, 11, 10, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "begin"),
    variants(
        {
            "an hour less": ("America/New_York", datetime(2027, 3, 12, 23, tzinfo=UTC)),
            "an hour more": ("America/New_York", datetime(2026, 10, 30, 23, tzinfo=UTC)),
            "no midnight": ("Africa/Cairo", datetime(2027, 4, 28, 12, tzinfo=UTC)),
            "two midnights": ("America/Havana", datetime(2026, 10, 31, 12, tzinfo=UTC)),
        }.items(),
        every_day=["no midnight"],
    ),
)
async def test_a_change_of_the_hour_neither_pays_twice_nor_ends_a_streak(community, zone, begin):
    """A member asks each half hour for four days."""
    community.rules = STRICT
    community.zone = ZoneInfo(zone)
    seen = {}
    for half_hours in range(4 * 48):
        await community.at(begin + half_hours * HOUR / 2)
        claim = await community.claim()
        if claim.outcome == "claimed":
            day = community.now.astimezone(community.zone).date()
            assert day not in seen
            seen[day] = claim.streak

    assert list(seen.values()) == list(range(1, len(seen) + 1))
    assert len(seen) in (4, 5)


@pytest.mark.parametrize(
    ("old", "new", "hour"),
    variants(
        (
            (f"{old} {new} {hour}", (old, new, hour))
            for old, new in itertools.permutations(ZONES, 2)
            for hour in (0, 5, 10, 16, 23)
        ),
        every_day=["UTC Asia/Tokyo 10", "Asia/Tokyo America/Los_Angeles 23"],
    ),
)
async def test_another_time_zone_neither_pays_twice_nor_ends_a_streak(community, old, new, hour):
    """The operator changes the zone an hour after a claim; the member asks each hour from then."""
    community.rules = STRICT
    community.zone = ZoneInfo(old)
    await community.at(datetime(2026, 11, 10, hour, 30, tzinfo=UTC))
    assert (await community.claim()).outcome == "claimed"
    claimed = [community.now]
    community.zone = ZoneInfo(new)
    for _ in range(72):
        await community.later(HOUR)
        claim = await community.claim()
        if claim.outcome == "claimed":
            assert claim.streak == len(claimed) + 1
            claimed.append(community.now)

    for zone in (ZoneInfo(old), ZoneInfo(new)):
        days = [one.astimezone(zone).date() for one in claimed[:2]]
        assert len(set(days)) == 2, f"two in one day of {zone}"
    assert len(claimed) in (3, 4)


@pytest.mark.parametrize(
    ("old", "new", "hour", "habit"),
    variants(
        (
            (f"{old} {new} {hour} {habit}", (old, new, hour, habit))
            for old, new in itertools.permutations(ZONES, 2)
            for hour in (0, 5, 10, 16, 23)
            for habit in ("old", "new")
        ),
        every_day=["UTC Asia/Tokyo 23 new", "Asia/Tokyo Pacific/Apia 10 old"],
    ),
)
async def test_a_streak_goes_on_in_another_zone_at_the_last_minute_of_a_day(
    community, old, new, hour, habit
):
    """The member goes by the days of the old zone or by those of the new one."""
    community.rules = STRICT
    community.zone = ZoneInfo(old)
    await community.at(datetime(2026, 11, 10, hour, 30, tzinfo=UTC))
    await community.claim()
    community.zone = ZoneInfo(new)
    theirs = ZoneInfo(old if habit == "old" else new)
    tomorrow = community.now.astimezone(theirs).date() + DAY
    await community.at(datetime.combine(tomorrow, time(23, 59), theirs).astimezone(UTC))
    while (claim := await community.claim()).outcome == "counted":
        await community.later(HOUR)

    assert claim.streak == 2


async def test_a_clock_that_is_set_back_pays_no_day_twice(community):
    await community.at(datetime(2026, 11, 11, 0, 30, tzinfo=UTC))
    await community.claim()
    await community.at(datetime(2026, 11, 10, 23, 0, tzinfo=UTC))
    back = await community.claim()
    await community.at(datetime(2026, 11, 11, 1, 0, tzinfo=UTC))

    assert back.outcome == "counted"
    assert back.next_at == datetime(2026, 11, 12, tzinfo=UTC)
    assert (await community.claim()).outcome == "counted"


async def test_a_claim_of_a_clock_that_was_a_year_ahead_costs_one_day_and_no_year(community):
    await community.at(FIRST + 365 * DAY)
    await community.claim()
    await community.at(FIRST)
    back = await community.claim()
    await community.later(DAY)

    assert (back.outcome, back.next_at) == ("counted", datetime(2026, 11, 11, tzinfo=UTC))
    assert (await community.claim()).outcome == "claimed"


async def test_a_bot_whose_clock_is_a_week_off_pays_nothing(community):
    days = days_around(community.now + 7 * DAY, community.zone)
    async with community.pool.acquire() as conn:
        with pytest.raises(Exception, match="days apart"):
            await daily.claim(conn, "telegram", TG, "Ann", days=days, rules=RULES)

    assert await community.paid() == 0


async def test_milestones_unlock_achievements_once_per_person(community):
    community.rules = RULES._replace(milestones={"two_days": 2, "three_days": 3})
    unlocked: list[tuple[str, ...]] = []
    for platform in ("telegram", "discord", "telegram"):
        if not unlocked:
            await community.link()
        unlocked.append((await community.claim(platform)).unlocked)
        await community.later(DAY)

    assert unlocked == [(), ("two_days",), ("three_days",)]
    await community.later(10 * DAY)
    again = []
    for _ in range(3):
        again.append((await community.claim()).unlocked)
        await community.later(DAY)
    assert again == [(), (), ()]


async def test_members_with_less_xp_than_the_settings_ask_for_get_nothing_yet(community):
    community.rules = RULES._replace(least_xp=15)
    refused = await community.claim()
    await record(community.pool, xp(15))

    assert (refused.outcome, refused.xp) == ("least_xp", 0)
    assert (await community.claim()).outcome == "claimed"


async def test_xp_in_an_open_window_is_xp_that_the_settings_ask_for(community):
    community.rules = RULES._replace(least_xp=15)
    at = community.now - HOUR
    async with community.pool.acquire() as conn:
        await windows.earn(
            conn,
            "telegram",
            [Earning(TG, "messages", 15, at, 60.0, 600)],
            Rules(window_s=3_600, zone=UTC),
        )

    assert (await community.claim()).outcome == "claimed"


async def test_a_day_may_be_worth_nothing_but_the_streak(community):
    community.rules = DailyRules(0, 0, 0, 0, 0, 0, 0, 0, {})
    claims = [await community.claim(), await community.claim()]

    assert [(one.outcome, one.xp, one.streak) for one in claims] == [
        ("claimed", 0, 1),
        ("counted", 0, 1),
    ]


async def test_the_table_of_the_platforms_bot_is_owed_what_was_paid(community):
    await community.claim(stores=["telegram"])
    await community.claim(stores=["telegram"])

    owed = await community.pool.fetch("SELECT platform, xp, balance FROM twinstream.store_debts")
    assert [tuple(one) for one in owed] == [("telegram", 20, 10)]
    await community.pool.execute("DELETE FROM twinstream.store_debts")


async def test_a_forgotten_person_who_comes_back_is_not_paid_for_that_day_again(community):
    await community.claim(forget_secret=SECRET)
    async with community.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT twinstream.forget_person('telegram', $1, $2)", TG, SECRET)

    assert await community.books.count("daily_claims") == 0
    again = await community.claim(forget_secret=SECRET)
    await community.later(DAY)
    assert (again.outcome, again.xp) == ("counted", 0)
    assert (await community.claim(forget_secret=SECRET)).streak == 1


async def test_a_person_takes_claims_and_streak_along(community):
    await community.claim()
    async with community.pool.acquire() as conn:
        exported = await privacy.export_of(conn, "telegram", TG, entries_max=10)

    assert '"daily_claims"' in exported
    assert '"forgiven_days"' in exported
