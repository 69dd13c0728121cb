"""The author of a message: a member, an anonymous administrator, or no person at all."""

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiogram.types import Message, TelegramObject

from bots.features.command import Asker
from bots.features.room import Observation, Room, observed
from bots.texts.languages import Languages

from . import texts

#: The account that the anonymous administrators of all groups share.
ANONYMOUS_ADMIN_ID = 1_087_968_824
#: The account of Telegram itself: posts of a linked channel arrive in its name.
SERVICE_ID = 777_000


class Author(enum.Enum):
    """The kind of author that a message has. Only a MEMBER can earn anything."""

    MEMBER = "member"
    ANONYMOUS_ADMIN = "anonymous_admin"
    NO_PERSON = "no_person"
    """A channel, a bot, or Telegram itself."""


def author_of(message: Message) -> Author:
    """Tell which kind of author a message has. Pure."""
    user = message.from_user
    if message.sender_chat is not None:
        speaks_for_group = message.sender_chat.id == message.chat.id
        return Author.ANONYMOUS_ADMIN if speaks_for_group else Author.NO_PERSON
    if user is None or user.id == SERVICE_ID:
        return Author.NO_PERSON
    if user.id == ANONYMOUS_ADMIN_ID:
        return Author.ANONYMOUS_ADMIN
    return Author.NO_PERSON if user.is_bot else Author.MEMBER


class Observer:
    """Shows the rooms the tag of each member who writes in the group, once they are answered."""

    def __init__(self, rooms: Sequence[Room], group_id: int) -> None:
        self._rooms = rooms
        self._group_id = group_id

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle the message first, as an outer middleware."""
        assert isinstance(event, Message)
        try:
            return await handler(event, data)
        finally:
            if event.chat.id == self._group_id and author_of(event) is Author.MEMBER:
                assert event.from_user is not None
                tag = event.sender_tag or ""
                await observed(self._rooms, Observation(event.from_user.id, tag, event.date))


class Askers:
    """Hands `asker` to the handlers, and lets only members through to them.

    It runs after the filters, so an anonymous administrator is answered only if they sent a
    command.
    """

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle a member's message, and tell an anonymous administrator why they get no answer."""
        assert isinstance(event, Message)
        match author_of(event):
            case Author.MEMBER:
                assert event.from_user is not None
                user = event.from_user
                language = self._languages.speak(user.language_code)
                return await handler(
                    event, {**data, "asker": Asker(user.id, user.full_name, language)}
                )
            case Author.ANONYMOUS_ADMIN:
                await event.reply(texts.anonymous(self._languages.speak(None)))
            case Author.NO_PERSON:
                return None
        return None
