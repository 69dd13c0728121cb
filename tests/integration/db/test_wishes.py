"""Wishes: every change of what should be displayed enters `surfaces` by the same rule."""

import asyncio

import asyncpg
import pytest

from db.ledger.ranks import RankRow, set_ranks
from db.members.accounts import remember_name
from db.reconcile import corrections
from db.surfaces.display_visits import Visit, park, take
from db.surfaces.observed import put_back
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import (
    Record,
    achievement,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)

LEASE_S = 60.0


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(
        pool, [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    )


async def take_one(pool: asyncpg.Pool, platform="telegram") -> Visit:
    [visit] = await take(pool, platform, limit=10, lease_s=LEASE_S)
    return visit


async def link(pool: asyncpg.Pool, telegram: int = 1001, discord: int = 2002) -> None:
    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", telegram)
        await redeem_code(conn, "discord", discord, code)


async def test_an_achievement_that_reconcile_puts_back_is_wanted_although_it_never_was(pool, books):
    """The link found no achievement in Discord's books, so it wished for none."""
    await record(pool, achievement("first_win"))
    await settle(pool, achievement("first_win"))
    await pool.execute("DELETE FROM achievements WHERE platform = 'discord'")
    await link(pool)
    assert await books.surface("discord", "achievement:first_win") is None

    async with pool.acquire() as conn:
        await corrections.restore_achievement(conn, "discord", await books.member(), "first_win")

    surface = await books.surface("discord", "achievement:first_win")
    assert (surface["wanted"], surface["shown"]) == (1, None)
    assert (await take_one(pool, "discord")).wanted["achievement:first_win"] == 1


async def test_an_achievement_that_reconcile_takes_away_frees_what_was_parked(pool, books):
    """The cause was of the role that was wanted, and that role is wanted no more."""
    await record(pool, achievement("first_win"))
    await park(pool, await take_one(pool), cause="role:7", error="the role is above the bot's")
    parked = await books.surface("telegram", "achievement:first_win")
    assert parked["parked"] == "role:7"

    async with pool.acquire() as conn:
        await corrections.remove_achievement(conn, "telegram", await books.member(), "first_win")

    surface = await books.surface("telegram", "achievement:first_win")
    assert surface["wanted"] == 0
    assert (surface["parked"], surface["retry_at"], surface["error"]) == (None, None, None)
    assert surface["attempts"] == 0


@pytest.mark.parametrize("how", ["an event", "a correction", "the ladder"])
async def test_a_new_wish_leaves_an_absent_member_parked(pool, books, how):
    """A visit to an absent member achieves nothing; their return frees them."""
    await record(pool, xp(35))
    await park(pool, await take_one(pool), cause="absent", error="is not in the group")

    async with pool.acquire() as conn:
        if how == "an event":
            await record(pool, xp(100, "2"))
        elif how == "a correction":
            await corrections.add_to_books(conn, "telegram", await books.member(), xp=100)
        else:
            await set_ranks(
                pool, [RankRow("Newcomer", 10), RankRow("Member", 20), RankRow("Regular", 30)]
            )

    surface = await books.surface("telegram")
    assert (surface["wanted"], surface["parked"]) == (3, "absent")
    assert surface["error"] == "is not in the group"
    assert await take(pool, "telegram", limit=10, lease_s=LEASE_S) == []


@pytest.mark.parametrize("how", ["an event", "a correction", "the ladder", "a link"])
async def test_a_new_wish_is_tried_at_once_whatever_hindered_the_old_one(pool, books, how):
    await record(pool, xp(35))
    await park(pool, await take_one(pool), cause="role:7", error="the role is above the bot's")
    await pool.execute("UPDATE surfaces SET attempts = 3")

    async with pool.acquire() as conn:
        if how == "an event":
            await record(pool, xp(100, "2"))
        elif how == "a correction":
            await corrections.add_to_books(conn, "telegram", await books.member(), xp=100)
        elif how == "a link":
            await record(pool, xp(100, user_id=2002, source="discord"), source="discord")
            await settle(pool, xp(100, user_id=2002, source="discord"), source="discord")
            await link(pool)
        else:
            await set_ranks(
                pool, [RankRow("Newcomer", 10), RankRow("Member", 20), RankRow("Regular", 30)]
            )

    assert (await take_one(pool)).wanted == {"rank": 3}
    surface = await books.surface("telegram")
    assert (surface["parked"], surface["retry_at"], surface["error"]) == (None, None, None)
    assert surface["attempts"] == 0


async def test_a_first_rank_beside_a_change_by_hand_is_what_is_wanted(pool):
    async with pool.acquire() as other:
        await remember_name(other, "telegram", 1001, "Ann")
    async with pool.acquire() as bot, pool.acquire() as checker:
        event = bot.transaction()
        await event.start()
        await bot.execute("SELECT twinstream.record_xp('telegram', 1001, 15, 'game_guess', '1')")
        putting_back = asyncio.create_task(put_back(checker, "telegram", 1001))
        await until_someone_waits_for_a_lock(pool)
        await event.commit()
        await putting_back

    assert (await take_one(pool)).wanted == {"rank": 1}
