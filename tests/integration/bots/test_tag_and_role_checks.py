"""Tags and roles that bots observe: manual changes are undone, returned members displayed again."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from bots.features.room import Observation
from bots.features.tag_and_role_checks.checker import DisplayChecker
from bots.runtime.database import Database
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db.ledger.ranks import RankRow, set_ranks
from db.members.accounts import remember_name
from db.surfaces import ABSENT, RECONCILE
from db.surfaces.display_visits import Visit, mark_shown, park, take
from db.surfaces.observed import clock, note_absent
from tests.support.recorded_events import Record, achievement, record, xp
from tests.support.settling import until

WHO = 1001
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-100),
    discord=DiscordSetting(guild_id=1),
    ranks=(
        Rank(name="Newcomer", xp=10, telegram_tag="Newcomer", discord_role=11),
        Rank(name="Plain", xp=100),
    ),
    achievements=(AchievementSetting(name="first_win", title="First win", discord_role=21),),
)


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in COMMUNITY.ranks])


@pytest.fixture
def checker(pool: asyncpg.Pool) -> DisplayChecker:
    return DisplayChecker(Database(pool, "telegram"), COMMUNITY)


def later() -> datetime:
    """A moment after everything that happened so far."""
    return datetime.now(UTC) + timedelta(seconds=1)


async def due(pool: asyncpg.Pool) -> list[Visit]:
    return await take(pool, "telegram", limit=10, lease_s=60.0)


async def show(pool: asyncpg.Pool, *envelopes) -> None:
    """Record the events, and mark their effects as displayed."""
    await record(pool, *envelopes)
    for visit in await due(pool):
        await mark_shown(pool, visit)


async def test_the_right_tag_needs_nothing(pool, checker):
    await show(pool, xp(15))

    await checker.check(Observation(WHO, "Newcomer", later()))

    assert await due(pool) == []


@pytest.mark.parametrize("tag", ["", "Champion"])
async def test_a_tag_changed_by_hand_is_put_back_with_low_priority(pool, checker, tag):
    await show(pool, xp(15))

    await checker.check(Observation(WHO, tag, later()))

    [visit] = await due(pool)
    assert (visit.wanted, visit.put_back, visit.priority) == ({"rank": 1}, True, RECONCILE)


async def test_a_tag_observed_before_it_was_displayed_is_ignored(pool, checker):
    await show(pool, xp(15))

    await checker.check(Observation(WHO, "", datetime.now(UTC) - timedelta(minutes=1)))

    assert await due(pool) == []


async def test_a_member_without_a_rank_or_a_ranks_tag_may_choose_their_tag(pool, checker):
    await show(pool, xp(5))
    await checker.check(Observation(WHO, "Champion", later()))
    assert await due(pool) == []

    await show(pool, xp(100, "2"))
    await checker.check(Observation(WHO, "Queen", later()))
    assert await due(pool) == []


async def test_an_absent_member_is_displayed_again_at_their_next_message(pool, checker):
    await record(pool, xp(15))
    [visit] = await due(pool)
    await park(pool, visit, cause=ABSENT, error="is not in the Telegram group")
    assert await due(pool) == []

    await checker.check(Observation(WHO, "", later()))

    [visit] = await due(pool)
    assert visit.wanted == {"rank": 1}


async def test_the_tag_that_an_absent_member_wore_is_still_known(pool, checker):
    """The member may never have been away; then they wear it, and the worker may replace it."""
    await show(pool, xp(15))
    async with pool.acquire() as conn:
        await note_absent(pool, "telegram", [WHO], await clock(conn), why="was not on the list")

    await checker.check(Observation(WHO, "Newcomer", later()))

    [visit] = await due(pool)
    assert visit.unconfirmed == {"rank": {0, 1}}


async def test_manual_changes_can_be_left_alone(pool):
    community = msgspec.structs.replace(COMMUNITY, keep_manual_changes=True)
    checker = DisplayChecker(Database(pool, "telegram"), community)
    await show(pool, xp(15))

    await checker.check(Observation(WHO, "Champion", later()))

    assert await due(pool) == []


@pytest.mark.parametrize(
    ("held", "right"),
    [({11, 21}, True), ({11, 21, 99}, True), ({11}, False), ({21}, False), (set(), False)],
)
async def test_only_configured_roles_are_compared(pool, checker, held, right):
    await show(pool, xp(15), achievement("first_win"))

    await checker.check(Observation(WHO, frozenset(held), later()))

    assert (await due(pool) == []) is right


async def test_roles_are_not_compared_while_something_is_still_to_be_displayed(pool, checker):
    await show(pool, xp(15))
    await record(pool, achievement("first_win"))

    await checker.check(Observation(WHO, frozenset(), later()))

    [visit] = await due(pool)
    assert visit.shown == {"rank": 1, "achievement:first_win": None}


async def test_a_look_that_was_right_before_a_change_is_wrong_after_it(pool, checker):
    """The member looked so a moment ago, when nothing else was wanted."""
    await show(pool, xp(5))
    await checker.check(Observation(WHO, "", later()))
    await show(pool, xp(10, "2"))

    await checker.check(Observation(WHO, "", later()))

    [visit] = await due(pool)
    assert (visit.wanted, visit.put_back) == ({"rank": 1}, True)


async def test_of_several_observations_that_wait_the_last_one_counts(pool, checker):
    await show(pool, xp(15))
    await checker.note(Observation(WHO, "Newcomer", later()))
    await checker.note(Observation(WHO, "Champion", later()))
    checking = asyncio.create_task(checker.run(None))

    async def is_put_back() -> bool:
        return bool(await due(pool))

    await until(is_put_back, what="the last observation is checked")
    checking.cancel()
    await asyncio.wait([checking])


@pytest.mark.parametrize("look", ["Newcomer", frozenset({11}), frozenset({21, 99})])
@pytest.mark.parametrize("earned", [(), (xp(5),)], ids=["nothing", "too little"])
async def test_what_a_member_without_a_rank_was_given_by_hand_is_taken(pool, checker, earned, look):
    await show(pool, *earned)
    async with pool.acquire() as conn:
        await remember_name(conn, "telegram", WHO, "Ann")

    await checker.check(Observation(WHO, look, later()))

    [visit] = await due(pool)
    assert (visit.wanted, visit.priority) == ({"rank": 0}, RECONCILE)


async def test_a_rank_that_has_no_tag_does_not_wear_the_tag_of_another(pool, checker):
    await show(pool, xp(100))

    await checker.check(Observation(WHO, "Newcomer", later()))

    [visit] = await due(pool)
    assert visit.wanted == {"rank": 2}


async def test_the_old_tag_of_a_rank_that_waits_to_be_shown_is_no_change_by_hand(pool, checker):
    await show(pool, xp(15))
    await record(pool, xp(-15, "2"))

    await checker.check(Observation(WHO, "Newcomer", later()))

    [visit] = await due(pool)
    assert not visit.put_back


async def test_holders_of_a_role_of_another_bot_are_left_alone(pool):
    alone = msgspec.structs.replace(COMMUNITY.discord, leave_alone_roles=(77,))
    community = msgspec.structs.replace(COMMUNITY, discord=alone)
    checker = DisplayChecker(Database(pool, "telegram"), community)
    await show(pool, xp(15))

    await checker.check(Observation(WHO, frozenset({77}), later()))

    assert await due(pool) == []


async def test_an_unknown_account_and_an_outage_of_postgres_raise_nothing(pool):
    checker = DisplayChecker(Database(pool, "telegram"), COMMUNITY)
    await checker.check(Observation(4242, "Champion", later()))
    await pool.close()

    await checker.check(Observation(WHO, "Champion", later()))
