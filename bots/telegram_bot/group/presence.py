"""Whether the bot is in its group: Telegram is asked at the start, after changes, and regularly."""

import asyncio
import contextlib
import time
from typing import Final

import structlog
from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
)
from aiogram.types import User
from aiogram.types.chat_member_union import ChatMemberUnion

from .membership import ANSWER_S_MAX, Standing, standing_of

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds between two questions to Telegram. It sends no update when a group is deleted, and
#: another process that polls with the token takes some of the updates that it does send.
LOOK_S: Final = 30.0


class Presence:
    """The bot's place in one group, and the sentence on it if the bot has none there.

    Members who write to the bot in private get answers without it, so polling does not tell.
    """

    def __init__(self, group_id: int) -> None:
        self.trouble: str | None = None
        """Says that the bot is not in the group, and the remedy; None if it was there."""
        self._group_id = group_id
        self._changed = asyncio.Event()
        self._limited_until = float("-inf")

    def changed(self) -> None:
        """Have Telegram asked now: it sent an update about the bot's place in the group."""
        self._changed.set()

    async def look(self, bot: Bot) -> ChatMemberUnion | None:
        """Ask Telegram for the bot's place in the group; None if the bot cannot see the group.

        Raises:
            AiogramError: Telegram does not say, so `trouble` stays as it was.
        """
        try:
            member = await bot.get_chat_member(self._group_id, bot.id, request_timeout=ANSWER_S_MAX)
        except (TelegramBadRequest, TelegramForbiddenError, TelegramNotFound) as error:
            await self._note(bot, error.message)
            return None
        except TelegramRetryAfter as error:
            self._limited_until = time.monotonic() + max(LOOK_S, error.retry_after)
            raise
        was_there = self.trouble is None
        is_there = standing_of(member) is not Standing.OUTSIDE
        await self._note(bot, None if is_there else "it left, or was removed")
        if is_there and not was_there:
            warn_unless_promoted(member, await bot.me(), self._group_id)
        return member

    async def run(self, bot: Bot) -> None:
        """Ask after each change, and every LOOK_S, without end; later if Telegram limits it."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_S)
            await asyncio.sleep(self._limited_until - time.monotonic())
            self._changed.clear()
            try:
                await self.look(bot)
            except (AiogramError, OSError) as error:
                log.debug("membership.unresolved", account_id=bot.id, why=str(error))

    async def _note(self, bot: Bot, why: str | None) -> None:
        me = await bot.me()
        absent = (
            f"is not in the group {self._group_id} ({why}): add @{me.username} to it as an"
            " administrator, or correct telegram.chat_id in twinstream.toml"
        )
        trouble = None if why is None else f"it {absent}"
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble is None:
            log.info("chat.joined", bot=me.username, chat_id=self._group_id)
        else:
            why = f"the bot {absent}"
            log.error("chat.not_served", bot=me.username, chat_id=self._group_id, why=why)


def warn_unless_promoted(member: ChatMemberUnion, me: User, chat: str | int) -> None:
    """Log what the bot, which is in its group, cannot do there unless it is an administrator."""
    if member.status != ChatMemberStatus.ADMINISTRATOR:
        log.warning(
            "bot.not_promoted",
            why=f"Telegram reports joins to administrators only, and lets only them tag members:"
            f" make @{me.username} an administrator of {chat!r}",
        )
