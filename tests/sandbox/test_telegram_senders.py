"""Senders of messages: channels, anonymous administrators, forwards; and the fate of messages."""

import json

import pytest

from sandbox import SandboxError
from sandbox.telegram_api import Manner
from sandbox.telegram_api.world.world import MESSAGES_KEPT

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
HERE = {"chat_id": GROUP}


async def news(call, kind="message"):
    return [update[kind] for update in (await call("getUpdates"))["result"] if kind in update]


async def test_a_post_is_forwarded_into_the_group_that_discusses_it(telegram, call):
    channel = telegram.people.open_channel("Waves", username="waves", linked=True)
    post = telegram.say(channel, VERA, "news")
    [posted] = await news(call, "channel_post")
    [forwarded] = await news(call)
    assert "from" not in posted
    assert (posted["chat"]["type"], posted["sender_chat"]["id"]) == ("channel", channel)
    assert forwarded["is_automatic_forward"] is True
    assert (forwarded["from"]["id"], forwarded["sender_chat"]["id"]) == (777000, channel)
    origin = forwarded["forward_origin"]
    assert (origin["type"], origin["chat"]["id"], origin["message_id"]) == (
        "channel",
        channel,
        post,
    )
    assert (await call("getChat", chat_id="@waves"))["result"]["linked_chat_id"] == GROUP
    assert (await call("getChat", **HERE))["result"]["linked_chat_id"] == channel


async def test_the_bot_posts_in_a_channel_and_edits_it(telegram, call):
    channel = telegram.people.open_channel("Waves")
    sent = (await call("sendMessage", chat_id=channel, text="news"))["result"]
    assert ("from" in sent, sent["sender_chat"]["id"]) == (False, channel)
    edited = await call("editMessageText", chat_id=channel, message_id=1, text="old news")
    assert edited["result"]["text"] == "old news"
    assert (await call("deleteMessage", chat_id=channel, message_id=1))["ok"]
    telegram.people.set_bot("administrator", frozenset({"can_manage_chat"}), chat_id=channel)
    body = await call("sendMessage", chat_id=channel, text="x")
    assert body["description"] == "Bad Request: need administrator rights in the channel chat"


async def test_people_write_as_their_channel(telegram, call):
    channel = telegram.people.open_channel("Alice's", owner_id=ALICE)
    manner = Manner(sender_chat_id=channel)
    words = telegram.say(GROUP, ALICE, "as a channel", manner=manner)
    telegram.edit(GROUP, words, ALICE, "still as a channel")
    [message] = await news(call)
    assert (message["from"]["id"], message["sender_chat"]["id"]) == (136817688, channel)
    with pytest.raises(SandboxError, match="does not own the channel"):
        telegram.say(GROUP, BORIS, "x", manner=manner)
    assert (await call("banChatSenderChat", **HERE, sender_chat_id=channel))["ok"]
    with pytest.raises(SandboxError, match="is banned"):
        telegram.say(GROUP, ALICE, "x", manner=manner)


async def test_an_anonymous_administrator_edits_what_they_wrote(telegram, call):
    words = telegram.say(GROUP, VERA, "secret", anonymous=True)
    telegram.edit(GROUP, words, VERA, "secrets")
    [edited] = await news(call, "edited_message")
    assert (edited["from"]["id"], edited["text"]) == (1087968824, "secrets")
    with pytest.raises(SandboxError, match="cannot be edited by 1001"):
        telegram.edit(GROUP, words, ALICE, "mine")


async def test_a_forward_names_who_wrote_it_first(telegram, call):
    words = telegram.say(GROUP, ALICE, "mine")
    telegram.say(BORIS, BORIS, "/start")
    sent = await call("forwardMessage", chat_id=BORIS, from_chat_id=GROUP, message_id=words)
    origin = sent["result"]["forward_origin"]
    assert (origin["type"], origin["sender_user"]["id"]) == ("user", ALICE)
    telegram.people.forward(GROUP, BORIS, GROUP, words, hidden=True)
    hidden = (await news(call))[-1]["forward_origin"]
    assert (hidden["type"], hidden["sender_user_name"]) == ("hidden_user", "Alice")
    copied = await call("copyMessage", **HERE, from_chat_id=GROUP, message_id=words)
    assert "forward_origin" not in telegram.messages(GROUP)[-1]
    assert copied["result"] == {"message_id": telegram.messages(GROUP)[-1]["message_id"]}
    protected = (await call("sendMessage", **HERE, text="x", protect_content="true"))["result"]
    body = await call(
        "forwardMessage", **HERE, from_chat_id=GROUP, message_id=protected["message_id"]
    )
    assert body["description"] == "Bad Request: message can't be forwarded"


async def test_a_deleted_message_is_gone_and_no_update_says_so(telegram, call):
    words = telegram.say(GROUP, ALICE, "oops")
    with pytest.raises(SandboxError, match="cannot be deleted by 1002"):
        telegram.people.delete(GROUP, words, BORIS)
    telegram.people.delete(GROUP, words, ALICE)
    assert len((await call("getUpdates"))["result"]) == 1
    reply = json.dumps({"message_id": words})
    body = await call("sendMessage", **HERE, text="x", reply_parameters=reply)
    assert body["description"] == "Bad Request: message to be replied not found"


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "pushed out"])
async def test_a_message_that_is_gone_leaves_nothing_behind(telegram, call, deleted):
    state = telegram._world.state
    options = '["yes", "no"]'
    await call("sendPoll", chat_id=GROUP, question="Tea?", options=options)
    await call("pinChatMessage", chat_id=GROUP, message_id=1)
    telegram.react(GROUP, 1, ALICE, "🔥")
    assert (len(state.polls), len(state.reactions), state.groups[GROUP].pinned) == (1, 1, [1])
    if deleted:
        await call("deleteMessage", chat_id=GROUP, message_id=1)
    else:
        for _ in range(MESSAGES_KEPT):
            telegram.say(GROUP, ALICE, "more")
    assert 1 not in state.messages[GROUP]
    assert (state.polls, state.reactions, state.groups[GROUP].pinned) == ({}, {}, [])


