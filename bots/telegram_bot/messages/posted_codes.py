"""Codes and links for linking that were posted in the group: they are made void at once.

Every member of the group can open what was posted there. So the guard reads every message and every
edited message of the group, looks up each text in the shape of a code or a token among the live
ones, however it is typed, and makes those that it finds void before any handler answers.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog
from aiogram.types import Message, TelegramObject

from bots.features.command import Asker
from bots.features.linking import texts as linking_texts
from bots.features.linking import void_codes
from bots.runtime.backoff import backoff_s
from bots.runtime.room_services import Services
from config.telegram_answer_decoding import UnreadableUpdate, texts_in
from db import DbError, Platform
from db.links.codes import CODE_LIFETIME_S, proofs_in

from .answer_queue import AnswerQueue, Reply
from .buttons import private_button

log = structlog.get_logger("twinstream.telegram_bot")

#: The command that the button under the guard's answer opens in the private chat.
LINK = "link"
#: Messages that may wait for Postgres. Many more would take memory for codes that expire within
#: CODE_LIFETIME_S anyway.
WAITING_MAX = 1_000
#: Seconds between attempts, first and at most: a live code should be void soon after an outage.
DELAY_FIRST_S = 0.5
DELAY_MAX_S = 5.0
#: Seconds that the last attempt may take when the bot stops, well within a supervisor's grace.
LAST_ATTEMPT_S_MAX = 2.0


class Found(enum.Enum):
    """The result of the guard's look at a message of the group."""

    NO_LIVE_CODE = "no_live_code"
    VOID = "void"
    """A code that was live and is void now; the guard answers its poster."""
    UNKNOWN = "unknown"
    """Perhaps a live code: Postgres is unavailable, and the guard looks again after the outage."""


class _Waiting(NamedTuple):
    message: Message | None
    """None for a message that cannot be decoded, so that nobody can be answered."""
    codes: Sequence[str]
    until: float


class CodeGuard:
    """Makes posted codes void and answers their posters. Notices tell the codes' owners.

    It hands `found` to the handlers. While Postgres is unavailable, messages wait here and not in
    the queue of updates, so other members' updates are handled meanwhile.
    """

    def __init__(self, services: Services, queue: AnswerQueue) -> None:
        community = services.community
        self._group_id = community.telegram.chat_id
        self._database = services.database
        self._texts = services.languages.speak(community.announcements.language)
        self._queue = queue
        self._waiting: deque[_Waiting] = deque()
        self._retrying: asyncio.Task[None] | None = None

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Check a message before any handler gets it, as an outer middleware."""
        assert isinstance(event, Message)
        found = Found.NO_LIVE_CODE
        if event.chat.id == self._group_id:
            codes = proofs_in(*texts_of(event))
            if codes:
                found = await self._look_for(event, codes)
        return await handler(event, {**data, "found": found})

    async def check_unread(self, update: UnreadableUpdate) -> None:
        """Make codes void in an update that cannot be decoded. Nobody is answered; owners hear."""
        if update.chat_id == self._group_id and (codes := proofs_in(*update.texts)):
            await self._look_for(None, codes)

    async def close(self) -> None:
        """Check the waiting messages once more, and log how many are left if that fails."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait({self._retrying})
        if not self._waiting:
            return
        try:
            async with asyncio.timeout(LAST_ATTEMPT_S_MAX):
                await self._void_waiting()
        except (DbError, TimeoutError) as error:
            log.error("codes.not_voided", messages=len(self._waiting), why=str(error) or "stopped")

    async def _look_for(self, message: Message | None, codes: Sequence[str]) -> Found:
        if not self._waiting:  # else Postgres is unavailable, and a query would delay all updates
            try:
                return await self._void(message, codes)
            except DbError as error:
                log.warning("codes.deferred", message_id=_id_of(message), why=str(error))
        if len(self._waiting) >= WAITING_MAX:
            log.error("codes.not_voided", message_id=_id_of(message), why="too many wait")
            return Found.UNKNOWN
        until = asyncio.get_running_loop().time() + CODE_LIFETIME_S
        self._waiting.append(_Waiting(message, codes, until))
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._keep_retrying())
        return Found.UNKNOWN

    async def _void(self, message: Message | None, codes: Sequence[str]) -> Found:
        voided = await void_codes(self._database, codes)
        if not voided:
            return Found.NO_LIVE_CODE
        log.info("code.voided", message_id=_id_of(message), issued_on=voided)
        if message is not None:
            await self._answer(message, voided)
        return Found.VOID

    async def _answer(self, message: Message, voided: Sequence[Platform]) -> None:
        lines = [linking_texts.code_void(one, self._texts) for one in sorted(set(voided))]
        keyboard = await private_button(message, LINK, self._texts)

        user = message.from_user
        poster = Asker(user.id, user.full_name, self._texts) if user else Asker(0, "", self._texts)
        if not self._queue.has_room(message.chat.id, poster.account_id):
            # A member who posts one code after the other must not take the answers of the others.
            self._queue.skip(message.chat.id, poster)
            return
        send = partial(message.reply, reply_markup=keyboard)
        self._queue.put(message.chat.id, Reply(poster, "\n".join(lines), send))

    async def _keep_retrying(self) -> None:
        failures = 0
        while self._waiting:
            failures += 1
            await asyncio.sleep(
                backoff_s(failures, first_s=DELAY_FIRST_S, max_s=DELAY_MAX_S, chance=0.0)
            )
            self._drop_expired()
            try:
                await self._void_waiting()
            except DbError as error:
                log.debug("codes.deferred", messages=len(self._waiting), why=str(error))
        log.info("codes.caught_up")

    def _drop_expired(self) -> None:
        """Drop messages whose codes have expired by now, live or not."""
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].until < now:
            self._waiting.popleft()

    async def _void_waiting(self) -> None:
        while self._waiting:
            waiting = self._waiting[0]
            try:
                await self._void(waiting.message, waiting.codes)
            except DbError:
                raise
            except Exception:
                # A mistake in one message must not keep the messages behind it waiting.
                log.exception("codes.not_voided", message_id=_id_of(waiting.message))
            self._waiting.popleft()


def _id_of(message: Message | None) -> int | None:
    return None if message is None else message.message_id


def texts_of(message: Message) -> Iterator[str]:
    """Yield every text of a message that people can read. Pure."""
    quoted = message.quote.text if message.quote is not None else None
    yield from filter(None, (message.text, message.caption, quoted))
    for entity in (*(message.entities or ()), *(message.caption_entities or ())):
        yield from filter(None, (entity.url,))  # an address behind other words
    for part in (message.rich_message, message.poll, message.checklist, message.reply_markup):
        if part is not None:
            yield from texts_in(part.model_dump())
    # Fields that this release of aiogram does not know are kept as they came.
    yield from texts_in(message.model_extra)
