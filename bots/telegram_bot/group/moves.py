"""Noticing that the group has a new id, so that the bot goes on under it."""

import asyncio

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramMigrateToChat
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from config.telegram_group import GroupAddress


class GroupMoves(BaseRequestMiddleware):
    """Notices one move of the group, in a refused call or in a service message.

    `noticed` is set then, and `group` has the new id.
    """

    def __init__(self, group: GroupAddress) -> None:
        self.noticed = asyncio.Event()
        self._group = group

    def told(self, old_id: object, new_id: int | None) -> None:
        """Take note that the chat `old_id` has the id `new_id` now."""
        if self._group.follow(old_id, new_id):
            self.noticed.set()

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Make the request. The refusal of a call with the group's old id names the new one."""
        try:
            return await make_request(bot, method)
        except TelegramMigrateToChat as error:
            self.told(getattr(method, "chat_id", None), error.migrate_to_chat_id)
            raise
