"""Answers on their way: in order for each account, and no chat waits for another one.

Telegram limits a bot to about one message a second in a chat and twenty a minute in a group.
Updates are handled one after the other, so a handler that waited for these limits would keep the
whole community waiting. Answers wait here instead, and those that wait for the same chat share a
message. Each account has its turn, so an account that asks much keeps no other waiting.

A handler asks for room first: a question without room for its answer is not handled, and the next
message in the chat says so. Everything that an answer reports is committed before the answer is
put here; a crash loses only the answer.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import structlog
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter

from bots.features.command import Asker
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts.names import shown_name
from config.telegram_answer_decoding import UnreadableAnswer

from .texts import for_asker, skipped

log = structlog.get_logger("twinstream.telegram_bot")

MARKUP = TelegramMarkup()

#: Answers that may wait for one account in a chat: as many as the account may ask for at once.
ACCOUNT_WAITING_MAX = 12
#: Answers that may wait for one chat: two minutes of shared messages.
CHAT_WAITING_MAX = 300
#: Answers in one message: more would be hard to read.
SHARED_MAX = 20
#: Characters of answers that share a message, or to which notes are added. Telegram takes 4,096
#: without the markup, and notes need a few hundred.
SHARED_CHARS_MAX = 3_000
#: Accounts that one message tells of questions that were not answered.
NOTES_MAX = 5
#: Chats that are remembered while nothing waits there. Beyond it the oldest is forgotten.
CHATS_MAX = 1_000

#: Messages in a group within PACE_WINDOW_S seconds that leave at once. Each further one waits
#: PACE_GAP_S seconds after the one before, so that Telegram's twenty a minute are never used up:
#: a bot that used them up would be silent for the rest of the minute.
PACE_FREE = 12
PACE_GAP_S = 7.5
PACE_WINDOW_S = 60.0
#: Seconds that a chat rests at most after Telegram refused a message with its patience at an end.
REST_S_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one account."""

    asker: Asker
    text: str
    """The answer, as Telegram's HTML."""
    send: Callable[[str], Awaitable[object]]
    """Sends a text as the answer to this account's question."""
    share: Callable[[str], Awaitable[object]] | None = None
    """Sends a text that holds answers to several accounts. None: the answer shares no message."""
    thread_id: int | None = None
    """The topic of a forum. Only answers in the same topic share a message."""
    takes_notes: bool = False
    """Whether an answer that shares no message may still have notes below it."""
    must_arrive: bool = False
    """Whether the answer is sent however long Telegram refuses it: it tells of a win."""
    command_id: int | None = None
    """The message that it answers."""
    replaces: Hashable = None
    """The message that it replaces. An earlier answer that waits to replace the same one is not
    sent: in a busy group, a member presses faster than messages may be edited."""


@dataclass(slots=True)
class _Skipped:
    asker: Asker
    count: int = 0


@dataclass(slots=True)
class _Chat:
    """The answers that wait for one chat, the accounts in the order of their turns."""

    waiting: OrderedDict[int, deque[Reply]] = field(default_factory=OrderedDict)
    skipped: OrderedDict[int, _Skipped] = field(default_factory=OrderedDict)
    sent_at: deque[float] = field(default_factory=deque)
    sending: asyncio.Task[None] | None = None

    def count(self) -> int:
        return sum(map(len, self.waiting.values()))

    def put(self, reply: Reply) -> None:
        replies = self.waiting.setdefault(reply.asker.account_id, deque())
        for index, waiting in enumerate(replies):
            if reply.replaces is not None and waiting.replaces == reply.replaces:
                replies[index] = reply
                return
        replies.append(reply)

    def put_back(self, reply: Reply) -> None:
        self.waiting.setdefault(reply.asker.account_id, deque()).appendleft(reply)
        self.waiting.move_to_end(reply.asker.account_id, last=False)

    def skip(self, asker: Asker, count: int = 1) -> None:
        self.skipped.setdefault(asker.account_id, _Skipped(asker)).count += count
        if len(self.skipped) > CHAT_WAITING_MAX:
            self.skipped.popitem(last=False)

    def take_skipped(self) -> list[_Skipped]:
        """Take the questions without an answer of which the next message can tell."""
        return [self.skipped.pop(one) for one in list(self.skipped)[:NOTES_MAX]]

    def take(self) -> list[Reply]:
        """Take the answers for the next message: in each round one of each account."""
        first = self._pop(next(iter(self.waiting)))
        batch, chars, before = [first], _chars(first), 0
        while before < len(batch) < SHARED_MAX:
            before = len(batch)
            for account_id, replies in list(self.waiting.items()):
                more = _chars(replies[0])
                if (
                    len(batch) < SHARED_MAX
                    and _may_share(first, replies[0])
                    and chars + more <= SHARED_CHARS_MAX
                ):
                    batch.append(self._pop(account_id))
                    chars += more
        return batch

    def _pop(self, account_id: int) -> Reply:
        replies = self.waiting[account_id]
        reply = replies.popleft()
        self.waiting.move_to_end(account_id)
        if not replies:
            del self.waiting[account_id]
        return reply


def _chars(reply: Reply) -> int:
    return len(reply.asker.name) + len(reply.text)


def _may_share(first: Reply, other: Reply) -> bool:
    return (
        first.share is not None and other.share is not None and first.thread_id == other.thread_id
    )


