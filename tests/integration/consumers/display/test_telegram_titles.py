"""Administrators, who cannot be tagged: the real aiogram against the sandbox's Telegram."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot

from config import Settings, telegram_session
from consumers.display.role import DisplayRole
from consumers.display.telegram_tags.tags import open_role
from db.surfaces.observed import show_again
from sandbox import Fault, load_seed
from tests.support.announced import take_announcements
from tests.support.members import MemberDesk
from tests.support.telegram_display import ADA, ALICE, LOOK, SET, SET_TITLE, VERA, Group

GROUP = load_seed().telegram.group
MAY_PROMOTE = frozenset({*GROUP.bot_rights, "can_promote_members"})


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    group = Group()
    await group.platform.start()
    group.platform.people.set_bot("administrator", MAY_PROMOTE)
    yield group
    await group.platform.stop()


@pytest.fixture
def settings(settings: Settings, group: Group) -> Settings:
    return group.known_to(settings)


@pytest.fixture
async def role(resources) -> AsyncIterator[DisplayRole]:
    async with open_role(resources) as role:
        yield role


@pytest.fixture
async def bot(settings) -> AsyncIterator[Bot]:
    """The bot itself, to promote members."""
    session = telegram_session(settings)
    yield Bot(settings.telegram_token, session=session)
    await session.close()


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "telegram")


async def test_an_administrator_whom_the_bot_promoted_wears_the_rank_as_a_title(
    role, group, people, bot
):
    await bot.promote_chat_member(GROUP.id, ALICE, can_invite_users=True)
    await people.give_xp(ALICE, 10)
    await role.step()
    assert group.title_of(ALICE) == "Newcomer"

    await people.give_xp(ALICE, 25)
    await role.step()

    assert group.title_of(ALICE) == "Regular"
    assert await people.error(ALICE) is None
    assert group.calls(SET) == []
    assert {call.status for call in group.calls(SET_TITLE)} == {200}


async def test_a_title_goes_with_the_rank(role, group, people, bot):
    await bot.promote_chat_member(GROUP.id, ALICE, can_invite_users=True)
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, -5)

    await role.step()

    assert group.title_of(ALICE) == ""


async def test_a_title_that_does_not_go_is_left_alone(role, group, people, bot):
    """aiogram leaves an empty title out of the call; Telegram may take that for no change."""
    await bot.promote_chat_member(GROUP.id, ALICE, can_invite_users=True)
    await people.give_xp(ALICE, 10)
    await role.step()
    group.faults.add(Fault("telegram", SET_TITLE, 200, when="dropped"))
    await people.give_xp(ALICE, -5)

    for _ in range(4):
        await role.step()

    assert len(group.calls(SET_TITLE)) == 2
    assert "title" in await people.error(ALICE)
    assert 23 * 3_600 < await people.retry_in_s(ALICE) <= 24 * 3_600


async def test_a_refused_title_is_a_matter_of_that_administrator(role, group, people, bot):
    await bot.promote_chat_member(GROUP.id, ALICE, can_invite_users=True)
    group.faults.add(
        Fault("telegram", SET_TITLE, 400, description="Bad Request: not enough rights", times=9)
    )
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(1002, 10)

    for _ in range(4):
        await role.step()

    assert len(group.calls(SET_TITLE)) == 1
    assert group.tag_of(1002) == "Newcomer"


@pytest.mark.parametrize("user_id", [ADA, VERA], ids=["promoted by the owner", "the owner"])
async def test_an_administrator_whom_the_bot_did_not_promote_is_visited_once_a_day(
    role, group, people, pool, user_id
):
    await people.give_xp(user_id, 10)
    await people.give_xp(ALICE, 10)

    for _ in range(4):
        await role.step()

    assert "administrator" in await people.error(user_id)
    assert 23 * 3_600 < await people.retry_in_s(user_id) <= 24 * 3_600
    looks = [call for call in group.calls(LOOK) if str(user_id) == str(call.request["user_id"])]
    assert len(looks) == 1
    assert (len(group.calls(SET)), len(group.calls(SET_TITLE))) == (1, 0)
    await people.retry_now()
    await role.step()
    assert (len(group.calls(SET)), len(group.calls(SET_TITLE))) == (1, 0)


async def test_what_an_administrator_reaches_is_announced_although_they_cannot_wear_it(
    role, people, pool
):
    await people.give_xp(ADA, 10)
    await role.step()
    await people.retry_now()
    await role.step()

    async with pool.acquire() as conn:
        told = await take_announcements(conn, "telegram", limit=9)
        again = await take_announcements(conn, "telegram", limit=9)

    assert [(one.account_id, one.surface, one.number) for one in told] == [(ADA, "rank", 1)]
    assert again == []


async def test_a_member_who_is_no_administrator_any_more_is_tagged(role, group, people, pool):
    await people.give_xp(ADA, 10)
    await role.step()
    group.platform.people.demote(ADA)

    async with pool.acquire() as conn:
        await show_again(conn, "telegram", ADA)  # as the bot does when it hears of it
    await role.step()

    assert group.tag_of(ADA) == "Newcomer"
    assert await people.error(ADA) is None
