"""Tags of members on Telegram, as reconcile reads them: real aiogram, the sandbox's Telegram."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot

from config import Settings, telegram_session
from consumers.display.role import DisplayRole
from consumers.display.telegram_tags.tags import open_role
from consumers.reconcile.platforms import open_platform_subjects
from consumers.reconcile.port import CannotRead
from sandbox import Fault, load_seed
from tests.support.appearance import WornDesk
from tests.support.members import MemberDesk
from tests.support.telegram_display import ALICE, BORIS, LOOK, SET, Group

GROUP = load_seed().telegram.group
MAY_PROMOTE = frozenset({*GROUP.bot_rights, "can_promote_members"})


@pytest.fixture
def settings(settings: Settings, group: Group) -> Settings:
    return group.known_to(settings)


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "telegram")


@pytest.fixture
async def worker(resources) -> AsyncIterator[DisplayRole]:
    """The role that shows ranks."""
    async with open_role(resources) as role:
        yield role


@pytest.fixture
async def desk(resources, pool) -> AsyncIterator[WornDesk]:
    async with open_platform_subjects(resources) as looking:
        assert looking.alarm is None
        [tags] = looking.subjects
        yield WornDesk(pool, tags)


async def test_whose_tag_is_right_shows_no_difference(desk, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()

    [row] = await desk.read(ALICE)

    assert row.seen == row.expected == {"tag": "'Newcomer'"}
    assert row.is_there


@pytest.mark.parametrize(
    ("by_hand", "told"),
    [
        ("Champion", "'Champion'"),
        pytest.param("", "no tag", marks=pytest.mark.nightly),
        ("no tag", "'no tag'"),
    ],
)
async def test_a_tag_changed_by_hand_is_seen_and_put_back(
    desk, group, worker, people, by_hand, told
):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.tag(ALICE, by_hand)

    [row] = await desk.read(ALICE)
    repair = await desk.repair(row)
    await worker.step()

    assert row.seen == {"tag": told}
    assert row.expected == {"tag": "'Newcomer'"}
    assert repair.decision == "repaired"
    assert group.tag_of(ALICE) == "Newcomer"


async def test_what_is_right_again_is_not_repaired(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.tag(ALICE, "Champion")
    [row] = await desk.read(ALICE)
    group.platform.people.tag(ALICE, "Newcomer")

    assert (await desk.repair(row)).decision == "gone"
    assert await worker.step() == 0


async def test_whose_rank_has_no_tag_may_call_themselves_what_they_like(
    desk, group, worker, people
):
    await people.give_xp(ALICE, 5)
    await worker.step()
    group.platform.people.tag(ALICE, "Champion")

    [row] = await desk.read(ALICE)

    assert row.seen == row.expected == {}


async def test_who_is_about_to_be_shown_something_is_left_out(desk, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    await people.give_xp(ALICE, 25)

    assert await desk.read(ALICE) == []


async def test_who_left_wears_nothing_and_that_is_no_drift(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    group.platform.people.leave(ALICE)

    gone, there = await desk.read(ALICE, BORIS)

    assert not gone.is_there
    assert gone.seen == gone.expected == {}
    assert there.is_there
    assert await desk.parked() == ["absent"]


async def test_who_came_back_unheard_is_shown_again(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.leave(ALICE)
    await desk.read(ALICE)
    group.platform.people.join(ALICE)

    assert await desk.read(ALICE) == []
    await worker.step()

    assert group.tag_of(ALICE) == "Newcomer"


async def test_whom_somebody_made_an_administrator_is_no_drift(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.promote(ALICE)

    [row] = await desk.read(ALICE)

    assert not row.is_there
    assert row.seen == row.expected == {}
    assert await desk.parked() == []


async def test_a_title_changed_by_hand_is_seen(desk, group, settings, worker, people):
    group.platform.people.set_bot("administrator", MAY_PROMOTE)
    session = telegram_session(settings)
    bot = Bot(settings.telegram_token, session=session)
    await bot.promote_chat_member(GROUP.id, ALICE, can_invite_users=True)
    await people.give_xp(ALICE, 10)
    await worker.step()
    await bot.set_chat_administrator_custom_title(GROUP.id, ALICE, "Champion")
    await session.close()

    [row] = await desk.read(ALICE)

    assert (row.seen, row.expected) == ({"tag": "'Champion'"}, {"tag": "'Newcomer'"})


async def test_nothing_is_concluded_from_everybody_being_unknown(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    group.faults.add(
        Fault("telegram", LOOK, 400, times=3, description="Bad Request: user not found")
    )

    with pytest.raises(CannotRead, match="not even the bot"):
        await desk.read(ALICE, BORIS)

    assert await desk.parked() == []


async def test_a_single_member_who_left_is_believed_when_telegram_knows_the_bot(
    desk, group, worker, people
):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.leave(ALICE)

    [row] = await desk.read(ALICE)

    assert not row.is_there
    assert await desk.parked() == ["absent"]


async def test_a_group_that_has_a_new_id_is_read_there(desk, group, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    group.platform.people.migrate()

    [row] = await desk.read(ALICE)

    assert row.seen == row.expected == {"tag": "'Newcomer'"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("telegram", LOOK, 500),
        Fault("telegram", LOOK, 429, retry_after=7),
        pytest.param(
            Fault("telegram", LOOK, 400, description="Bad Request: chat not found"),
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            Fault("telegram", LOOK, 403, description="Forbidden: bot was kicked"),
            marks=pytest.mark.nightly,
        ),
        Fault("telegram", LOOK, 400, when="hangup"),
    ],
    ids=["5xx", "flood", "another chat", "kicked", "hangup"],
)
async def test_an_answer_that_says_nothing_of_the_member_leaves_everybody_out(
    desk, group, worker, people, fault
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    group.faults.add(fault)

    with pytest.raises(CannotRead):
        await desk.read(ALICE, BORIS)

    assert len(group.calls(SET)) == 2
