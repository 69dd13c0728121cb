"""Polls that wait for Postgres to have what the updates before them earned.

A poll confirms all updates that the last one brought, and Telegram sends a confirmed update no
more. So a bot that is killed between the two finds the update again, and its message counts once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType

#: Seconds that a poll waits, at most. A batch takes milliseconds; while Postgres is away a poll
#: does not wait, because members' commands are answered all the same.
WAIT_S_MAX: Final = 1.0


class EarningsFirst(BaseRequestMiddleware):
    """Lets each poll wait for what is on its way to Postgres."""

    def __init__(self, settled: Iterable[Callable[[float], Awaitable[None]]]) -> None:
        """`settled` wait until Postgres has something, for so many seconds at most."""
        self._settled = tuple(settled)

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Make the request, a poll not before that."""
        if isinstance(method, GetUpdates):
            await asyncio.gather(*(settled(WAIT_S_MAX) for settled in self._settled))
        return await make_request(bot, method)
