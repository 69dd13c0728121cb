"""Telegram's flood limits: the calls that count, the chats that share a limit, the refusal."""

import json

import aiohttp
import pytest

from sandbox import Rate
from sandbox.telegram_api import TelegramLimits
from sandbox.telegram_api.people.chatting import PIXEL

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


async def test_every_item_of_an_album_counts(telegram, call):
    telegram.say(ALICE, ALICE, "/start")
    album = json.dumps([{"type": "photo", "media": f"attach://{name}"} for name in "ab"])
    sent = [
        (await call("sendMediaGroup", chat_id=ALICE, media=album, a=PIXEL, b=PIXEL))["ok"]
        for _ in range(3)
    ]
    assert sent == [True, True, False]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("sendPhoto", {"photo": PIXEL}),
        ("sendDice", {}),
        ("copyMessage", {"from_chat_id": GROUP, "message_id": 1}),
        ("forwardMessage", {"from_chat_id": GROUP, "message_id": 1}),
        ("editMessageCaption", {"message_id": 1}),
    ],
)
async def test_whatever_sends_counts(call, method, parameters):
    for _ in range(2):
        await call("sendMessage", chat_id=GROUP, text="x")
    assert (await call(method, chat_id=GROUP, **parameters))["error_code"] == 429


async def test_bots_are_counted_apart(telegram, call):
    for _ in range(2):
        await call("sendMessage", chat_id=GROUP, text="x")
    token = telegram.people.add_bot("Stranger", "stranger_bot")
    url = f"{telegram.api_base}/bot{token}/sendMessage"
    message = {"chat_id": GROUP, "text": "x"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=message) as response,
    ):
        assert response.status == 200


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
