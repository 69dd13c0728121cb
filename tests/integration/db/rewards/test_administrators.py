"""Rewards by administrators in Postgres: once per command, within limits, and on record."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from db.earning import Earning, Rules, windows
from db.links import links
from db.rewards import administrators
from db.rewards.administrators import Given, Note, Reward, RewardLimits
from db.upkeep.audit import audit
from tests.support.postgres_clock import PostgresClock
from tests.support.recorded_events import Record, record, xp

ADMINISTRATOR, TG, DC, OTHER = 42, 1001, 2002, 1003
LIMITS = RewardLimits(rewards=3, xp=100, balance=50)
QUIZ = Reward("-100.1", xp=30, balance=5, reason="for the quiz")
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture
async def clock(pool: asyncpg.Pool) -> AsyncIterator[PostgresClock]:
    clock = PostgresClock(pool)
    await clock.begin()
    await clock.set(NOW)
    yield clock
    async with pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []


async def give(
    pool: asyncpg.Pool, reward: Reward = QUIZ, *, to: int = TG, by: int = ADMINISTRATOR
) -> Given:
    async with pool.acquire() as conn:
        return await administrators.give(conn, "telegram", by, to, reward, LIMITS)


async def test_a_reward_is_given_once_and_is_on_record_with_actor_and_reason(pool, books, clock):
    first, again = await give(pool), await give(pool)

    assert first == Given("given", 30, 5, False, None)
    assert again == first._replace(outcome="again")
    assert await books.totals() == (30, 5)
    async with pool.acquire() as conn:
        notes = await administrators.notes_of(conn, "telegram", TG, limit=5)
    assert notes == {("telegram", "-100.1"): Note(ADMINISTRATOR, "for the quiz")}


async def test_a_command_that_comes_twice_at_one_moment_counts_once(pool, books, clock):
    both = await asyncio.gather(give(pool), give(pool))

    assert sorted(one.outcome for one in both) == ["again", "given"]
    assert await books.totals() == (30, 5)


async def test_xp_in_an_open_window_can_be_taken_away(pool, books, clock):
    async with pool.acquire() as conn:
        await windows.earn(
            conn,
            "telegram",
            [Earning(TG, "messages", 15, NOW - timedelta(hours=1), 60.0, 600)],
            Rules(window_s=3_600, zone=UTC),
        )
    taken = await give(pool, Reward("-100.2", xp=-15, reason="back"))

    assert taken.outcome == "given"
    assert await books.totals() == (0, 0)


async def test_an_administrator_gives_and_takes_within_the_limits_of_24_hours(pool, books, clock):
    await give(pool)
    await clock.set(NOW + timedelta(hours=1))
    too_much = await give(pool, Reward("-100.2", xp=71, reason="more"))
    await give(pool, Reward("-100.3", xp=-20, reason="back"))
    await give(pool, Reward("-100.4", xp=50, reason="more"))
    too_often = await give(pool, Reward("-100.5", balance=1, reason="more"))
    by_another = await give(pool, Reward("-100.6", xp=100, reason="more"), by=OTHER)
    await clock.set(NOW + timedelta(hours=24))
    next_day = await give(pool, Reward("-100.7", xp=30, reason="more"))

    assert too_much == Given("limited", 70, 45, False, NOW + timedelta(hours=24))
    assert too_often == Given("limited", 0, 45, False, NOW + timedelta(hours=24))
    assert (by_another.outcome, next_day.outcome) == ("given", "given")
    assert await books.totals() == (30 - 20 + 50 + 100 + 30, 5)


async def test_rewards_side_by_side_keep_the_limits(pool, books, clock):
    rewards = [Reward(f"-100.{number}", xp=40, reason="quiz") for number in range(5)]
    given = await asyncio.gather(*(give(pool, one, to=TG + n) for n, one in enumerate(rewards)))

    assert sorted(one.outcome for one in given) == ["given"] * 2 + ["limited"] * 3


async def test_nothing_is_taken_that_the_member_does_not_have(pool, books, clock):
    await record(pool, xp(10))
    taken = await give(pool, Reward("-100.1", xp=-11, reason="spam"))
    to_zero = await give(pool, Reward("-100.2", xp=-10, reason="spam"))

    assert taken == Given("less", 10, 0, False, None)
    assert to_zero.outcome == "given"
    assert await books.totals() == (0, 0)
    assert await books.count("rewards") == 1


async def test_nobody_rewards_themselves_nor_their_other_account(pool, books, clock):
    async with pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)

    own = await give(pool, by=TG)

    assert own.outcome == "own"
    assert await books.count("rewards") == 0


async def test_an_achievement_is_unlocked_once_per_person(pool, books, clock):
    organiser = Reward("-100.1", achievement="organiser", reason="for it")
    first = await give(pool, organiser)
    held = await give(pool, organiser._replace(entity_id="-100.2"))
    with_xp = await give(pool, organiser._replace(entity_id="-100.3", xp=5))

    assert (first.outcome, first.unlocked) == ("given", True)
    assert held.outcome == "held"
    assert (with_xp.outcome, with_xp.unlocked, with_xp.xp) == ("given", False, 5)


async def test_what_a_linked_member_got_on_the_other_platform_is_noted_here_too(pool, books, clock):
    async with pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    await give(pool)

    async with pool.acquire() as conn:
        assert await administrators.notes_of(conn, "discord", DC, limit=5) == {
            ("telegram", "-100.1"): Note(ADMINISTRATOR, "for the quiz")
        }
