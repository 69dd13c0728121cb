from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram.types import Chat, ForumTopicCreated, Message, MessageEntity, User

from bots.features.command import (
    Flag,
    MemberParameter,
    NumberParameter,
    Target,
    TextParameter,
    Unclear,
)
from bots.telegram_bot.messages.arguments import argument_of, replies_to_nameless, without_flag

GROUP = Chat(id=-1001, type="supergroup")
ALICE = User(id=1001, is_bot=False, first_name="Alice", last_name="A")
BOT = User(id=42, is_bot=True, first_name="a bot")
NUMBER = NumberParameter(name="number", hint="", least=1, most=10)
TEXT = TextParameter(name="text", hint="")
MEMBER = MemberParameter(name="member", hint="", refuse=lambda texts: "no")


def message(reply_to: User | None = None) -> Message:
    quoted = None if reply_to is None else message_of(reply_to)
    return message_of(ALICE, reply_to_message=quoted)


def message_of(user: User, **more: Any) -> Message:
    date = datetime(2026, 1, 2, tzinfo=UTC)
    return Message(message_id=1, date=date, chat=GROUP, from_user=user, **more)


@pytest.mark.parametrize(
    ("parameter", "text", "argument"),
    [
        (None, "anything", None),
        (TEXT, "", None),
        (TEXT, "as it is ", "as it is "),
        (NUMBER, "", None),
        (NUMBER, " 7 ", 7),
        (NUMBER, "11", 11),
        (NUMBER, "999999999", 999_999_999),
        (NUMBER, "1000000000", Unclear.ARGUMENT),
        (NUMBER, "-1", Unclear.ARGUMENT),
        (NUMBER, "7.0", Unclear.ARGUMENT),
        (NUMBER, "\u0667", Unclear.ARGUMENT),
        (NUMBER, "seven", Unclear.ARGUMENT),
        (MEMBER, "", None),
        (MEMBER, " 1002 ", Target(1002)),
        (MEMBER, "1" * 18, Target(int("1" * 18))),
        (MEMBER, "1" * 19, Unclear.ARGUMENT),
        (MEMBER, "@boris", Unclear.ARGUMENT),
    ],
)
def test_an_argument_is_read_from_the_text(parameter, text, argument):
    assert argument_of(message(), text, parameter) == argument


@pytest.mark.parametrize(
    ("author", "argument"), [(ALICE, Target(1001, "Alice A")), (BOT, None)], ids=["member", "bot"]
)
def test_a_reply_names_its_author_unless_that_is_a_bot(author, argument):
    assert argument_of(message(reply_to=author), "", MEMBER) == argument


@pytest.mark.parametrize(
    "of_topic",
    [
        {"message_thread_id": 1, "is_topic_message": True},
        {"message_thread_id": 77, "is_topic_message": True},
    ],
    ids=["by number", "by content"],
)
def test_the_message_that_opened_a_topic_is_no_reply(of_topic):
    content = ForumTopicCreated(name="Games", icon_color=1)
    opening = message_of(ALICE, forum_topic_created=content)
    if of_topic["message_thread_id"] == opening.message_id:
        opening = message_of(ALICE)
    asked = message_of(ALICE, reply_to_message=opening, **of_topic)

    assert argument_of(asked, "", MEMBER) is None


def test_a_reply_within_a_topic_names_its_author():
    asked = message_of(
        ALICE, reply_to_message=message_of(ALICE), message_thread_id=7, is_topic_message=True
    )

    assert argument_of(asked, "", MEMBER) == Target(1001, "Alice A")


def test_a_written_account_wins_over_a_reply():
    assert argument_of(message(reply_to=ALICE), "1002", MEMBER) == Target(1002)


FLAG = Flag(name="text", hint="", words=("text", "текст"))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ("", False)),
        ("text", ("", True)),
        ("ТЕКСТ  1002", ("1002", True)),
        ("1002 Text", ("1002", True)),
        ("context", ("context", False)),
        ("  as  it is ", ("  as  it is ", False)),
    ],
)
def test_a_flag_is_one_of_its_words_anywhere(written, kept):
    assert without_flag(written, FLAG) == kept
    assert without_flag(written, None) == (written, False)


@pytest.mark.parametrize("named", [ALICE, BOT])
def test_a_mention_that_carries_an_account_names_it(named):
    entity = MessageEntity(type="text_mention", offset=9, length=5, user=named)
    asked = message_of(ALICE, text="/profile Alice", entities=[entity])

    found = argument_of(asked, "Alice", MEMBER)

    assert found == Target(named.id, named.full_name, named.is_bot)


def test_a_mention_by_username_names_nobody():
    entity = MessageEntity(type="mention", offset=9, length=6)
    asked = message_of(ALICE, text="/profile @alice", entities=[entity])

    assert argument_of(asked, "@alice", MEMBER) is Unclear.ARGUMENT


def test_a_message_in_the_name_of_the_group_has_no_author():
    anonymous = User(id=1_087_968_824, is_bot=True, first_name="Group")
    quoted = message_of(anonymous, sender_chat=GROUP)

    assert replies_to_nameless(message_of(ALICE, reply_to_message=quoted))
    assert not replies_to_nameless(message(reply_to=ALICE))
    assert not replies_to_nameless(message())
