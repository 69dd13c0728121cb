from datetime import UTC, datetime

import pytest
from aiogram.types import Chat, Message, User

from bots.telegram_bot.messages.authors import (
    ANONYMOUS_ADMIN_ID,
    SERVICE_ID,
    Author,
    author_of,
)

GROUP = Chat(id=-1001, type="supergroup")


def message(user: User | None, sender_chat: Chat | None = None) -> Message:
    return Message(
        message_id=1,
        date=datetime(2026, 1, 2, tzinfo=UTC),
        chat=GROUP,
        from_user=user,
        sender_chat=sender_chat,
        text="/guess 7",
    )


@pytest.mark.parametrize(
    ("user", "sender_chat", "author"),
    [
        (User(id=1001, is_bot=False, first_name="Alice"), None, Author.MEMBER),
        (User(id=42, is_bot=True, first_name="another bot"), None, Author.NO_PERSON),
        (User(id=SERVICE_ID, is_bot=False, first_name="Telegram"), None, Author.NO_PERSON),
        (
            User(id=ANONYMOUS_ADMIN_ID, is_bot=True, first_name="Group"),
            GROUP,
            Author.ANONYMOUS_ADMIN,
        ),
        (
            User(id=ANONYMOUS_ADMIN_ID, is_bot=True, first_name="Group"),
            None,
            Author.ANONYMOUS_ADMIN,
        ),
        (
            User(id=136_817_688, is_bot=True, first_name="Channel"),
            Chat(id=-1002, type="channel"),
            Author.CHANNEL,
        ),
        (
            User(id=1001, is_bot=False, first_name="Alice"),
            Chat(id=-1002, type="channel"),
            Author.CHANNEL,
        ),
        (User(id=1001, is_bot=False, first_name="Alice"), GROUP, Author.ANONYMOUS_ADMIN),
        (None, Chat(id=-1002, type="channel"), Author.CHANNEL),
        (
            User(id=SERVICE_ID, is_bot=False, first_name="Telegram"),
            Chat(id=-1002, type="channel"),
            Author.NO_PERSON,
        ),
        (None, None, Author.NO_PERSON),
    ],
)
def test_only_a_person_who_writes_in_their_own_name_is_a_member(user, sender_chat, author):
    assert author_of(message(user, sender_chat)) is author


def test_a_post_of_the_linked_channel_is_of_no_person():
    post = message(None, Chat(id=-1002, type="channel"))

    assert author_of(post.model_copy(update={"is_automatic_forward": True})) is Author.NO_PERSON
