"""Things that expire on the Telegram side: answers to buttons, ephemeral replies, bans."""

import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox import SandboxError
from sandbox.telegram_api import TelegramPlatform

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
ON_ALICE = {"chat_id": GROUP, "user_id": ALICE}
BUTTONS = json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})


class WallClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock()


@pytest_asyncio.fixture(loop_scope="module")
async def telegram(seed, transcript, faults, wall_clock) -> AsyncIterator[TelegramPlatform]:
    platform = TelegramPlatform(seed, transcript, faults, wall_clock=wall_clock)
    await platform.start()
    yield platform
    await platform.stop()


async def status(call, user_id: int) -> str:
    found = await call("getChatMember", chat_id=GROUP, user_id=user_id)
    return found["result"]["status"]


async def test_a_button_answered_too_late_is_refused(telegram, call, wall_clock):
    await call("sendMessage", chat_id=GROUP, text="x", reply_markup=BUTTONS)
    query = telegram.click(GROUP, 1, ALICE, "go")
    wall_clock.now += 61
    body = await call("answerCallbackQuery", callback_query_id=query)
    assert "query is too old" in body["description"]


async def test_an_ephemeral_command_is_answered_within_seconds(telegram, call, wall_clock):
    menu = [{"command": "me", "description": "My rank", "is_ephemeral": True}]
    await call("setMyCommands", commands=json.dumps(menu))
    telegram.say(GROUP, ALICE, "/me")
    answer = {
        "chat_id": GROUP,
        "text": "Legend",
        "reply_parameters": json.dumps({"ephemeral_message_id": 1}),
    }
    everyone = await call("sendMessage", **answer)
    assert "must be ephemeral" in everyone["description"]
    answer["ephemeral_message_parameters"] = json.dumps({"receiver_user_id": ALICE})
    assert (await call("sendMessage", **answer))["ok"]
    wall_clock.now += 17
    assert "too old" in (await call("sendMessage", **answer))["description"]


async def test_a_ban_ends_on_its_date(telegram, call, wall_clock):
    await call("banChatMember", **ON_ALICE, until_date=int(wall_clock.now) + 60)
    assert await status(call, ALICE) == "kicked"
    wall_clock.now += 61
    assert await status(call, ALICE) == "left"
    telegram.join(ALICE)
    assert await status(call, ALICE) == "member"


@pytest.mark.parametrize("seconds", [10, 367 * 86_400])
async def test_a_ban_too_short_or_too_long_is_for_ever(telegram, call, wall_clock, seconds):
    await call("banChatMember", **ON_ALICE, until_date=int(wall_clock.now) + seconds)
    wall_clock.now += seconds + 1
    assert await status(call, ALICE) == "kicked"


async def test_a_restriction_outlives_leaving_and_ends_on_its_date(telegram, call, wall_clock):
    until = int(wall_clock.now) + 60
    await call("restrictChatMember", **ON_ALICE, permissions="{}", until_date=until)
    telegram.leave(ALICE)
    telegram.join(ALICE)
    assert await status(call, ALICE) == "restricted"
    wall_clock.now += 61
    assert await status(call, ALICE) == "member"


async def test_a_message_of_more_than_two_days_stays(telegram, call, wall_clock):
    telegram.say(GROUP, ALICE, "old")
    wall_clock.now += 48 * 3600 + 1
    telegram.say(GROUP, ALICE, "new")
    body = await call("deleteMessage", chat_id=GROUP, message_id=1)
    assert body["description"] == "Bad Request: message can't be deleted for everyone"
    assert (await call("deleteMessage", chat_id=GROUP, message_id=2))["ok"]


async def test_a_live_location_ends(call, wall_clock):
    place = {"chat_id": GROUP, "latitude": 1, "longitude": 2}
    await call("sendLocation", **place, live_period=60)
    assert (await call("editMessageLiveLocation", **{**place, "latitude": 3}, message_id=1))["ok"]
    wall_clock.now += 61
    body = await call("editMessageLiveLocation", **place, message_id=1)
    assert "no live location" in body["description"]


async def test_an_invite_link_expires(telegram, call, wall_clock):
    expires = int(wall_clock.now) + 60
    link = await call("createChatInviteLink", chat_id=GROUP, expire_date=expires)
    assert telegram.join(name="Egor", invite_link=link["result"]["invite_link"])
    wall_clock.now += 61
    with pytest.raises(SandboxError, match="cannot be used"):
        telegram.join(name="Late", invite_link=link["result"]["invite_link"])
