"""Codes for linking that the group could read: they are void from then on.

Everybody in the group can redeem a code that was posted there. So every message and every edited
message of the group is looked at; what has the shape of a code is looked for among the live codes,
and what is found is void before anything is answered.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple

import structlog
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message, TelegramObject
from aiogram.utils.deep_linking import create_start_link

from bots import answers
from bots.app import Services
from bots.supervisor import backoff_s
from bots.texts import Texts
from db import DbError, Platform
from db.members.linking import CODE_LIFETIME_S, codes_in

from .outbox import Outbox

log = structlog.get_logger("twinstream.telegram_bot")

LINK_PAYLOAD = "link"
#: Messages that may wait for Postgres; no code lives longer than CODE_LIFETIME_S anyway.
WAITING_MAX = 1_000
DELAY_FIRST_S = 0.5
DELAY_MAX_S = 5.0
#: At a stop, how long the last try may take.
LAST_TRY_S_MAX = 2.0


class Found(enum.Enum):
    """What a message of the group holds."""

    NO_LIVE_CODE = "no_live_code"
    VOID = "void"
    """A code that was live and is void now; the poster is told."""
    UNKNOWN = "unknown"
    """Perhaps a live code: Postgres is away, and it is looked for as soon as that is back."""


class _Waiting(NamedTuple):
    message: Message
    codes: Sequence[str]
    until: float


class CodeGuard:
    """Makes void what is posted in the group, and tells the poster. Owners are told by notices.

    Hands `found` to the handlers. While Postgres is away, messages wait here and not in the queue
    of updates, so nobody else waits with them.
    """

    def __init__(self, services: Services, outbox: Outbox) -> None:
        community = services.community
        self._group_id = community.telegram.chat_id
        self._members = services.members
        self._texts = services.languages.speak(community.announcements.language)
        self._outbox = outbox
        self._waiting: deque[_Waiting] = deque()
        self._trying: asyncio.Task[None] | None = None

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Look at a message before anything else does, as an outer middleware."""
        assert isinstance(event, Message)
        found = Found.NO_LIVE_CODE
        if event.chat.id == self._group_id:
            codes = codes_in(*texts_of(event))
            if codes:
                found = await self._look_for(event, codes)
        return await handler(event, {**data, "found": found})

    async def close(self) -> None:
        """Try once more what still waits, and say so if that fails."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait({self._trying})
        if not self._waiting:
            return
        try:
            async with asyncio.timeout(LAST_TRY_S_MAX):
                await self._void_waiting()
        except (DbError, TimeoutError) as error:
            log.error("codes.not_voided", messages=len(self._waiting), why=str(error) or "stopped")

    async def _look_for(self, message: Message, codes: Sequence[str]) -> Found:
        if not self._waiting:  # else Postgres is away, and asking it would hold up everybody
            try:
                return await self._void(message, codes)
            except DbError as error:
                log.warning("codes.waiting", message_id=message.message_id, why=str(error))
        if len(self._waiting) >= WAITING_MAX:
            log.error("codes.not_voided", message_id=message.message_id, why="too many wait")
            return Found.UNKNOWN
        until = asyncio.get_running_loop().time() + CODE_LIFETIME_S
        self._waiting.append(_Waiting(message, codes, until))
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._keep_trying())
        return Found.UNKNOWN

    async def _void(self, message: Message, codes: Sequence[str]) -> Found:
        voided = await self._members.void_codes(codes)
        if not voided:
            return Found.NO_LIVE_CODE
        log.info("code.voided", message_id=message.message_id, issued_on=voided)
        await self._tell(message, voided)
        return Found.VOID

    async def _tell(self, message: Message, voided: Sequence[Platform]) -> None:
        lines = [answers.code_void(one, self._texts) for one in sorted(set(voided))]
        keyboard = await private_button(message, self._texts)

        async def send() -> None:
            await message.reply("\n".join(lines), reply_markup=keyboard)

        self._outbox.put(message.chat.id, send)

    async def _keep_trying(self) -> None:
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
                log.debug("codes.waiting", messages=len(self._waiting), why=str(error))
        log.info("codes.caught_up")

    def _drop_expired(self) -> None:
        """Give up messages whose codes have expired by now, whatever Postgres knows of them."""
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
                # A mistake in one of them must not keep those behind it waiting.
                log.exception("codes.not_voided", message_id=waiting.message.message_id)
            self._waiting.popleft()


async def private_button(message: Message, texts: Texts) -> InlineKeyboardMarkup | None:
    """Return the button that leads to the private chat; None if the bot's own name is unknown."""
    assert message.bot is not None
    if (await message.bot.me()).username is None:
        return None
    url = await create_start_link(message.bot, LINK_PAYLOAD)
    button = InlineKeyboardButton(text=answers.open_private(texts), url=url)
    return InlineKeyboardMarkup(inline_keyboard=[[button]])


def texts_of(message: Message) -> Iterator[str]:
    """All that people can read in a message. Pure."""
    quoted = message.quote.text if message.quote is not None else None
    yield from filter(None, (message.text, message.caption, quoted))
    for part in (message.rich_message, message.poll, message.checklist):
        if part is not None:
            yield from _strings(part.model_dump())


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
