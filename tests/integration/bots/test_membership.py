"""The group's members, as Telegram names them, and what counts while it cannot say."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from aiogram import Bot
from aiogram.types import ChatPermissions

from bots.telegram_bot.group.membership import OUTSIDE_S, Membership, Standing
from config import Settings, telegram_session
from sandbox import Fault
from tests.support.telegram_display import ALICE, BORIS, LOOK, STRANGER, VERA, Group

GROUP = -1001000000001


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    async with Group() as group:
        yield group


@pytest.fixture
async def bot(group: Group) -> AsyncIterator[Bot]:
    settings = group.known_to(Settings())
    async with Bot(settings.telegram_token or "", session=telegram_session(settings)) as bot:
        yield bot


@pytest.fixture
def membership() -> Membership:
    return Membership(GROUP)


async def test_a_member_is_asked_about_once_a_while(bot: Bot, group: Group, membership: Membership):
    for _ in range(3):
        assert await membership.standing(bot, ALICE) is Standing.INSIDE

    assert len(group.calls(LOOK)) == 1


async def test_a_member_who_left_is_outside_once_the_memory_ends(bot: Bot, group: Group):
    now = 0.0
    membership = Membership(GROUP, clock=lambda: now)
    assert await membership.standing(bot, ALICE) is Standing.INSIDE
    group.platform.leave(ALICE)

    now = 10**6

    assert await membership.standing(bot, ALICE) is Standing.OUTSIDE


async def test_a_stranger_is_asked_about_once_a_minute(bot: Bot, group: Group):
    now = 0.0
    membership = Membership(GROUP, clock=lambda: now)
    for _ in range(3):
        assert await membership.standing(bot, STRANGER) is Standing.OUTSIDE
    assert len(group.calls(LOOK)) == 1

    now = OUTSIDE_S
    await membership.standing(bot, STRANGER)

    assert len(group.calls(LOOK)) == 2


async def test_a_stranger_who_joins_is_asked_about_at_once(
    bot: Bot, group: Group, membership: Membership
):
    group.platform.leave(ALICE)
    assert await membership.standing(bot, ALICE) is Standing.OUTSIDE
    group.platform.join(ALICE)

    membership.forget(ALICE)

    assert await membership.standing(bot, ALICE) is Standing.INSIDE


async def test_a_muted_member_is_muted_and_a_restricted_one_who_may_write_is_inside(
    bot: Bot, membership: Membership
):
    muted = ChatPermissions(can_send_messages=False)
    no_pictures = ChatPermissions(can_send_messages=True, can_send_photos=False)
    await bot.restrict_chat_member(GROUP, ALICE, muted)
    await bot.restrict_chat_member(GROUP, BORIS, no_pictures, use_independent_chat_permissions=True)

    assert await membership.standing(bot, ALICE) is Standing.MUTED
    assert await membership.standing(bot, BORIS) is Standing.INSIDE


@pytest.mark.parametrize("status", ["kicked", "left"])
async def test_while_the_bot_is_not_in_the_group_nobody_counts_as_inside(
    bot: Bot, group: Group, membership: Membership, status: Literal["kicked", "left"]
):
    group.platform.people.set_bot(status)
    assert await membership.standing(bot, ALICE) is Standing.UNKNOWN
    assert not await membership.is_administrator(bot, VERA)
    group.platform.people.set_bot("administrator")

    membership.forget_all()

    assert await membership.standing(bot, ALICE) is Standing.INSIDE


async def test_while_the_group_has_a_new_id_nobody_counts_as_inside(
    bot: Bot, group: Group, membership: Membership
):
    group.platform.people.migrate()

    assert await membership.standing(bot, ALICE) is Standing.UNKNOWN


@pytest.mark.parametrize(
    "fault",
    [
        Fault("telegram", LOOK, 500),
        Fault("telegram", LOOK, 429, retry_after=30),
        Fault("telegram", LOOK, 500, when="hangup"),
        Fault("telegram", LOOK, 400, description="Bad Request: chat not found"),
        Fault("telegram", LOOK, 0, when="garbled", changes={"result": {"status": "hologram"}}),
    ],
    ids=["broken", "flood", "hangup", "no chat", "unreadable"],
)
async def test_while_telegram_cannot_say_a_user_is_no_member_and_no_administrator(
    bot: Bot, group: Group, fault: Fault
):
    now = 0.0
    membership = Membership(GROUP, clock=lambda: now)
    group.faults.add(dataclasses.replace(fault, times=2))

    assert await membership.standing(bot, ALICE) is Standing.UNKNOWN
    now = 60.0
    assert not await membership.is_administrator(bot, VERA)

    now = 120.0
    assert await membership.standing(bot, ALICE) is Standing.INSIDE
    assert await membership.is_administrator(bot, VERA)


async def test_a_flood_limit_is_not_waited_for_and_telegram_not_asked_meanwhile(
    bot: Bot, group: Group, membership: Membership
):
    group.faults.add(Fault("telegram", LOOK, 429, retry_after=30))

    for user_id in (ALICE, BORIS, STRANGER):
        assert await membership.standing(bot, user_id) is Standing.UNKNOWN

    assert len(group.calls(LOOK)) == 1