async def test_a_poll_keeps_its_votes_while_a_forward_shows_it(telegram, call):
    options = '["yes", "no"]'
    await call("sendPoll", chat_id=GROUP, question="Tea?", options=options)
    telegram.people.vote(GROUP, 1, BORIS, [0])
    forward = telegram.people.forward(GROUP, ALICE, GROUP, 1)
    await call("deleteMessage", chat_id=GROUP, message_id=1)
    telegram.people.vote(GROUP, forward, VERA, [0])
    assert telegram.messages(GROUP)[-1]["poll"]["total_voter_count"] == 2


async def test_reactions_of_members_and_of_a_channel(telegram, call):
    channel = telegram.people.open_channel("Waves")
    kinds = ["message_reaction", "message_reaction_count"]
    await call("getUpdates", allowed_updates=json.dumps(kinds))
    words, post = telegram.say(GROUP, ALICE, "hello"), telegram.say(channel, VERA, "post")
    telegram.react(GROUP, words, BORIS, ["👨\u200d💻", "5368324170671202286"])
    telegram.react(GROUP, words, VERA, "❤", anonymous=True)
    telegram.react(GROUP, words, BORIS, None)
    telegram.react(channel, post, VERA, "👍")

    first, second, third = await news(call, "message_reaction")
    assert [one["type"] for one in first["new_reaction"]] == ["emoji", "custom_emoji"]
    assert ("user" in second, second["actor_chat"]["id"]) == (False, GROUP)
    assert (third["old_reaction"], third["new_reaction"]) == (first["new_reaction"], [])
    [count] = await news(call, "message_reaction_count")
    assert count["reactions"] == [{"type": {"type": "emoji", "emoji": "👍"}, "total_count": 1}]
    with pytest.raises(SandboxError, match="Telegram has no reaction"):
        telegram.react(GROUP, words, BORIS, "🧦")


async def test_a_request_to_join_is_approved_or_declined(telegram, call):
    await call("getUpdates", allowed_updates='["chat_join_request", "chat_member"]')
    link = await call("createChatInviteLink", **HERE, creates_join_request="true", name="gate")
    address = link["result"]["invite_link"]
    egor = telegram.join(name="Egor", invite_link=address)
    olga = telegram.join(name="Olga", invite_link=address)
    asked, _ = await news(call, "chat_join_request")
    assert (asked["from"]["id"], asked["invite_link"]["name"]) == (egor, "gate")
    assert (await call("getChatMember", **HERE, user_id=egor))["result"]["status"] == "left"
    assert (await call("approveChatJoinRequest", **HERE, user_id=egor))["ok"]
    assert (await call("declineChatJoinRequest", **HERE, user_id=olga))["ok"]
    assert (await call("getChatMember", **HERE, user_id=egor))["result"]["status"] == "member"
    [joined] = await news(call, "chat_member")
    assert joined["via_join_request"] is True
    again = await call("approveChatJoinRequest", **HERE, user_id=egor)
    assert again["description"] == "Bad Request: USER_ALREADY_PARTICIPANT"
    again = await call("approveChatJoinRequest", **HERE, user_id=olga)
    assert again["description"] == "Bad Request: HIDE_REQUESTER_MISSING"
    await call("revokeChatInviteLink", **HERE, invite_link=address)
    with pytest.raises(SandboxError, match="cannot be used"):
        telegram.join(name="Late", invite_link=address)


async def test_an_invite_link_lets_as_many_in_as_it_may(telegram, call):
    made = await call("createChatInviteLink", **HERE, member_limit=2)
    link = made["result"]["invite_link"]
    first = telegram.join(name="Egor", invite_link=link)
    telegram.join(name="Fedor", invite_link=link)
    telegram.leave(first)
    with pytest.raises(SandboxError, match="has let in 2 members"):
        telegram.join(name="Late", invite_link=link)
    await call("editChatInviteLink", **HERE, invite_link=link, member_limit=3)
    assert telegram.join(name="Late", invite_link=link)


async def test_a_new_name_is_on_the_next_message(telegram, call):
    telegram.people.rename(ALICE, " \u202eecilA ", "🦊", "")
    telegram.say(GROUP, ALICE, "hello")
    [message] = await news(call)
    sender = {key: message["from"].get(key) for key in ("first_name", "last_name", "username")}
    assert sender == {"first_name": "\u202eecilA", "last_name": "🦊", "username": None}


async def test_a_poll_tells_who_voted(telegram, call):
    options = json.dumps(["a", {"text": "b"}])
    sent = await call("sendPoll", **HERE, question="q", options=options, is_anonymous="false")
    place = sent["result"]["message_id"]
    telegram.people.vote(GROUP, place, ALICE, [1])
    telegram.people.vote(GROUP, place, BORIS, [1])
    telegram.people.vote(GROUP, place, BORIS, [])
    polls, answers = await news(call, "poll"), await news(call, "poll_answer")
    assert [poll["total_voter_count"] for poll in polls] == [1, 2, 1]
    assert [answer["option_ids"] for answer in answers] == [[1], [1], []]
    closed = (await call("stopPoll", **HERE, message_id=place))["result"]
    assert (closed["is_closed"], closed["options"][1]["voter_count"]) == (True, 1)
    with pytest.raises(SandboxError, match="no open poll"):
        telegram.people.vote(GROUP, place, ALICE, [0])
