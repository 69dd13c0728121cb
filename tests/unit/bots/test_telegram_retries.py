import asyncio
from datetime import UTC, datetime

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
from aiogram.types import Chat, Message, Update, User

from bots.telegram_bot.polling import Progress, Turnstile
from bots.telegram_bot.requests import ANSWER_WAIT_S_MAX, ATTEMPTS_MAX, POLL_WAIT_S_MAX, Patience
from bots.telegram_bot.senders import ANONYMOUS_ADMIN_ID, SERVICE_ID, Sender, sender_of

BOT = Bot("42:TEST")
SEND = SendMessage(chat_id=1, text="hello")
POLL = GetUpdates()
GROUP = Chat(id=-1001, type="supergroup")


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
def patience(slept, refusals, polled):
    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    return Patience(
        on_refused=lambda: refusals.append(1),
        on_polled=lambda: polled.append(1),
        chance=lambda: 0.0,
        sleep=sleep,
    )


def test_progress_is_recent_for_so_long_and_no_longer():
    now = 100.0
    progress = Progress(silence_s_max=145.0, clock=lambda: now)
    assert not progress.is_recent()

    progress.made()
    now += 145.0
    assert progress.is_recent()

    now += 0.1
    assert not progress.is_recent()


def retry_after(seconds: float, method=SEND) -> TelegramRetryAfter:
    return TelegramRetryAfter(method=method, message="flood", retry_after=seconds)


async def test_an_answer_waits_as_long_as_it_is_told(patience, slept):
    assert await patience(Telegram(retry_after(3), retry_after(5), "sent"), BOT, SEND) == "sent"
    assert slept == [3, 5]


async def test_an_answer_is_given_up_after_some_attempts(patience, slept):
    telegram = Telegram(*[retry_after(1)] * ATTEMPTS_MAX, "never reached")

    with pytest.raises(TelegramRetryAfter):
        await patience(telegram, BOT, SEND)

    assert telegram.answers == ["never reached"]
    assert len(slept) == ATTEMPTS_MAX - 1


async def test_an_answer_that_would_hold_up_others_for_long_is_given_up_at_once(patience, slept):
    with pytest.raises(TelegramRetryAfter):
        await patience(Telegram(retry_after(ANSWER_WAIT_S_MAX + 1)), BOT, SEND)

    assert slept == []


@pytest.mark.parametrize("error", [TelegramServerError, TelegramNetworkError])
async def test_an_answer_that_may_have_been_sent_is_not_sent_again(patience, error):
    telegram = Telegram(error(method=SEND, message="lost"), "a second answer")

    with pytest.raises(error):
        await patience(telegram, BOT, SEND)

    assert telegram.answers == ["a second answer"]


async def test_polling_goes_on_after_any_outage(patience, slept):
    telegram = Telegram(
        TelegramNetworkError(method=POLL, message="away"),
        TelegramServerError(method=POLL, message="502"),
        TelegramConflictError(method=POLL, message="another poller"),
        retry_after(7, POLL),
        "updates",
    )

    assert await patience(telegram, BOT, POLL) == "updates"
    assert slept == [1, 2, 4, 7]


async def test_only_a_poll_that_telegram_answered_counts_as_one(patience, polled):
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
    await patience(telegram, BOT, POLL)
    await patience(Telegram("sent"), BOT, SEND)

    assert answered == [0, 0, 0]
    assert polled == [1]


async def test_polling_waits_no_longer_than_its_limit(patience, slept):
    await patience(Telegram(retry_after(86_400, POLL), "updates"), BOT, POLL)

    assert slept == [POLL_WAIT_S_MAX]


async def test_a_token_that_is_refused_while_polling_is_told(patience, refusals):
    with pytest.raises(TelegramUnauthorizedError):
        await patience(
            Telegram(TelegramUnauthorizedError(method=POLL, message="Unauthorized")), BOT, POLL
        )

    assert refusals == [1]


async def test_an_update_counts_as_handled_when_its_handling_ends_well_or_not():
    handled: list[str] = []
    turnstile = Turnstile(on_handled=lambda: handled.append("handled"))
    release = asyncio.Event()

    async def hang(event, data):
        await release.wait()

    async def fail(event, data):
        raise ValueError("a bug")

    hanging = asyncio.create_task(turnstile(hang, Update(update_id=1), {}))
    await asyncio.sleep(0)
    assert handled == []

    release.set()
    await hanging
    with pytest.raises(ValueError, match="a bug"):
        await turnstile(fail, Update(update_id=2), {})
    assert handled == ["handled", "handled"]


def message(user: User | None, sender_chat: Chat | None = None) -> Message:
    return Message(
        message_id=1,
        date=datetime(2026, 1, 2, tzinfo=UTC),
        chat=GROUP,
        from_user=user,
        sender_chat=sender_chat,
        text="/guess 7",
    )


@pytest.mark.parametrize(
    ("user", "sender_chat", "sender"),
    [
        (User(id=1001, is_bot=False, first_name="Alice"), None, Sender.MEMBER),
        (User(id=42, is_bot=True, first_name="another bot"), None, Sender.NOBODY),
        (User(id=SERVICE_ID, is_bot=False, first_name="Telegram"), None, Sender.NOBODY),
        (
            User(id=ANONYMOUS_ADMIN_ID, is_bot=True, first_name="Group"),
            GROUP,
            Sender.ANONYMOUS_ADMIN,
        ),
        (
            User(id=ANONYMOUS_ADMIN_ID, is_bot=True, first_name="Group"),
            None,
            Sender.ANONYMOUS_ADMIN,
        ),
        (
            User(id=136_817_688, is_bot=True, first_name="Channel"),
            Chat(id=-1002, type="channel"),
            Sender.NOBODY,
        ),
        (
            User(id=1001, is_bot=False, first_name="Alice"),
            Chat(id=-1002, type="channel"),
            Sender.NOBODY,
        ),
        (User(id=1001, is_bot=False, first_name="Alice"), GROUP, Sender.ANONYMOUS_ADMIN),
        (None, Chat(id=-1002, type="channel"), Sender.NOBODY),
        (None, None, Sender.NOBODY),
    ],
)
def test_only_a_person_who_writes_in_their_own_name_is_a_member(user, sender_chat, sender):
    assert sender_of(message(user, sender_chat)) is sender