class AnswerQueue:
    """Sends answers in the background until it is closed."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_sent: Callable[[object, Sequence[Reply]], None] = lambda sent, batch: None,
    ) -> None:
        self._clock = clock
        self._on_sent = on_sent
        self._chats: OrderedDict[int, _Chat] = OrderedDict()
        self._closing = asyncio.Event()

    def has_room(self, chat_id: int, account_id: int) -> bool:
        """Tell whether one more answer to this account may wait in this chat."""
        chat = self._chats.get(chat_id)
        if chat is None:
            return True
        of_account = len(chat.waiting.get(account_id, ()))
        return of_account < ACCOUNT_WAITING_MAX and chat.count() < CHAT_WAITING_MAX

    def skip(self, chat_id: int, asker: Asker) -> None:
        """Note that a question is not answered; the next message in the chat says so."""
        self._chat(chat_id).skip(asker)

    def put(self, chat_id: int, reply: Reply) -> None:
        """Have the answer sent after everything that was put here for this account before."""
        chat = self._chat(chat_id)
        chat.put(reply)
        if chat.sending is None or chat.sending.done():
            chat.sending = asyncio.create_task(self._send_all(chat_id, chat))

    async def close(self, wait_s: float) -> None:
        """Wait up to `wait_s` seconds for the answers on their way, and cancel the rest."""
        self._closing.set()  # no pause between messages any more
        sending = {chat.sending for chat in self._chats.values() if chat.sending is not None}
        if not sending:
            return
        _, late = await asyncio.wait(sending, timeout=wait_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            log.warning("answer.dropped", chats=len(late), why="the bot stops")

    def _chat(self, chat_id: int) -> _Chat:
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = _Chat()
            self._forget_idle_chats()
        return chat

    def _forget_idle_chats(self) -> None:
        """Forget the oldest chat where nothing waits, if there are too many."""
        if len(self._chats) <= CHATS_MAX:
            return
        for chat_id, chat in list(self._chats.items())[:-1]:
            if not chat.waiting and (chat.sending is None or chat.sending.done()):
                del self._chats[chat_id]
                return

    async def _send_all(self, chat_id: int, chat: _Chat) -> None:
        while chat.waiting:
            await self._pause(self._gap_s(chat_id, chat))
            batch = chat.take()
            try:
                await self._send(chat_id, chat, batch)
            except TelegramRetryAfter as error:
                await self._give_up(chat_id, chat, batch, error)

    async def _send(self, chat_id: int, chat: _Chat, batch: Sequence[Reply]) -> None:
        """Send the answers in one message, with what else the chat has to be told."""
        first = batch[0]
        takes_notes = first.share is not None or first.takes_notes
        has_space = takes_notes and sum(map(_chars, batch)) <= SHARED_CHARS_MAX
        told = chat.take_skipped() if has_space else []
        notes = [_note(chat_id, one) for one in told]
        try:
            if len(batch) == 1 or first.share is None:
                sent = await first.send("\n\n".join([first.text, *notes]))
            else:
                parts = [_named(chat_id, one.asker, one.text) for one in batch]
                sent = await first.share("\n\n".join([*parts, *notes]))
            self._on_sent(sent, batch)
        except TelegramRetryAfter:
            for skip in told:
                chat.skip(skip.asker, skip.count)
            raise
        except (AiogramError, OSError) as error:
            if isinstance(error, TelegramBadRequest) and len(batch) > 1:
                # One answer that Telegram refuses must not cost the others theirs.
                for one in reversed(batch):
                    chat.put_back(replace(one, share=None))
                for skip in told:
                    chat.skip(skip.asker, skip.count)
                return
            if isinstance(error, UnreadableAnswer) and error.was_done:
                log.info("answer.sent_unconfirmed", chat_id=chat_id, why=str(error))
            else:
                log.warning("answer.failed", chat_id=chat_id, why=str(error))
        except Exception:
            # A mistake in one answer must not cost the chat the answers behind it.
            log.exception("answer.failed", chat_id=chat_id)
        chat.sent_at.append(self._clock())
        for skip in told:
            account_id = skip.asker.account_id
            log.info(
                "questions.skipped", chat_id=chat_id, account_id=account_id, questions=skip.count
            )

    async def _give_up(
        self, chat_id: int, chat: _Chat, batch: Sequence[Reply], error: TelegramRetryAfter
    ) -> None:
        """Keep what must arrive, skip the rest, and rest as long as Telegram asks."""
        dropped = 0
        for one in reversed(batch):
            if one.must_arrive and not self._closing.is_set():
                chat.put_back(one)
            else:
                self.skip(chat_id, one.asker)
                dropped += 1
        if dropped:
            log.warning("answer.dropped", chat_id=chat_id, answers=dropped, why=str(error))
        await self._pause(min(float(error.retry_after), REST_S_MAX))

    def _gap_s(self, chat_id: int, chat: _Chat) -> float:
        """Return the seconds until the next message may be sent to this chat."""
        now, sent_at = self._clock(), chat.sent_at
        while sent_at and sent_at[0] <= now - PACE_WINDOW_S:
            sent_at.popleft()
        if chat_id > 0 or len(sent_at) < PACE_FREE:  # private chats have positive ids
            return 0.0
        return max(0.0, sent_at[-1] + PACE_GAP_S - now)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._closing.wait(), seconds)
            except TimeoutError:
                return


def _named(chat_id: int, asker: Asker, text: str) -> str:
    """Say whom a text is for. In a private chat there is one account only."""
    if chat_id == asker.account_id:
        return text
    name = shown_name(asker.name, asker.texts)
    return for_asker(MARKUP.plain(name), text)


def _note(chat_id: int, one: _Skipped) -> str:
    return _named(chat_id, one.asker, skipped(one.count, one.asker.texts))
