"""Answers on their way: in order within a chat, and no chat waits for another one.

Telegram limits a bot to about one message a second in a chat and twenty a minute in a group.
Updates are handled one after the other, so a handler that waited for these limits would keep the
whole community waiting. Everything that an answer reports is committed before the answer is put
here; a crash loses only the answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog
from aiogram.exceptions import AiogramError

from config.telegram_answer_decoding import UnreadableAnswer

log = structlog.get_logger("twinstream.telegram_bot")

#: Answers that may wait for one chat: a minute of a group's limit. A chat that asks faster gets no
#: answer to the rest.
WAITING_MAX = 20

Send = Callable[[], Awaitable[object]]


class AnswerQueue:
    """Sends answers in the background until it is closed."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Send]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def put(self, chat_id: int, send: Send) -> None:
        """Have `send` awaited after everything that was put here for this chat before."""
        waiting = self._waiting.get(chat_id)
        if waiting is None:
            waiting = self._waiting[chat_id] = deque()
            task = asyncio.create_task(self._send_all(chat_id, waiting))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if len(waiting) >= WAITING_MAX:
            log.warning("answer.dropped", chat_id=chat_id, waiting=len(waiting))
            return
        waiting.append(send)

    async def close(self, wait_s: float) -> None:
        """Wait up to `wait_s` seconds for the answers on their way, and cancel the rest."""
        if not self._sending:
            return
        _, late = await asyncio.wait(self._sending, timeout=wait_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            log.warning("answer.dropped", chats=len(late), why="the bot stops")

    async def _send_all(self, chat_id: int, waiting: deque[Send]) -> None:
        try:
            while waiting:
                send = waiting.popleft()
                try:
                    await send()
                except (AiogramError, OSError) as error:
                    if isinstance(error, UnreadableAnswer) and error.was_done:
                        log.info("answer.sent_unconfirmed", chat_id=chat_id, why=str(error))
                    else:
                        log.warning("answer.failed", chat_id=chat_id, why=str(error))
                except Exception:
                    # A mistake in one answer must not cost the chat the answers behind it.
                    log.exception("answer.failed", chat_id=chat_id)
        finally:
            del self._waiting[chat_id]
