"""Thanks: once per pair of people and day, whatever comes again, and whichever account they use."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from db.earning import thanks
from db.earning.thanks import Thanked, ThankLimits
from db.links import account_moves, links
from db.platforms import Platform
from db.upkeep import old_thanks

ANN, BOB, CID, DAN = 1001, 1002, 1003, 1004
ANN_ON_DISCORD, BOB_ON_DISCORD = 2001, 2002
LIMITS = ThankLimits(zone="Europe/Moscow", per_day=2, xp=5, xp_per_day=12)


async def give(
    pool: asyncpg.Pool,
    giver: int = ANN,
    receiver: int = BOB,
    *,
    entity: str = "-100.1",
    at: datetime | None = None,
    platform: Platform = "telegram",
    limits: ThankLimits = LIMITS,
) -> Thanked:
    async with pool.acquire() as conn, conn.transaction():
        return await thanks.thank(
            conn,
            platform,
            giver,
            receiver,
            entity_id=entity,
            said_at=at or datetime.now(UTC),
            limits=limits,
        )


async def reputation(pool: asyncpg.Pool, account_id: int) -> int:
    found = await pool.fetchval(
        "SELECT reputation FROM twinstream.account_scores WHERE account_id = $1", account_id
    )
    return int(found or 0)


async def test_a_thank_gives_one_point_and_the_xp_that_the_settings_say(pool):
    assert await give(pool) == Thanked("thanked", 1, 5, 1)
    assert await reputation(pool, BOB) == 1
    assert await reputation(pool, ANN) == 0


async def test_the_same_message_counts_once_and_gets_the_same_answer(pool):
    at = datetime.now(UTC)
    first = await give(pool, at=at)
    again = await give(pool, at=at)

    assert again == first._replace(outcome="known")
    assert await reputation(pool, BOB) == 1


async def test_a_message_that_comes_again_after_midnight_counts_once(pool):
    """The day is that of the message, not that of the moment at which the bot read it."""
    local = datetime.now(UTC).astimezone(ZoneInfo(LIMITS.zone)).replace(hour=0, minute=0, second=0)
    before_midnight = local - timedelta(seconds=1)

    assert (await give(pool, at=before_midnight)).outcome == "thanked"
    assert (await give(pool, at=before_midnight)).outcome == "known"
    assert (await give(pool, entity="-100.2", at=before_midnight)).outcome == "again"
    assert (await give(pool, entity="-100.3")).outcome == "thanked"  # today
    assert await reputation(pool, BOB) == 2


async def test_another_message_of_the_same_day_counts_nothing(pool):
    await give(pool)

    assert (await give(pool, entity="-100.2")).outcome == "again"
    assert await reputation(pool, BOB) == 1


async def test_a_person_thanks_only_so_many_people_in_a_day(pool):
    assert (await give(pool, receiver=BOB, entity="1")).thanks_left == 1
    assert (await give(pool, receiver=CID, entity="2")).thanks_left == 0

    assert (await give(pool, receiver=DAN, entity="3")).outcome == "enough"
    assert await reputation(pool, DAN) == 0


async def test_a_crowd_raises_the_xp_of_one_member_up_to_the_limit_only(pool):
    crowd = [await give(pool, giver, BOB, entity=str(giver)) for giver in range(5_000, 5_020)]

    assert [one.xp for one in crowd] == [5, 5, 2, *[0] * 17]
    assert await reputation(pool, BOB) == 20


async def test_nobody_thanks_themselves(pool):
    assert (await give(pool, ANN, ANN)).outcome == "self"
    assert await reputation(pool, ANN) == 0


async def test_a_pair_that_alternates_platforms_counts_once_a_day(pool):
    await give(pool, ANN, BOB)
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=ANN, discord_account_id=ANN_ON_DISCORD)
        await links.link(conn, telegram_account_id=BOB, discord_account_id=BOB_ON_DISCORD)

    on_discord = await give(pool, ANN_ON_DISCORD, BOB_ON_DISCORD, entity="77", platform="discord")

    assert on_discord.outcome == "again"
    assert on_discord.reputation == 1
    other = await give(pool, ANN_ON_DISCORD, 2_009, entity="78", platform="discord")
    assert other.thanks_left == 0  # both platforms count towards the limit


async def test_a_thank_between_accounts_that_become_one_persons_stays(pool):
    await give(pool, ANN, BOB)
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=BOB, discord_account_id=BOB_ON_DISCORD)

    assert await reputation(pool, BOB) == 1


async def test_an_account_that_takes_anothers_place_takes_its_points_along(pool):
    await give(pool, ANN, BOB)
    await give(pool, BOB, CID, entity="2")
    new = 1_099
    async with pool.acquire() as conn:
        await account_moves.move(conn, platform="telegram", from_account_id=BOB, to_account_id=new)

    assert (await reputation(pool, BOB), await reputation(pool, new)) == (0, 1)
    assert (await give(pool, ANN, new, entity="3")).outcome == "again"
    assert (await give(pool, new, CID, entity="4")).outcome == "again"
    assert (await give(pool, BOB, CID, entity="5")).outcome == "again"
    assert await reputation(pool, CID) == 1


async def test_an_old_message_thanks_nobody(pool):
    at = datetime.now(UTC) - timedelta(seconds=thanks.AGE_S_MAX + 60)

    assert (await give(pool, at=at)).outcome == "late"
    assert await reputation(pool, BOB) == 0


async def test_a_moment_ahead_of_our_clock_is_now(pool):
    ahead = datetime.now(UTC) + timedelta(days=3)

    assert (await give(pool, at=ahead)).outcome == "thanked"
    assert (await give(pool, at=ahead)).outcome == "known"
    assert (await give(pool, entity="2")).outcome == "again"


async def test_thanks_at_the_same_time_are_counted_one_after_the_other(pool):
    together = await asyncio.gather(
        *(give(pool, ANN, BOB, entity=str(number)) for number in range(8))
    )

    assert sorted(one.outcome for one in together) == [*["again"] * 7, "thanked"]
    crossing = await asyncio.gather(
        *(give(pool, *pair, entity=str(pair[0])) for pair in [(60, 61), (61, 60)] * 3)
    )
    assert sorted(one.outcome for one in crossing) == [*["known"] * 4, "thanked", "thanked"]


async def test_a_rolled_back_transaction_thanks_nobody(pool):
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        given = await thanks.thank(
            conn, "telegram", ANN, BOB, entity_id="1", said_at=now, limits=LIMITS
        )
        await transaction.rollback()

    assert given.outcome == "thanked"
    assert await reputation(pool, BOB) == 0
    assert (await give(pool, entity="1", at=now)).outcome == "thanked"


async def test_cleanup_removes_old_rows_and_leaves_points(pool):
    await give(pool)
    # In the evening, by Postgres's clock, the community's day is the next one.
    old = old_thanks.THANKS_KEPT_DAYS + 2
    await pool.execute("UPDATE twinstream.thanks SET day = day - $1::int", old)
    await give(pool, receiver=CID, entity="2")

    async with pool.acquire() as conn:
        assert await old_thanks.remove(conn, reactions_kept_days=9, limit=100) == 1
        assert await old_thanks.remove(conn, reactions_kept_days=9, limit=100) == 0

    assert await pool.fetchval("SELECT count(*) FROM twinstream.thanks") == 1
    assert await reputation(pool, BOB) == 1
