"""The group's members, as Telegram names them, and what counts while it cannot say."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot

from bots.telegram_bot.group.membership import Membership
from config import Settings, telegram_session
from sandbox import Fault
from tests.support.telegram_display import ALICE, LOOK, STRANGER, VERA, Group

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


async def test_a_member_is_asked_about_once_a_while(bot: Bot, group: Group):
    membership = Membership(GROUP)

    assert [await membership.includes(bot, ALICE) for _ in range(3)] == [True] * 3

    assert len(group.calls(LOOK)) == 1


async def test_a_member_who_left_is_outside_once_the_memory_ends(bot: Bot, group: Group):
    now = 0.0
    membership = Membership(GROUP, clock=lambda: now)
    assert await membership.includes(bot, ALICE)
    group.platform.leave(ALICE)

    now = 10**6

    assert not await membership.includes(bot, ALICE)


async def test_a_user_whom_telegram_does_not_know_is_outside(bot: Bot):
    assert not await Membership(GROUP).includes(bot, STRANGER)


async def test_while_telegram_cannot_say_a_user_counts_as_inside_and_as_no_administrator(
    bot: Bot, group: Group
):
    membership = Membership(GROUP)
    group.faults.add(Fault("telegram", LOOK, 500, times=2))

    assert await membership.includes(bot, STRANGER)
    assert not await membership.is_administrator(bot, VERA)

    assert not await membership.includes(bot, STRANGER)
    assert await membership.is_administrator(bot, VERA)
