"""Who sent a message, for the purpose of earning: a member, the group itself, or nobody."""

import enum
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram.types import Message, TelegramObject

from bots import answers
from bots.commands import Asker
from bots.sightings import Sightings
from bots.texts import Languages

#: Shared by the anonymous administrators of all groups.
ANONYMOUS_ADMIN_ID = 1_087_968_824
#: Telegram itself: posts of a linked channel arrive in its name.
SERVICE_ID = 777_000


class Sender(enum.Enum):
    """What kind of sender a message has."""

    MEMBER = "member"
    ANONYMOUS_ADMIN = "anonymous_admin"
    NOBODY = "nobody"


def sender_of(message: Message) -> Sender:
    """Tell whether a person stands behind the message. Only a MEMBER can earn anything."""
    user = message.from_user
    if message.sender_chat is not None:
        speaks_for_group = message.sender_chat.id == message.chat.id
        return Sender.ANONYMOUS_ADMIN if speaks_for_group else Sender.NOBODY
    if user is None or user.id == SERVICE_ID:
        return Sender.NOBODY
    if user.id == ANONYMOUS_ADMIN_ID:
        return Sender.ANONYMOUS_ADMIN
    return Sender.NOBODY if user.is_bot else Sender.MEMBER


class Observer:
    """Looks at the tag of everybody who writes in the group, once they are answered."""

    def __init__(self, sightings: Sightings, group_id: int) -> None:
        self._sightings = sightings
        self._group_id = group_id

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        assert isinstance(event, Message)
        try:
            return await handler(event, data)
        finally:
            if event.chat.id == self._group_id and sender_of(event) is Sender.MEMBER:
                assert event.from_user is not None
                await self._sightings.of_tag(
                    event.from_user.id, event.sender_tag or "", at=event.date
                )


class Askers:
    """Hands `asker` to the handlers, and lets only members through to them.

    Runs after the filters: an anonymous administrator is answered only if they sent a command.
    """

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        assert isinstance(event, Message)
        match sender_of(event):
            case Sender.MEMBER:
                assert event.from_user is not None
                user = event.from_user
                texts = self._languages.speak(user.language_code)
                return await handler(
                    event, {**data, "asker": Asker(user.id, user.full_name, texts)}
                )
            case Sender.ANONYMOUS_ADMIN:
                await event.reply(answers.anonymous(self._languages.speak(None)))
            case Sender.NOBODY:
                return None
        return None
