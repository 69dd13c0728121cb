"""Stopping between two updates, so that no update is handled by half or twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import TelegramObject, Update

from bots.runtime.metrics import UPDATES_SKIPPED
from config.telegram_answer_decoding import UnreadableUpdate

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds that a stop waits for the update in progress: an answer's database wait fits into them.
DRAIN_S_MAX = 6.0
#: Seconds that a stop waits for Telegram to take the confirmation. Without it updates come again.
CONFIRM_S_MAX = 2.0


class UpdateGate:
    """Lets one update through at a time, and can be shut.

    aiogram polls for the next updates once it handled the last ones, which confirms them. When it
    is stopped it cancels the update in progress. So the gate is shut first: the update in progress
    ends, no other begins, and `confirm` tells Telegram which updates were handled. Telegram
    delivers the others again at the next start, or to the next router once `ended` is set.
    """

    def __init__(
        self,
        on_handled: Callable[[], None],
        ended: asyncio.Event,
        on_unreadable: Callable[[UnreadableUpdate], Awaitable[None]],
    ) -> None:
        self._on_handled = on_handled
        self._on_unreadable = on_unreadable
        self._ended = ended
        self._passage = asyncio.Lock()
        self._last_update_id: int | None = None

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle one update, as the outermost middleware. An unreadable update is skipped."""
        assert isinstance(event, Update)
        async with self._passage:
            if not self._ended.is_set():
                return await self._handle(handler, event, data)
        # The rest of the batch is not confirmed, so Telegram delivers it again.
        return await asyncio.Event().wait()

    async def _handle(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: Update,
        data: dict[str, Any],
    ) -> Any:
        if isinstance(event, UnreadableUpdate):
            log.warning("update.skipped", update_id=event.update_id, kind=event.kind, why=event.why)
            UPDATES_SKIPPED.labels("telegram").inc()
            await self._on_unreadable(event)
            self._last_update_id = event.update_id
            return None
        try:
            result = await handler(event, data)
        except Exception:
            self._handled(event)  # aiogram logs it; a second attempt would fail again
            raise
        self._handled(event)
        return result

    def _handled(self, update: Update) -> None:
        self._last_update_id = update.update_id
        self._on_handled()

    async def shut(self) -> None:
        """Wait for the update in progress, at most DRAIN_S_MAX seconds, and let no other begin."""
        try:
            await asyncio.wait_for(self._passage.acquire(), DRAIN_S_MAX)
        except TimeoutError:
            log.warning("update.abandoned", why=f"it took more than {DRAIN_S_MAX:.0f} s to handle")

    async def confirm(self, bot: Bot) -> None:
        """Tell Telegram that all updates that went through were handled."""
        if self._last_update_id is None:
            return
        try:
            async with asyncio.timeout(CONFIRM_S_MAX):
                await bot.get_updates(offset=self._last_update_id + 1, limit=1, timeout=0)
        except (AiogramError, TimeoutError) as error:
            log.warning("updates.unconfirmed", why=str(error) or "Telegram did not answer in time")
