"""Telegram's flood limits: the calls that count, the chats that share a limit, the refusal."""

import json

import pytest

from sandbox import Rate
from sandbox.telegram_api import TelegramLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002


@pytest.fixture
def telegram_limits():
    return TelegramLimits(overall=Rate(6, 60.0), chat=Rate(3, 60.0), group=Rate(2, 100.5))


async def test_a_group_has_a_limit_of_its_own(telegram, call):
    for _ in range(2):
        assert (await call("sendMessage", chat_id=GROUP, text="x"))["ok"]
    refused = await call("sendMessage", chat_id=GROUP, text="x")
    assert refused["error_code"] == 429
    assert refused["parameters"] == {"retry_after": 101}
    assert refused["description"] == "Too Many Requests: retry after 101"
    assert len(telegram.messages(GROUP)) == 2


async def test_edits_count_and_reading_does_not(telegram, call):
    await call("sendMessage", chat_id=GROUP, text="x")
    await call("editMessageText", chat_id=GROUP, message_id=1, text="y")
    edit = await call("editMessageText", chat_id=GROUP, message_id=1, text="z")
    assert edit["error_code"] == 429
    for _ in range(10):
        assert (await call("getChatMemberCount", chat_id=GROUP))["ok"]


async def test_chats_are_counted_apart_and_all_together(telegram, call):
    telegram.say(ALICE, ALICE, "/start")
    telegram.say(BORIS, BORIS, "/start")
    sent = [(await call("sendMessage", chat_id=ALICE, text="x"))["ok"] for _ in range(4)]
    assert sent == [True, True, True, False]
    sent = [(await call("sendMessage", chat_id=BORIS, text="x"))["ok"] for _ in range(3)]
    assert sent == [True, True, True]
    tag = await call("setChatMemberTag", chat_id=GROUP, user_id=ALICE, tag="x")
    assert tag["error_code"] == 429


async def test_a_refused_call_counts_for_nothing(telegram, call, transcript):
    for _ in range(2):
        await call("sendMessage", chat_id=GROUP, text="x")
    for _ in range(5):
        await call("sendMessage", chat_id=GROUP, text="x")
    telegram.say(ALICE, ALICE, "/start")
    assert (await call("sendMessage", chat_id=ALICE, text="x"))["ok"]
    statuses = [made.status for made in transcript.calls(name="sendMessage")]
    assert statuses == [200] * 2 + [429] * 5 + [200]


async def test_a_reset_forgets_the_count(telegram, call):
    for _ in range(2):
        await call("sendMessage", chat_id=GROUP, text="x")
    telegram.reset()
    assert (await call("sendMessage", chat_id=GROUP, text="x"))["ok"]


async def test_limits_scale_with_their_windows():
    assert json.loads(json.dumps(TelegramLimits().scaled(0.5).group)) == [20, 30.0]
