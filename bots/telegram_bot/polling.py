"""Stopping between two updates, so that none is handled by half or twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import TelegramObject, Update

from bots.metrics import UPDATES_SKIPPED
from config.telegram_answers import UnreadableUpdate

log = structlog.get_logger("twinstream.telegram_bot")

DRAIN_S_MAX = 6.0
CONFIRM_S_MAX = 2.0


class Progress:
    """Whether polling gets on: when Telegram last answered a poll, or an update was last handled.

    Both count, because no poll is made while the updates of the last one are handled. Neither
    happens while Telegram is away, while another process polls with the token, or while the
    handling of an update hangs.
    """

    def __init__(
        self, *, silence_s_max: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._silence_s_max = silence_s_max
        self._clock = clock
        self._made_at: float | None = None

    def made(self) -> None:
        """Note that there was some just now."""
        self._made_at = self._clock()

    def is_recent(self) -> bool:
        """Tell whether there was some within the last `silence_s_max` seconds."""
        return self._made_at is not None and self._clock() - self._made_at <= self._silence_s_max


class Turnstile:
    """Lets one update through at a time, and can be shut.

    aiogram polls for the next updates once it handled the last ones, which confirms them. When it
    is stopped it cancels whatever it is at. So the turnstile is shut first: the update that is
    being handled ends, none begins after it, and `confirm` tells Telegram how far we came. What
    was not handled is delivered again at the next start.
    """

    def __init__(self, on_handled: Callable[[], None]) -> None:
        self._on_handled = on_handled
        self._passage = asyncio.Lock()
        self._last_update_id: int | None = None

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Handle one update, as the outermost middleware. What cannot be read is passed over."""
        assert isinstance(event, Update)
        async with self._passage:
            if isinstance(event, UnreadableUpdate):
                log.warning(
                    "update.skipped", update_id=event.update_id, kind=event.kind, why=event.why
                )
                UPDATES_SKIPPED.labels("telegram").inc()
                self._last_update_id = event.update_id
                return None
            try:
                result = await handler(event, data)
            except Exception:
                self._handled(event)  # it is logged, and done with all the same
                raise
            self._handled(event)
            return result

    def _handled(self, update: Update) -> None:
        self._last_update_id = update.update_id
        self._on_handled()

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
