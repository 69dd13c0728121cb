"""Answers leave in order, share messages, and no account or chat keeps another one waiting."""

import asyncio

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import SendMessage

from bots.features.command import Asker
from bots.telegram_bot.messages import answer_queue
from bots.telegram_bot.messages.answer_queue import (
    ACCOUNT_WAITING_MAX,
    CHAT_WAITING_MAX,
    PACE_FREE,
    PACE_GAP_S,
    SHARED_MAX,
    AnswerQueue,
    Reply,
)
from bots.texts.languages import Languages

GROUP, ALICE, CLARA = -100, 1001, 1003
ENGLISH = Languages.load().speak("en")


def asker(account_id: int) -> Asker:
    return Asker(account_id, f"member {account_id}", ENGLISH)


class Telegram:
    """Remembers what was sent, and holds every message until `go_on` is set."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.errors: list[Exception] = []
        self.go_on = asyncio.Event()

    def answer(
        self, account_id: int, text: str, *, at_once: bool = False, **options: bool
    ) -> Reply:
        async def send(written: str) -> None:
            if not at_once:
                await self.go_on.wait()
            if self.errors:
                raise self.errors.pop(0)
            if "<bad" in written:
                raise TelegramBadRequest(SendMessage(chat_id=1, text=""), "can't parse entities")
            self.said.append(written)

        return Reply(asker(account_id), text, send, send, **options)


@pytest.fixture
def telegram() -> Telegram:
    return Telegram()


@pytest.fixture
def queue() -> AnswerQueue:
    return AnswerQueue()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def flooded(seconds: int) -> TelegramRetryAfter:
    return TelegramRetryAfter(SendMessage(chat_id=1, text=""), "flood", seconds)


async def test_a_chat_that_has_to_wait_keeps_no_other_waiting(telegram, queue):
    queue.put(CLARA, telegram.answer(CLARA, "to Clara"))
    queue.put(ALICE, telegram.answer(ALICE, "to Alice", at_once=True))
    await turns()

    assert telegram.said == ["to Alice"]
    telegram.go_on.set()
    await queue.close(5)
    assert telegram.said == ["to Alice", "to Clara"]


async def test_answers_that_wait_for_one_chat_share_a_message_in_their_order(telegram, queue):
    queue.put(CLARA, telegram.answer(CLARA, "1"))
    await turns()
    for text in ("2", "3"):
        queue.put(CLARA, telegram.answer(CLARA, text))

    telegram.go_on.set()
    await queue.close(5)

    assert telegram.said == ["1", "2\n\n3"]


async def test_in_a_group_a_shared_message_names_each_account(telegram, queue):
    queue.put(GROUP, telegram.answer(ALICE, "first"))
    await turns()
    queue.put(GROUP, telegram.answer(ALICE, "second"))
    queue.put(GROUP, telegram.answer(CLARA, "third"))

    telegram.go_on.set()
    await queue.close(5)

    assert telegram.said == ["first", "<b>member 1001</b>: second\n\n<b>member 1003</b>: third"]


async def test_each_account_has_its_turn_before_another_has_a_second_one(telegram, queue):
    queue.put(GROUP, telegram.answer(ALICE, "1"))
    await turns()
    for number in range(SHARED_MAX):
        queue.put(GROUP, telegram.answer(ALICE, f"Alice {number}"))
    for account_id in range(2_000, 2_000 + SHARED_MAX - 1):
        queue.put(GROUP, telegram.answer(account_id, "once"))

    telegram.go_on.set()
    await queue.close(5)

    _, shared, *_ = telegram.said
    assert shared.count("once") == SHARED_MAX - 1
    assert shared.count("Alice") == 1


async def test_forty_members_who_ask_at_once_are_answered_in_three_messages(telegram, queue):
    for account_id in range(2_000, 2_040):
        queue.put(GROUP, telegram.answer(account_id, f"to {account_id}"))
        await turns(1)

    telegram.go_on.set()
    await queue.close(5)

    assert len(telegram.said) == 3
    assert all(f"to {account_id}" in str(telegram.said) for account_id in range(2_000, 2_040))


@pytest.mark.parametrize(
    ("most", "account_of"),
    [(ACCOUNT_WAITING_MAX, lambda _: ALICE), (CHAT_WAITING_MAX, lambda n: 2_000 + n)],
    ids=["one account", "many accounts"],
)
async def test_a_chat_that_asks_too_fast_has_no_room_for_more(telegram, queue, most, account_of):
    queue.put(GROUP, telegram.answer(CLARA, "first"))
    await turns()
    for number in range(most):
        assert queue.has_room(GROUP, account_of(number))
        queue.put(GROUP, telegram.answer(account_of(number), "more"))

    assert not queue.has_room(GROUP, account_of(most))
    assert queue.has_room(ALICE, ALICE)
    telegram.go_on.set()
    await queue.close(5)


async def test_what_was_not_answered_is_told_in_the_next_message(telegram, queue):
    telegram.go_on.set()
    for _ in range(3):
        queue.skip(GROUP, asker(CLARA))
    queue.put(GROUP, telegram.answer(ALICE, "hello"))
    await turns()
    queue.put(GROUP, telegram.answer(ALICE, "again"))
    await queue.close(5)

    first, second = telegram.said
    assert first.startswith("hello\n\n<b>member 1003</b>: I left 3 messages of yours unanswered")
    assert second == "again"


async def test_an_answer_that_fills_a_message_shares_it_with_nothing(telegram, queue):
    telegram.go_on.set()
    queue.skip(CLARA, asker(CLARA))
    queue.put(CLARA, telegram.answer(CLARA, "x" * 4_000))
    queue.put(CLARA, telegram.answer(CLARA, "next"))
    await queue.close(5)

    filled, after = telegram.said
    assert filled == "x" * 4_000
    assert after.startswith("next\n\nI left 1 message of yours unanswered")


async def test_an_answer_that_is_refused_costs_no_other_that_shared_its_message(telegram, queue):
    queue.put(CLARA, telegram.answer(CLARA, "1"))
    await turns()
    queue.put(CLARA, telegram.answer(CLARA, "<bad"))
    queue.put(CLARA, telegram.answer(CLARA, "3"))

    telegram.go_on.set()
    await queue.close(5)

    assert telegram.said == ["1", "3"]


async def test_a_win_is_told_however_long_telegram_refuses_it(telegram, queue, monkeypatch):
    monkeypatch.setattr(answer_queue, "REST_S_MAX", 0.01)
    telegram.go_on.set()
    telegram.errors = [flooded(600)] * 3
    queue.put(GROUP, telegram.answer(ALICE, "you won", must_arrive=True))
    queue.put(GROUP, telegram.answer(CLARA, "higher"))

    async with asyncio.timeout(5):
        while not telegram.said:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0.01)

    assert telegram.said[0].startswith("you won")
    assert "<b>member 1003</b>: I left 1 message of yours unanswered" in telegram.said[0]


async def test_a_groups_messages_are_spread_so_that_telegram_never_refuses_one():
    now = 0.0
    telegram, queue = Telegram(), AnswerQueue(clock=lambda: now)
    for number in range(PACE_FREE + 1):
        queue.put(GROUP, telegram.answer(ALICE, str(number), at_once=True))
        await turns()

    assert len(telegram.said) == PACE_FREE
    assert queue._gap_s(GROUP, queue._chats[GROUP]) == PACE_GAP_S
    now = 60.0
    assert queue._gap_s(GROUP, queue._chats[GROUP]) == 0.0
    await queue.close(5)
    assert len(telegram.said) == PACE_FREE + 1


async def test_closing_waits_no_longer_than_its_limit(telegram, queue):
    queue.put(CLARA, telegram.answer(CLARA, "never"))

    await queue.close(0.01)

    assert telegram.said == []
