"""The author of a message: a member, an anonymous administrator, or no person at all."""

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiogram.types import Message, TelegramObject

from bots.features.command import Asker
from bots.features.room import Observation, Room, heard, observed
from bots.runtime.delivery import PublicPlace
from bots.runtime.member_limits import MemberLimits
from bots.texts.languages import Languages, Texts

from . import texts
from .answer_queue import AnswerQueue, Reply

#: The account that the anonymous administrators of all groups share.
ANONYMOUS_ADMIN_ID = 1_087_968_824
#: The account of Telegram itself: posts of a linked channel arrive in its name.
SERVICE_ID = 777_000


class Author(enum.Enum):
    """The kind of author that a message has. Only a MEMBER can earn anything."""

    MEMBER = "member"
    ANONYMOUS_ADMIN = "anonymous_admin"
    CHANNEL = "channel"
    """A person who writes in the name of a channel."""
    NO_PERSON = "no_person"
    """A bot, Telegram itself, or a post of the linked channel that Telegram forwards by itself."""


def author_of(message: Message) -> Author:
    """Tell which kind of author a message has. Pure."""
    user = message.from_user
    if message.sender_chat is not None:
        if message.sender_chat.id == message.chat.id:
            return Author.ANONYMOUS_ADMIN
        is_post = message.is_automatic_forward or (user is not None and user.id == SERVICE_ID)
        return Author.NO_PERSON if is_post else Author.CHANNEL
    if user is None or user.id == SERVICE_ID:
        return Author.NO_PERSON
    if user.id == ANONYMOUS_ADMIN_ID:
        return Author.ANONYMOUS_ADMIN
    return Author.NO_PERSON if user.is_bot else Author.MEMBER


def command_id_of(message: Message) -> int | None:
    """Return the message's number if it is a command; None for all else that members write. Pure.

    Commands may be tidied away with their answers.
    """
    return message.message_id if (message.text or "").startswith("/") else None


def topic_of(message: Message) -> int | None:
    """Return the topic of a forum in which a message was written; None elsewhere. Pure.

    Outside forums Telegram numbers the threads of replies in the same field.
    """
    return message.message_thread_id if message.is_topic_message else None


class Observer:
    """Tells the rooms where members write in the group, and their tags once they are answered.

    The rooms hear where a member is before anything is earned there.
    """

    def __init__(self, rooms: Sequence[Room], group_id: int) -> None:
        self._rooms = rooms
        self._group_id = group_id

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle the message in between, as an outer middleware."""
        assert isinstance(event, Message)
        is_there = event.left_chat_member is None  # else Telegram says so in their name
        is_ours = event.chat.id == self._group_id and author_of(event) is Author.MEMBER
        if not (is_ours and is_there):
            return await handler(event, data)
        assert event.from_user is not None
        account_id, tag = event.from_user.id, event.sender_tag or ""
        heard(self._rooms, account_id, PublicPlace(topic_id=topic_of(event)), event.message_id)
        try:
            return await handler(event, data)
        finally:
            await observed(self._rooms, Observation(account_id, tag, event.date))


class Askers:
    """Hands `asker` to the handlers, and lets only members through to them, within their limits.

    It runs after the filters, so an anonymous administrator or a channel is answered only if they
    sent a command. A command that comes too fast, or whose answer has no room, is not handled; a
    later answer says so.
    """

    def __init__(
        self, languages: Languages, queue: AnswerQueue, limits: MemberLimits, group_texts: Texts
    ) -> None:
        self._languages = languages
        self._group_texts = group_texts
        self._queue = queue
        self._limits = limits

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle a member's message, and tell people without an account why they are refused."""
        assert isinstance(event, Message)
        author = author_of(event)
        if author is Author.NO_PERSON:
            return None
        asker = self._asker(event, author)
        chat_id = event.chat.id
        is_admitted = self._limits.admits(asker.account_id)
        if not is_admitted or not self._queue.has_room(chat_id, asker.account_id):
            self._queue.skip(chat_id, asker)
            return None
        if author is Author.MEMBER:
            return await handler(event, {**data, "asker": asker})
        tell = texts.as_channel if author is Author.CHANNEL else texts.anonymous
        self._queue.put(
            chat_id, Reply(asker, tell(asker.texts), event.reply, command_id=command_id_of(event))
        )
        return None

    def _asker(self, message: Message, author: Author) -> Asker:
        """Return the author. Anonymous administrators are one account, in the group's language."""
        if author is Author.CHANNEL:
            assert message.sender_chat is not None
            chat = message.sender_chat
            return Asker(chat.id, chat.full_name, self._group_texts)
        user = message.from_user
        if author is not Author.MEMBER or user is None:
            return Asker(ANONYMOUS_ADMIN_ID, message.chat.full_name, self._group_texts)
        return Asker(user.id, user.full_name, self._languages.speak(user.language_code))
