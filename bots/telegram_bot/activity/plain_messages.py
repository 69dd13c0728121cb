"""Texts in groups that are no command: no handler answers most of them, so none is asked.

aiogram hands each filter that is no coroutine to a thread. For a message that nobody handles these
are seven hops, which take three quarters of its time; and groups consist of such messages.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.enums import ChatType, ContentType
from aiogram.types import Message, TelegramObject

_GROUPS: Final = (ChatType.GROUP, ChatType.SUPERGROUP)
#: With this every command begins.
_PREFIX: Final = "/"


class PlainMessages:
    """Ends the way of plain texts in groups, as the last outer middleware."""

    def __init__(self, are_awaited: Callable[[Message], bool]) -> None:
        """`are_awaited`: tells which of them a handler wants all the same."""
        self._are_awaited = are_awaited

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Hand on what a handler may answer."""
        assert isinstance(event, Message)
        if is_plain(event) and not self._are_awaited(event):
            return UNHANDLED
        return await handler(event, data)


def is_plain(message: Message) -> bool:
    """Tell whether a message is a text in a group and no command. Pure."""
    return (
        message.chat.type in _GROUPS
        and message.content_type == ContentType.TEXT
        and message.text is not None
        and not message.text.startswith(_PREFIX)
    )
