"""Telegram's answers are read in part where aiogram cannot decode all of them."""

import json

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import GetChatMember, GetMe, GetUpdates, SendMessage, SetMyCommands
from aiogram.types import BotCommand, ChatMemberAdministrator, ChatMemberMember, Message
from hypothesis import given
from hypothesis import strategies as st

from config.telegram_answer_decoding import (
    TolerantSession,
    UnreadableAnswer,
    UnreadableUpdate,
    elements,
    inferred_ids,
)

BOT = Bot("42:TEST", session=TolerantSession())
USER = {"id": 7, "is_bot": False, "first_name": "Alice"}
CHAT = {"id": -5, "type": "supergroup", "title": "x"}
LOOK = GetChatMember(chat_id=-5, user_id=7)
SEND = SendMessage(chat_id=-5, text="hello")


def answered(method, result, *, status=200, ok=True, **more):
    content = json.dumps({"ok": ok, "result": result, **more})
    return BOT.session.check_response(BOT, method, status, content).result


@pytest.mark.parametrize(
    ("ids", "offset", "filled"),
    [
        ([5, 6], None, [5, 6]),
        ([5, None, 9], None, [5, 6, 9]),
        ([None, None, 9, None], 3, [7, 8, 9, 10]),
        ([None, None], 3, [3, 4]),
        ([None], None, None),
        ([None], 0, None),
    ],
)
def test_an_id_that_cannot_be_read_is_inferred_from_its_neighbours(ids, offset, filled):
    assert inferred_ids(ids, offset) == filled


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(1, 1_000),
    st.data(),
)
def test_no_inferred_id_confirms_an_update_behind_it(steps, first, data):
    true = [first + sum(steps[:count]) for count in range(len(steps))]
    hidden = data.draw(st.lists(st.booleans(), min_size=len(true), max_size=len(true)))
    ids = [None if is_hidden else one for one, is_hidden in zip(true, hidden, strict=True)]

    filled = inferred_ids(ids, first)

    assert filled is not None
    for place, guess in enumerate(filled):
        assert all(guess < behind for behind in ids[place + 1 :] if behind is not None)
    assert ids[-1] is not None or filled[-1] <= true[-1]
    assert all(guess == one for guess, one in zip(filled, ids, strict=True) if one is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5), st.booleans(), JSON)
def test_a_list_is_cut_where_its_elements_end(values, is_compact, more):
    separators = (",", ":") if is_compact else None
    answer = {"ok": True, "more": more, "result": values, "rest": more}

    texts = elements(json.dumps(answer, separators=separators))

    assert texts is not None
    assert [json.loads(text) for text in texts] == values


@pytest.mark.parametrize(
    "text", ["", "<html>", "17", '{"result": 17}', '{"a": {"result": []}}', "["]
)
def test_where_there_is_no_list_nothing_is_cut(text):
    assert elements(text) is None


def test_a_batch_keeps_its_good_updates_and_the_ids_of_the_others():
    good = {"message_id": 1, "date": 1, "chat": CHAT, "text": "hello"}
    batch = [
        {"update_id": 5, "message": good},
        17,
        {"update_id": 7, "message": {"text": "of a member"}},
        {"update_id": 8, "telepathy": good},
        {"update_id": 9, "edited_message": good},
    ]

    updates = answered(GetUpdates(), batch)

    assert [one.update_id for one in updates] == [5, 6, 7, 8, 9]
    unread = [one for one in updates if isinstance(one, UnreadableUpdate)]
    assert [one.kind for one in unread] == [None, "message", "telepathy"]
    assert not any(one.id_is_guessed for one in unread)
    assert "of a member" not in repr(unread)
    assert all(one.bot is BOT for one in updates)


def test_a_batch_of_updates_without_ids_begins_at_the_offset():
    updates = answered(GetUpdates(offset=40), [17, "x"])

    assert [(one.update_id, one.id_is_guessed) for one in updates] == [(40, True), (41, True)]


def test_a_batch_without_any_id_is_no_batch():
    with pytest.raises(UnreadableAnswer):
        answered(GetUpdates(), [17])


def test_an_administrator_of_an_older_server_is_read_without_the_newer_right():
    rights = {"can_be_edited": True, "can_pin_messages": True, "custom_title": "Legend"}

    member = answered(LOOK, {"status": "administrator", "user": USER, **rights})

    assert isinstance(member, ChatMemberAdministrator)
    assert (member.user.id, member.custom_title, member.can_pin_messages) == (7, "Legend", True)
    assert not member.can_send_welcome_messages


def test_a_member_is_read_although_a_part_has_another_type():
    member = answered(LOOK, {"status": "member", "user": USER, "tag": 7, "until_date": "soon"})

    assert isinstance(member, ChatMemberMember)
    assert (member.user.first_name, member.tag) == ("Alice", None)


@pytest.mark.parametrize(
    "result",
    [
        17,
        None,
        {"status": "hologram", "user": USER},
        {"status": "member"},
        {"status": "member", "user": {"first_name": "Alice"}},
    ],
)
def test_a_member_of_whom_nothing_needed_is_said_is_unknown(result):
    with pytest.raises(UnreadableAnswer) as caught:
        answered(LOOK, result)

    assert caught.value.was_done


def test_a_message_is_read_without_what_is_new_about_it():
    sent = {"message_id": 1, "date": 1, "chat": CHAT, "text": "hello"}

    message = answered(SEND, {**sent, "forward_origin": {"type": "another_planet"}})

    assert isinstance(message, Message)
    assert (message.message_id, message.text, message.forward_origin) == (1, "hello", None)


def test_what_telegram_says_it_did_is_done_whatever_else_it_says():
    commands = SetMyCommands(commands=[BotCommand(command="a", description="b")])

    assert answered(commands, {"done": 1}) is True


def test_the_bot_knows_its_own_id_by_its_token():
    assert answered(GetMe(), 17).id == 42


def test_a_no_stays_a_no_although_its_details_cannot_be_read():
    with pytest.raises(TelegramBadRequest, match="no reason"):
        answered(SEND, None, ok=False, status=400, description=7)
    details = {"retry_after": 3, "migrate_to_chat_id": "x"}
    with pytest.raises(TelegramRetryAfter) as caught:
        answered(SEND, None, ok=False, status=429, description="flood", parameters=details)

    assert caught.value.retry_after == 3


@pytest.mark.parametrize("content", ["<html>a member's words</html>", "[]", '"text"', ""])
def test_a_page_is_no_answer_and_nothing_was_done(content):
    with pytest.raises(UnreadableAnswer) as caught:
        BOT.session.check_response(BOT, SEND, 200, content)

    assert not caught.value.was_done
    assert "member" not in str(caught.value)
