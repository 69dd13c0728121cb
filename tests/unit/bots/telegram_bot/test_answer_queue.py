"""Answers leave in order within a chat, and no chat waits for another one."""

import asyncio

from aiogram.exceptions import TelegramBadRequest
from aiogram.methods import SendMessage

from bots.telegram_bot.messages.answer_queue import WAITING_MAX, AnswerQueue

ALICE, CLARA = 1001, 1003


class Telegram:
    """Remembers what was sent, and delays a chat until `go_on` is set."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.go_on = asyncio.Event()

    def say(self, text: str, *, slowly: bool = False):
        async def send() -> None:
            if slowly:
                await self.go_on.wait()
            self.said.append(text)

        return send


async def test_a_chat_that_has_to_wait_keeps_no_other_waiting() -> None:
    telegram, queue = Telegram(), AnswerQueue()

    queue.put(CLARA, telegram.say("to Clara", slowly=True))
    queue.put(ALICE, telegram.say("to Alice"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert telegram.said == ["to Alice"]
    telegram.go_on.set()
    await queue.close(5)
    assert telegram.said == ["to Alice", "to Clara"]


async def test_within_a_chat_the_order_stays() -> None:
    telegram, queue = Telegram(), AnswerQueue()
    queue.put(CLARA, telegram.say("1", slowly=True))
    queue.put(CLARA, telegram.say("2"))

    telegram.go_on.set()
    await queue.close(5)

    assert telegram.said == ["1", "2"]


async def test_a_chat_that_asks_too_fast_gets_no_more_answers() -> None:
    telegram, queue = Telegram(), AnswerQueue()
    queue.put(CLARA, telegram.say("first", slowly=True))
    await asyncio.sleep(0)
    for number in range(WAITING_MAX + 5):
        queue.put(CLARA, telegram.say(str(number)))

    telegram.go_on.set()
    await queue.close(5)

    assert telegram.said == ["first", *map(str, range(WAITING_MAX))]


async def test_a_refused_answer_does_not_keep_the_next_one() -> None:
    telegram, queue = Telegram(), AnswerQueue()

    async def refused() -> None:
        raise TelegramBadRequest(SendMessage(chat_id=CLARA, text=""), "message text is empty")

    queue.put(CLARA, refused)
    queue.put(CLARA, telegram.say("next"))
    await queue.close(5)

    assert telegram.said == ["next"]


async def test_closing_waits_no_longer_than_its_limit() -> None:
    telegram, queue = Telegram(), AnswerQueue()
    queue.put(CLARA, telegram.say("never", slowly=True))

    await queue.close(0.01)

    assert telegram.said == []
