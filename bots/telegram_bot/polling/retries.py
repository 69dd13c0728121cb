"""Retries of calls to Telegram: which errors the bot waits out, retries or gives up on.

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
from aiogram.methods import AnswerCallbackQuery, GetChatMember, GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType

from bots.runtime.backoff import backoff_s
from config.telegram_answer_decoding import UnreadableUpdate
from db.error_causes.logged_causes import LoggedCauses

from .progress import OTHER_POLLER

log = structlog.get_logger("twinstream.telegram_bot")

#: Attempts to send one answer: a chat that is limited again after three waits is flooded.
ATTEMPTS_MAX = 4
#: Seconds that an answer waits at most: members have forgotten the question by then.
ANSWER_WAIT_S_MAX = 90.0
#: Seconds that polling waits at most, even if Telegram asks for more.
POLL_WAIT_S_MAX = 600.0
#: Seconds between polls during an outage at most, so that the bot is back soon after it.
POLL_BACKOFF_S_MAX = 30.0
#: Seconds between polls at most while another process polls with the token: the polls of both show
#: that this goes on, and members get answers from whichever has the update.
CONFLICT_PAUSE_S_MAX = 5.0
#: Calls that a handler makes while other members' updates wait for it. They are never waited out.
IMPATIENT = (GetChatMember, AnswerCallbackQuery)
#: Seconds added to a wait that Telegram asked for, at random, so that calls do not return at once.
JITTER_S_MAX = 0.5
#: Seconds between polls that bring only updates without an id that can be read.
GUESSED_ID_PAUSE_S = 1.0


def _has_guessed_ids(updates: object) -> bool:
    return isinstance(updates, list) and any(
        isinstance(one, UnreadableUpdate) and one.id_is_guessed for one in updates
    )


class Retries(BaseRequestMiddleware):
    """Obeys `retry_after` on every call but IMPATIENT ones, and keeps polling alive in outages.

    A call is repeated only when Telegram said that it did nothing, so no answer is sent twice.
    Polling is repeated after any error but a refused token. `on_refused` is called for a refused
    token, `on_polled` for each poll that Telegram answered, and `on_conflict` for each that gave
    way to another process.
    """

    def __init__(
        self,
        *,
        on_refused: Callable[[], None],
        on_polled: Callable[[], None],
        on_conflict: Callable[[], None],
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._on_refused = on_refused
        self._on_polled = on_polled
        self._on_conflict = on_conflict
        self._chance = chance
        self._sleep = sleep
        self._news = LoggedCauses()

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Make the request, and repeat it as long as that is safe and useful."""
        if isinstance(method, GetUpdates):
            return await self._poll(make_request, bot, method)
        return await self._call(make_request, bot, method)

    async def _call(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        attempts = 1 if isinstance(method, IMPATIENT) else ATTEMPTS_MAX
        for _ in range(attempts - 1):
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
                why = str(error)
                if isinstance(error, TelegramConflictError):
                    self._on_conflict()
                    why = f"{OTHER_POLLER} ({error.message})"
                log_at = log.warning if self._news.is_new(why, wait_s=delay_s) else log.debug
                log_at(
                    "polling.interrupted", why=why, failures=failures, again_in_s=round(delay_s, 1)
                )
                await self._sleep(delay_s)
            else:
                if self._news.end():
                    log.info("polling.resumed", failures=failures)
                self._on_polled()
                if _has_guessed_ids(response):
                    await self._sleep(GUESSED_ID_PAUSE_S)  # a guessed offset polls at once again
                return response

    def _poll_delay_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, TelegramRetryAfter):
            return min(float(error.retry_after), POLL_WAIT_S_MAX) + self._jitter_s()
        is_conflict = isinstance(error, TelegramConflictError)
        max_s = CONFLICT_PAUSE_S_MAX if is_conflict else POLL_BACKOFF_S_MAX
        return backoff_s(failures, first_s=1.0, max_s=max_s, chance=self._chance())

    def _jitter_s(self) -> float:
        return self._chance() * JITTER_S_MAX
