"""What bots see in passing: who was changed by hand is put right, who is back is shown again."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from bots.members import Members
from bots.sightings import Sightings
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db import Rung, set_ladder
from db.surfaces import ABSENT, RECONCILE
from db.surfaces.observed import clock, note_absent
from db.surfaces.visits import Showing, mark_shown, park, take
from tests.support.record import Record, achievement, record, xp

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
    await set_ladder(pool, [Rung(rank.name, rank.xp) for rank in COMMUNITY.ranks])


@pytest.fixture
def sightings(pool: asyncpg.Pool) -> Sightings:
    return Sightings(Members(pool, "telegram"), COMMUNITY)


def later() -> datetime:
    """A moment after everything that happened so far."""
    return datetime.now(UTC) + timedelta(seconds=1)


async def due(pool: asyncpg.Pool) -> list[Showing]:
    return await take(pool, "telegram", limit=10, lease_s=60.0)


async def show(pool: asyncpg.Pool, *facts) -> None:
    """Record what happened, and have it shown."""
    await record(pool, *facts)
    for showing in await due(pool):
        await mark_shown(pool, showing)


async def test_the_right_tag_needs_nothing(pool, sightings):
    await show(pool, xp(15))

    await sightings.of_tag(WHO, "Newcomer", at=later())

    assert await due(pool) == []


@pytest.mark.parametrize("tag", ["", "Champion"])
async def test_a_tag_changed_by_hand_is_put_back_after_what_is_more_urgent(pool, sightings, tag):
    await show(pool, xp(15))

    await sightings.of_tag(WHO, tag, at=later())

    [showing] = await due(pool)
    assert (showing.wanted, showing.put_back, showing.priority) == ({"rank": 1}, True, RECONCILE)


async def test_a_tag_from_before_it_was_shown_says_nothing(pool, sightings):
    await show(pool, xp(15))

    await sightings.of_tag(WHO, "", at=datetime.now(UTC) - timedelta(minutes=1))

    assert await due(pool) == []


async def test_who_has_no_rank_or_one_without_a_tag_is_called_what_they_like(pool, sightings):
    await show(pool, xp(5))
    await sightings.of_tag(WHO, "Champion", at=later())
    assert await due(pool) == []

    await show(pool, xp(100, "2"))
    await sightings.of_tag(WHO, "Queen", at=later())
    assert await due(pool) == []


async def test_one_who_was_thought_gone_is_shown_again_at_their_next_message(pool, sightings):
    await record(pool, xp(15))
    [showing] = await due(pool)
    await park(pool, showing, cause=ABSENT, error="is not in the Telegram group")
    assert await due(pool) == []

    await sightings.of_tag(WHO, "", at=later())

    [showing] = await due(pool)
    assert showing.wanted == {"rank": 1}


async def test_of_one_who_was_thought_gone_it_is_still_known_what_they_wore(pool, sightings):
    """They may never have been away; then they wear it, and it is ours to replace."""
    await show(pool, xp(15))
    async with pool.acquire() as conn:
        await note_absent(pool, "telegram", [WHO], await clock(conn), why="was not on the list")

    await sightings.of_tag(WHO, "Newcomer", at=later())

    [showing] = await due(pool)
    assert showing.unconfirmed == {"rank": {0, 1}}


async def test_manual_changes_can_be_left_alone(pool):
    community = msgspec.structs.replace(COMMUNITY, keep_manual_changes=True)
    sightings = Sightings(Members(pool, "telegram"), community)
    await show(pool, xp(15))

    await sightings.of_tag(WHO, "Champion", at=later())

    assert await due(pool) == []


@pytest.mark.parametrize(
    ("held", "right"),
    [({11, 21}, True), ({11, 21, 99}, True), ({11}, False), ({21}, False), (set(), False)],
)
async def test_only_roles_of_ours_are_compared(pool, sightings, held, right):
    await show(pool, xp(15), achievement("first_win"))

    await sightings.of_roles(WHO, held, at=later())

    assert (await due(pool) == []) is right


async def test_roles_are_not_judged_while_something_is_still_to_be_shown(pool, sightings):
    await show(pool, xp(15))
    await record(pool, achievement("first_win"))

    await sightings.of_roles(WHO, set(), at=later())

    [showing] = await due(pool)
    assert showing.shown == {"rank": 1, "achievement:first_win": None}


async def test_one_who_was_found_right_is_not_asked_about_again_for_a_while(pool):
    now = [0.0]
    sightings = Sightings(Members(pool, "telegram"), COMMUNITY, clock=lambda: now[0])
    await show(pool, xp(15))
    await sightings.of_tag(WHO, "Newcomer", at=later())
    await show(pool, xp(100, "2"), xp(-100, "3"))
    await pool.execute("UPDATE surfaces SET shown = 1, wanted = 1, parked = 'absent'")

    await sightings.of_tag(WHO, "Newcomer", at=later())
    assert await pool.fetchval("SELECT parked FROM surfaces") == "absent"
    now[0] += 61.0
    await sightings.of_tag(WHO, "Newcomer", at=later())
    assert await pool.fetchval("SELECT parked FROM surfaces") is None


async def test_an_unknown_account_and_a_record_that_is_away_are_nothing_to_worry_about(pool):
    sightings = Sightings(Members(pool, "telegram"), COMMUNITY)
    await sightings.of_tag(4242, "Champion", at=later())
    await pool.close()

    await sightings.of_tag(WHO, "Champion", at=later())
