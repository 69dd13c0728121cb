"""Several bots beside each other: each sees what Telegram shows it, and none another's messages."""

import json

import aiohttp
import pytest
import pytest_asyncio

from sandbox import SandboxError
from sandbox.telegram_api import Manner

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE = -1001000000001, 1001
TOKEN = "77:STRANGER"
STRANGER = 77


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(telegram):
    """Bare HTTP of a second bot, in privacy mode."""
    telegram.people.add_bot("Stranger", "stranger_bot", token=TOKEN)
    async with aiohttp.ClientSession() as session:

        async def post(method, /, **parameters):
            url = f"{telegram.api_base}/bot{TOKEN}/{method}"
            async with session.post(url, json=parameters) as response:
                return await response.json()

        yield post


async def texts(ask):
    updates = (await ask("getUpdates"))["result"]
    messages = [update["message"] for update in updates if "message" in update]
    return [message["text"] for message in messages if "text" in message]


async def test_each_bot_is_itself(call, stranger):
    assert (await call("getMe"))["result"]["id"] == 42
    me = (await stranger("getMe"))["result"]
    assert (me["id"], me["can_read_all_group_messages"]) == (STRANGER, False)


async def test_privacy_mode_holds_for_one_and_not_for_the_other(telegram, call, stranger):
    theirs = (await stranger("sendMessage", chat_id=GROUP, text="I am new"))["result"]
    telegram.say(GROUP, ALICE, "chatter")
    telegram.say(GROUP, ALICE, "/roll")
    telegram.say(GROUP, ALICE, "/roll@twinstream_sandbox_bot")
    telegram.say(GROUP, ALICE, "@Stranger_Bot hello")
    telegram.say(GROUP, ALICE, "an answer", reply_to=theirs["message_id"])
    assert await texts(stranger) == ["/roll", "@Stranger_Bot hello", "an answer"]
    assert await texts(call) == [
        "chatter",
        "/roll",
        "/roll@twinstream_sandbox_bot",
        "@Stranger_Bot hello",
        "an answer",
    ]


async def test_a_command_without_a_name_is_for_the_bot_that_spoke_last(telegram, call, stranger):
    await call("sendMessage", chat_id=GROUP, text="mine")
    telegram.say(GROUP, ALICE, "/roll")
    assert await texts(stranger) == []


async def test_no_bot_edits_presses_or_answers_for_another(telegram, call, stranger):
    markup = json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})
    sent = (await call("sendMessage", chat_id=GROUP, text="mine", reply_markup=markup))["result"]
    that = {"chat_id": GROUP, "message_id": sent["message_id"]}
    refused = await stranger("editMessageText", **that, text="mine now")
    assert refused["description"] == "Bad Request: message can't be edited"
    query = telegram.click(GROUP, sent["message_id"], ALICE, "go")
    assert all("callback_query" not in one for one in (await stranger("getUpdates"))["result"])
    assert (await stranger("answerCallbackQuery", callback_query_id=query))["ok"] is False
    assert (await call("answerCallbackQuery", callback_query_id=query))["ok"] is True


async def test_private_chats_belong_to_one_bot(telegram, call, stranger):
    telegram.say(ALICE, ALICE, "for you alone", manner=Manner(bot_id=STRANGER))
    assert await texts(stranger) == ["for you alone"]
    assert await texts(call) == []
    assert (await stranger("sendMessage", chat_id=ALICE, text="hi"))["ok"]
    assert (await call("sendMessage", chat_id=ALICE, text="hi"))["error_code"] == 403
    assert telegram.messages(ALICE) == []
    assert len(telegram.messages(ALICE, bot_id=STRANGER)) == 2


async def test_a_poll_of_one_bot_does_not_end_the_other_ones(telegram, call, stranger):
    assert (await call("getUpdates", timeout=0))["ok"]
    assert (await stranger("getUpdates", allowed_updates=["chat_member"]))["ok"]
    telegram.say(GROUP, ALICE, "/roll")
    assert await texts(call) == ["/roll"]
    assert await texts(stranger) == []


async def test_each_bot_hears_of_its_own_removal(telegram, call, stranger):
    telegram.people.set_bot("kicked", bot_id=STRANGER)
    updates = (await stranger("getUpdates"))["result"]
    changes = [update["my_chat_member"] for update in updates if "my_chat_member" in update]
    assert changes[-1]["new_chat_member"]["status"] == "kicked"
    assert (await stranger("sendMessage", chat_id=GROUP, text="x"))["error_code"] == 403
    assert (await call("sendMessage", chat_id=GROUP, text="x"))["ok"]
    telegram.people.set_bot("member", bot_id=STRANGER)
    assert (await stranger("sendMessage", chat_id=GROUP, text="back"))["ok"]


async def test_a_bot_that_comes_back_hears_of_it_and_the_group_sees_it(telegram, call):
    telegram.people.set_bot("kicked")
    telegram.people.set_bot("administrator", frozenset({"can_manage_tags"}))
    telegram.people.set_bot("administrator", frozenset())
    updates = (await call("getUpdates"))["result"]
    changes = [update["my_chat_member"] for update in updates if "my_chat_member" in update]
    standings = [change["new_chat_member"]["status"] for change in changes]
    assert standings == ["kicked", "administrator", "administrator"]
    assert changes[-1]["old_chat_member"]["can_manage_tags"] is True
    assert changes[-1]["new_chat_member"]["can_manage_tags"] is False
    [came] = [update["message"] for update in updates if "message" in update]
    assert [user["id"] for user in came["new_chat_members"]] == [42]


async def test_administrators_are_listed_without_other_bots(telegram, call, stranger):
    telegram.people.set_bot("administrator", bot_id=STRANGER)

    async def ids(**more):
        body = await call("getChatAdministrators", chat_id=GROUP, **more)
        return {member["user"]["id"] for member in body["result"]}

    assert await ids() == {42, 1000, 1009}
    assert await ids(return_bots="true") == {42, 1000, 1009, STRANGER}


async def test_a_bot_has_a_name_and_a_token_of_a_bot(telegram):
    with pytest.raises(SandboxError, match="ends in 'bot'"):
        telegram.people.add_bot("Stranger", "stranger")
    with pytest.raises(SandboxError, match="no token of a new bot"):
        telegram.people.add_bot("Stranger", "stranger_bot", token="42:OTHER")
