"""Messages from groups that are not the configured one: each such group is named once in the log.

A wrong `telegram.chat_id` makes the bot silent in the group where people write to it. This line is
the only thing that tells the operator why.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
from aiogram.enums import ChatType
from aiogram.types import Message, TelegramObject

log = structlog.get_logger("twinstream.telegram_bot")

#: Groups that one process names. Anybody can add a bot to a group, so the log needs a limit.
NAMED_MAX = 10
_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


class OtherChats:
    """Names groups whose messages are ignored, as an outer middleware."""

    def __init__(self, group_id: int, listed: Collection[int] = ()) -> None:
        """`listed`: other chats that the settings name."""
        self._group_id = group_id
        self._served = {group_id, *listed}
        self._named: set[int] = set()

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Look at the chat of a message, and hand the message on."""
        assert isinstance(event, Message)
        if event.chat.type in _GROUPS and event.chat.id not in self._served:
            self._name(event.chat.id, event.chat.title)
        return await handler(event, data)

    def _name(self, chat_id: int, title: str | None) -> None:
        if chat_id in self._named or len(self._named) >= NAMED_MAX:
            return
        self._named.add(chat_id)
        log.warning(
            "chat.ignored",
            chat_id=chat_id,
            chat=title,
            why=f"messages arrive from chat {chat_id}, which is not telegram.chat_id"
            f" ({self._group_id}): if it is your group, set chat_id = {chat_id} in twinstream.toml",
        )
