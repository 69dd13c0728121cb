"""Topics of a forum: their ids, the messages in them, General, and topics that are closed."""

import json

import pytest

from sandbox import SandboxError
from sandbox.telegram_api import Manner
from sandbox.telegram_api.world.rights import ADMINISTRATOR_RIGHTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
HERE = {"chat_id": GROUP}


@pytest.fixture
def forum(telegram):
    telegram.people.set_bot("administrator", frozenset(ADMINISTRATOR_RIGHTS))
    telegram.people.set_forum()
    return telegram


async def news(call):
    return [update["message"] for update in (await call("getUpdates"))["result"][1:]]


async def test_a_topic_has_the_id_of_the_message_that_opened_it(forum, call):
    topic = (await call("createForumTopic", **HERE, name="Games", icon_color=16766590))["result"]
    assert topic == {"message_thread_id": 2, "name": "Games", "icon_color": 16766590}
    [opened] = await news(call)
    assert (opened["message_id"], opened["message_thread_id"]) == (2, 2)
    assert opened["forum_topic_created"] == {"name": "Games", "icon_color": 16766590}
    assert opened["chat"]["is_forum"] is True


async def test_a_plain_message_in_a_topic_replies_to_what_opened_it(forum, call):
    topic = forum.people.open_topic("Games")
    forum.say(GROUP, ALICE, "hello", manner=Manner(thread_id=topic))
    [_, said] = await news(call)
    assert (said["message_thread_id"], said["is_topic_message"]) == (topic, True)
    assert said["reply_to_message"]["message_id"] == topic
    assert "forum_topic_created" in said["reply_to_message"]

    sent = (await call("sendMessage", **HERE, text="hi", message_thread_id=topic))["result"]
    assert sent["reply_to_message"]["message_id"] == topic


async def test_a_reply_in_a_topic_stays_in_it(forum, call):
    topic = forum.people.open_topic("Games")
    words = forum.say(GROUP, ALICE, "hello", manner=Manner(thread_id=topic))
    reply = json.dumps({"message_id": words})
    sent = (await call("sendMessage", **HERE, text="hi", reply_parameters=reply))["result"]
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (topic, True)
    assert sent["reply_to_message"]["message_id"] == words


async def test_general_has_no_thread(forum, call):
    forum.say(GROUP, ALICE, "hello")
    [said] = await news(call)
    assert not said.keys() & {"message_thread_id", "is_topic_message", "reply_to_message"}
    body = await call("sendMessage", **HERE, text="hi", message_thread_id=1)
    assert body["description"] == "Bad Request: message thread not found"


async def test_a_closed_topic_is_closed_to_members_only(forum, call):
    topic = forum.people.open_topic("Games")
    assert (await call("closeForumTopic", **HERE, message_thread_id=topic))["ok"]
    again = await call("closeForumTopic", **HERE, message_thread_id=topic)
    assert again["description"] == "Bad Request: TOPIC_NOT_MODIFIED"
    with pytest.raises(SandboxError, match="'Games' is closed to 1001"):
        forum.say(GROUP, ALICE, "hello", manner=Manner(thread_id=topic))
    assert (await call("sendMessage", **HERE, text="hi", message_thread_id=topic))["ok"]
    forum.people.set_bot("member")
    body = await call("sendMessage", **HERE, text="hi", message_thread_id=topic)
    assert body["description"] == "Bad Request: TOPIC_CLOSED"


async def test_a_deleted_topic_takes_its_messages_with_it(forum, call):
    topic = forum.people.open_topic("Games")
    forum.say(GROUP, ALICE, "there", manner=Manner(thread_id=topic))
    forum.say(GROUP, ALICE, "here")
    assert (await call("deleteForumTopic", **HERE, message_thread_id=topic))["ok"]
    assert [message.get("text") for message in forum.messages(GROUP)] == ["here"]
    body = await call("sendMessage", **HERE, text="hi", message_thread_id=topic)
    assert body["description"] == "Bad Request: message thread not found"


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("createForumTopic", {"name": " "}, "TOPIC_TITLE_EMPTY"),
        ("createForumTopic", {"name": "x", "icon_color": 5}, "TOPIC_ICON_COLOR_INVALID"),
        ("editForumTopic", {"message_thread_id": 99, "name": "x"}, "message thread not found"),
        ("reopenGeneralForumTopic", {}, "TOPIC_NOT_MODIFIED"),
    ],
)
async def test_a_wrong_topic_is_refused(forum, call, method, parameters, words):
    assert words in (await call(method, **HERE, **parameters))["description"]


async def test_topics_need_a_forum_and_the_right(telegram, call):
    body = await call("createForumTopic", **HERE, name="x")
    assert body["description"] == "Bad Request: the chat is not a forum"
    body = await call("sendMessage", **HERE, text="x", message_thread_id=5)
    assert body["description"] == "Bad Request: message thread not found"
    telegram.people.set_forum()
    body = await call("createForumTopic", **HERE, name="x")
    assert body["description"] == "Bad Request: not enough rights to create a topic"
    with pytest.raises(SandboxError, match="lacks can_manage_topics"):
        telegram.people.open_topic("Mine", user_id=ALICE)
