"""Deeds that are easily granted without effect or without their update, on the local Telegram."""

import pytest

from sandbox import SandboxError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS, ADA = -1001000000001, 1000, 1001, 1002, 1009


async def test_a_person_who_writes_to_a_blocked_bot_has_unblocked_it(telegram, call):
    telegram.people.start(ALICE)
    telegram.people.block(ALICE)
    telegram.say(ALICE, ALICE, "I am back")
    updates = (await call("getUpdates"))["result"]
    kinds = [next(key for key in update if key != "update_id") for update in updates]
    assert kinds == ["message", "my_chat_member", "my_chat_member", "message"]
    back = updates[2]["my_chat_member"]
    standings = [back[key]["status"] for key in ("old_chat_member", "new_chat_member")]
    assert standings == ["kicked", "member"]


async def test_a_message_is_pinned_in_private_until_it_is_unpinned(telegram, call):
    first, second = (telegram.say(ALICE, ALICE, text) for text in ("one", "two"))
    here = {"chat_id": ALICE}
    for message_id in (first, second):
        assert (await call("pinChatMessage", **here, message_id=message_id))["result"] is True
    assert (await call("getChat", **here))["result"]["pinned_message"]["text"] == "two"
    notice = (await call("getUpdates"))["result"][-1]["message"]
    assert (notice["pinned_message"]["message_id"], notice["from"]["id"]) == (second, 42)
    assert (await call("unpinChatMessage", **here))["result"] is True
    assert (await call("getChat", **here))["result"]["pinned_message"]["text"] == "one"
    await call("deleteMessage", **here, message_id=first)
    assert "pinned_message" not in (await call("getChat", **here))["result"]
    assert (await call("unpinChatMessage", **here))["description"] == (
        "Bad Request: message to unpin not found"
    )
    await call("pinChatMessage", **here, message_id=second)
    assert (await call("unpinAllChatMessages", **here))["result"] is True
    assert "pinned_message" not in (await call("getChat", **here))["result"]


async def test_a_private_pin_is_that_of_one_bot(telegram, call):
    telegram.people.add_bot("Stranger", "stranger_bot", token="77:STRANGER")
    said = telegram.say(ALICE, ALICE, "one")
    await call("pinChatMessage", chat_id=ALICE, message_id=said)
    assert telegram._world.of(77).own.pinned == {}


@pytest.mark.parametrize("kind", ["sticker", "video_note", "location", "dice"])
async def test_a_message_without_words_cannot_be_given_any(telegram, kind):
    sent = telegram.people.send(GROUP, ALICE, kind)
    with pytest.raises(SandboxError, match="neither a text nor a caption"):
        telegram.edit(GROUP, sent, ALICE, "words")


async def test_a_caption_is_edited_within_its_limit(telegram):
    sent = telegram.people.send(GROUP, ALICE, "photo")
    telegram.edit(GROUP, sent, ALICE, "x" * 1024)
    with pytest.raises(SandboxError, match="1024"):
        telegram.edit(GROUP, sent, ALICE, "x" * 1025)


async def test_an_administrator_deletes_with_the_right_to_it_only(telegram, call):
    said = telegram.say(GROUP, ALICE, "hello")
    telegram.people.set_bot("administrator", frozenset({"can_promote_members", "can_pin_messages"}))
    promoted = await call(
        "promoteChatMember", chat_id=GROUP, user_id=BORIS, can_pin_messages="true"
    )
    assert promoted["ok"], promoted
    with pytest.raises(SandboxError, match="cannot be deleted by 1002"):
        telegram.people.delete(GROUP, said, BORIS)
    telegram.people.delete(GROUP, said, ADA)


async def test_the_items_of_a_members_album_belong_together(telegram, call):
    people = telegram.people
    for kind in ("photo", "video", "photo"):
        people.send(GROUP, ALICE, kind, album=7)
    updates = (await call("getUpdates"))["result"]
    assert [update["message"]["media_group_id"] for update in updates] == ["7", "7", "7"]
    for user_id, kind in ((ALICE, "document"), (BORIS, "photo"), (ALICE, "sticker")):
        with pytest.raises(SandboxError, match="cannot join the album 7"):
            people.send(GROUP, user_id, kind, album=7)
    for _ in range(7):
        people.send(GROUP, ALICE, "photo", album=7)
    with pytest.raises(SandboxError, match="cannot join the album 7"):
        people.send(GROUP, ALICE, "photo", album=7)


async def test_a_stopped_poll_is_an_update_of_its_bot(telegram, call):
    sent = await call("sendPoll", chat_id=GROUP, question="q", options='["a", "b"]')
    await call("stopPoll", chat_id=GROUP, message_id=sent["result"]["message_id"])
    [update] = (await call("getUpdates"))["result"]
    assert update["poll"] | {"is_closed": True} == update["poll"]


async def test_a_bot_writes_to_a_person_who_asks_to_join_and_to_no_other_first(telegram, call):
    telegram.people.set_bot("administrator", frozenset({"can_invite_users"}))
    telegram.people.want_requests()
    newcomer = telegram.join(name="Egor")
    assert (await call("sendMessage", chat_id=newcomer, text="Why?"))["ok"]
    assert (await call("declineChatJoinRequest", chat_id=GROUP, user_id=newcomer))["ok"]
    refused = await call("sendMessage", chat_id=newcomer, text="Why?")
    assert refused["description"] == "Forbidden: bot can't initiate conversation with a user"
