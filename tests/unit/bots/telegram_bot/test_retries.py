import asyncio

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetUpdates, SendMessage
from structlog.testing import capture_logs

from bots.telegram_bot.polling.progress import OTHER_POLLER
from bots.telegram_bot.polling.retries import (
    ANSWER_WAIT_S_MAX,
    ATTEMPTS_MAX,
    CONFLICT_PAUSE_S_MAX,
    POLL_BACKOFF_S_MAX,
    POLL_WAIT_S_MAX,
    Retries,
)
from tests.support.log_lines import told

BOT = Bot("42:TEST")
SEND = SendMessage(chat_id=1, text="hello")
POLL = GetUpdates()


class Telegram:
    """Answers with what it was given, one after another; an exception is raised."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def __call__(self, bot, method):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def slept():
    return []


@pytest.fixture
def refusals():
    return []


@pytest.fixture
def polled():
    return []


@pytest.fixture
def conflicts():
    return []


@pytest.fixture
def retries(slept, refusals, polled, conflicts):
    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    return Retries(
        on_refused=lambda: refusals.append(1),
        on_polled=lambda: polled.append(1),
        on_conflict=lambda: conflicts.append(1),
        chance=lambda: 0.0,
        sleep=sleep,
    )


def retry_after(seconds: int, method=SEND) -> TelegramRetryAfter:
    return TelegramRetryAfter(method=method, message="flood", retry_after=seconds)


async def test_an_answer_waits_as_long_as_it_is_told(retries, slept):
    assert await retries(Telegram(retry_after(3), retry_after(5), "sent"), BOT, SEND) == "sent"
    assert slept == [3, 5]


async def test_an_answer_is_given_up_after_some_attempts(retries, slept):
    telegram = Telegram(*[retry_after(1)] * ATTEMPTS_MAX, "never reached")

    with pytest.raises(TelegramRetryAfter):
        await retries(telegram, BOT, SEND)

    assert telegram.answers == ["never reached"]
    assert len(slept) == ATTEMPTS_MAX - 1


async def test_an_answer_that_has_to_wait_too_long_is_given_up_at_once(retries, slept):
    with pytest.raises(TelegramRetryAfter):
        await retries(Telegram(retry_after(int(ANSWER_WAIT_S_MAX) + 1)), BOT, SEND)

    assert slept == []


@pytest.mark.parametrize("error", [TelegramServerError, TelegramNetworkError])
async def test_an_answer_that_may_have_been_sent_is_not_sent_again(retries, error):
    telegram = Telegram(error(method=SEND, message="lost"), "a second answer")

    with pytest.raises(error):
        await retries(telegram, BOT, SEND)

    assert telegram.answers == ["a second answer"]


async def test_polling_goes_on_after_any_outage(retries, slept):
    telegram = Telegram(
        TelegramNetworkError(method=POLL, message="away"),
        TelegramServerError(method=POLL, message="502"),
        TelegramConflictError(method=POLL, message="another poller"),
        retry_after(7, POLL),
        "updates",
    )

    assert await retries(telegram, BOT, POLL) == "updates"
    assert slept == [1, 2, 4, 7]


async def test_only_a_poll_that_telegram_answered_counts_as_one(retries, polled):
    answered: list[int] = []

    class Watched(Telegram):
        async def __call__(self, bot, method):
            answered.append(len(polled))
            return await super().__call__(bot, method)

    telegram = Watched(
        TelegramNetworkError(method=POLL, message="away"),
        TelegramConflictError(method=POLL, message="another poller"),
        "updates",
    )
    await retries(telegram, BOT, POLL)
    await retries(Telegram("sent"), BOT, SEND)

    assert answered == [0, 0, 0]
    assert polled == [1]


async def test_polling_waits_no_longer_than_its_limit(retries, slept):
    await retries(Telegram(retry_after(86_400, POLL), "updates"), BOT, POLL)

    assert slept == [POLL_WAIT_S_MAX]


async def test_polls_go_on_every_few_seconds_while_another_process_polls(retries, slept, conflicts):
    lost = [TelegramConflictError(method=POLL, message="another poller") for _ in range(6)]
    telegram = Telegram(*lost, TelegramNetworkError(method=POLL, message="away"), "updates")

    await retries(telegram, BOT, POLL)

    assert slept == [1, 2, 4, *[CONFLICT_PAUSE_S_MAX] * 3, POLL_BACKOFF_S_MAX]
    assert conflicts == [1] * 6


async def test_the_log_tells_a_webhook_from_another_process(retries):
    causes = (
        "Conflict: terminated by other getUpdates request",
        "Conflict: can't use getUpdates method while webhook is active",
    )
    telegram = Telegram(*(TelegramConflictError(method=POLL, message=one) for one in causes), [])

    with capture_logs() as logs:
        await retries(telegram, BOT, POLL)

    whys = [line["why"] for line in logs if line["event"] == "polling.interrupted"]
    assert whys == [f"{OTHER_POLLER} ({one})" for one in causes]


async def test_a_token_that_is_refused_while_polling_is_reported(retries, refusals):
    with pytest.raises(TelegramUnauthorizedError):
        await retries(
            Telegram(TelegramUnauthorizedError(method=POLL, message="Unauthorized")), BOT, POLL
        )

    assert refusals == [1]


async def test_an_outage_and_its_end_are_told_once(retries):
    away = [TelegramNetworkError(method=POLL, message=f"away, try {n}") for n in range(5)]

    with capture_logs() as logs:
        await retries(Telegram(*away, "updates"), BOT, POLL)
        await retries(Telegram("updates"), BOT, POLL)

    assert told(logs) == ["polling.interrupted", "polling.resumed"]
