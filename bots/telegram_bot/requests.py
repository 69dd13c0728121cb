"""How the bot bears with Telegram: what is waited out, what is tried again, what is given up.

aiogram retries nothing by itself, and its polling ignores `retry_after`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog
from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType

from bots.supervisor import backoff_s
from config.telegram_answers import UnreadableUpdate

log = structlog.get_logger("twinstream.telegram_bot")

ATTEMPTS_MAX = 4
#: An answer that has to wait longer is given up: by then nobody remembers the question.
ANSWER_WAIT_S_MAX = 90.0
#: Polling waits as long as it is told, up to this.
POLL_WAIT_S_MAX = 600.0
POLL_BACKOFF_S_MAX = 30.0
JITTER_S_MAX = 0.5
#: Between polls that bring only updates without an id that can be read.
GUESSWORK_PAUSE_S = 1.0

ELSEWHERE = (
    "another process polls with this token, or a webhook is set for it: stop the other one"
    " (or call deleteWebhook), or give this bot a token of its own"
)


def _is_guesswork(updates: object) -> bool:
    return isinstance(updates, list) and any(
        isinstance(one, UnreadableUpdate) and one.id_is_guessed for one in updates
    )


class Patience(BaseRequestMiddleware):
    """Obeys `retry_after` on every call, and keeps polling alive through outages.

    A call is repeated only when Telegram said that it did nothing, so no answer is sent twice.
    Polling is repeated after any error but a refused token, which `on_refused` is told; `on_polled`
    is told of each poll that Telegram answered.
    """

    def __init__(
        self,
        *,
        on_refused: Callable[[], None],
        on_polled: Callable[[], None],
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._on_refused = on_refused
        self._on_polled = on_polled
        self._chance = chance
        self._sleep = sleep

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Make the request, with patience."""
        if isinstance(method, GetUpdates):
            return await self._poll(make_request, bot, method)
        return await self._call(make_request, bot, method)

    async def _call(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as error:
                if error.retry_after > ANSWER_WAIT_S_MAX:
                    raise
                log.info("request.delayed", method=method.__api_method__, seconds=error.retry_after)
                await self._sleep(error.retry_after + self._jitter_s())
        return await make_request(bot, method)

    async def _poll(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        failures = 0
        while True:
            try:
                response = await make_request(bot, method)
            except (TelegramUnauthorizedError, TelegramNotFound):
                self._on_refused()
                raise
            except (TelegramAPIError, ClientDecodeError) as error:
                failures += 1
                delay_s = self._poll_delay_s(error, failures)
                why = ELSEWHERE if isinstance(error, TelegramConflictError) else str(error)
                log.warning(
                    "polling.interrupted", why=why, failures=failures, again_in_s=round(delay_s, 1)
                )
                await self._sleep(delay_s)
            else:
                if failures:
                    log.info("polling.resumed", failures=failures)
                self._on_polled()
                if _is_guesswork(response):
                    await self._sleep(GUESSWORK_PAUSE_S)  # the next guess must not come at once
                return response

    def _poll_delay_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, TelegramRetryAfter):
            return min(float(error.retry_after), POLL_WAIT_S_MAX) + self._jitter_s()
        return backoff_s(failures, first_s=1.0, max_s=POLL_BACKOFF_S_MAX, chance=self._chance())

    def _jitter_s(self) -> float:
        return self._chance() * JITTER_S_MAX
