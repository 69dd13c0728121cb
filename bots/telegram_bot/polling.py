"""Stopping between two updates, so that none is handled by half or twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import TelegramObject, Update

log = structlog.get_logger("twinstream.telegram_bot")

DRAIN_S_MAX = 6.0
CONFIRM_S_MAX = 2.0


class Turnstile:
    """Lets one update through at a time, and can be shut.

    aiogram polls for the next updates once it handled the last ones, which confirms them. When it
    is stopped it cancels whatever it is at. So the turnstile is shut first: the update that is
    being handled ends, none begins after it, and `confirm` tells Telegram how far we came. What
    was not handled is delivered again at the next start.
    """

    def __init__(self) -> None:
        self._passage = asyncio.Lock()
        self._last_update_id: int | None = None

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle one update, as the outermost middleware."""
        assert isinstance(event, Update)
        async with self._passage:
            try:
                result = await handler(event, data)
            except Exception:
                self._last_update_id = event.update_id  # it is logged, and done with all the same
                raise
            self._last_update_id = event.update_id
            return result

    async def shut(self) -> None:
        """Wait for the update in hand, at most DRAIN_S_MAX seconds, and let no other begin."""
        try:
            await asyncio.wait_for(self._passage.acquire(), DRAIN_S_MAX)
        except TimeoutError:
            log.warning("update.abandoned", why=f"it took more than {DRAIN_S_MAX:.0f} s to handle")

    async def confirm(self, bot: Bot) -> None:
        """Tell Telegram that all updates that went through are done with."""
        if self._last_update_id is None:
            return
        try:
            async with asyncio.timeout(CONFIRM_S_MAX):
                await bot.get_updates(offset=self._last_update_id + 1, limit=1, timeout=0)
        except (AiogramError, TimeoutError) as error:
            log.warning("updates.unconfirmed", why=str(error) or "Telegram did not answer in time")
