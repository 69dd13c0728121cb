"""A link in the seconds between an unlock and its announcement: the account's own news is told."""

import asyncpg
import pytest

import schemas
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db import Platform
from db.ledger.ranks import RankRow, set_ranks
from db.surfaces.announcements import Announcement
from db.surfaces.display_visits import mark_shown
from db.surfaces.display_visits import take as take_visits
from tests.support.announced import take_announcements
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import achievement, record, settle, xp

TELEGRAM, DISCORD = 1001, 2002
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-100),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10), Rank(name="Regular", xp=25)),
    achievements=(AchievementSetting(name="first_win", title="First win"),),
)


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in COMMUNITY.ranks])


async def show(pool: asyncpg.Pool, platform: Platform = "discord") -> None:
    for visit in await take_visits(pool, platform, limit=10, lease_s=60.0):
        await mark_shown(pool, visit)


async def link(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as conn:
        code = await issue_code(conn, "discord", DISCORD)
        await redeem_code(conn, "telegram", TELEGRAM, code)


async def told(
    pool: asyncpg.Pool, platform: Platform = "discord", user_id: int = DISCORD
) -> set[tuple[str, int]]:
    """Return the numbers that the bot of a platform announces now."""
    async with pool.acquire() as conn:
        news: list[Announcement] = await take_announcements(conn, platform, limit=10)
    assert {one.account_id for one in news} <= {user_id}
    return {(one.surface, one.number) for one in news}


@pytest.mark.parametrize("shown_first", [True, False], ids=["shown", "not yet shown"])
async def test_an_achievement_that_was_just_unlocked_is_announced_after_a_link(pool, shown_first):
    await record(pool, xp(15))
    await record(
        pool, achievement("first_win", user_id=DISCORD, source="discord"), source="discord"
    )
    if shown_first:
        await show(pool)

    await link(pool)
    await show(pool)

    assert ("achievement:first_win", 1) in await told(pool)
    await show(pool)
    assert await told(pool) == set()


@pytest.mark.parametrize("shown_first", [True, False], ids=["shown", "not yet shown"])
@pytest.mark.parametrize(("of_partner", "news"), [(5, {("rank", 1)}), (20, set())])
@pytest.mark.parametrize(
    ("platform", "user_id", "partner"),
    [("discord", DISCORD, TELEGRAM), ("telegram", TELEGRAM, DISCORD)],
)
async def test_a_rank_is_announced_if_the_account_reached_it_by_itself(
    pool, shown_first, of_partner, news, platform, user_id, partner
):
    """With 20 XP more the two accounts have the next rank, which neither of them reached."""
    other = schemas.opposite(platform)
    earned = xp(of_partner, user_id=partner, source=other)
    await record(pool, earned, source=other)
    await settle(pool, earned, source=other)
    await record(pool, xp(15, user_id=user_id, source=platform), source=platform)
    if shown_first:
        await show(pool, platform)

    await link(pool)
    await show(pool, platform)

    assert await told(pool, platform, user_id) == news


async def test_an_old_achievement_is_not_announced_again_by_a_link(pool):
    await record(
        pool, achievement("first_win", user_id=DISCORD, source="discord"), source="discord"
    )
    await show(pool)
    assert await told(pool) == {("achievement:first_win", 1)}

    await link(pool)
    await show(pool)

    assert await told(pool) == set()
