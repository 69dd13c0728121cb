"""Whether an account is in the group, because any account can write to a bot in private."""

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog
from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import ChatMemberRestricted

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds for which a member is remembered, so that a round of the game asks Telegram once.
REMEMBERED_S = 300.0
#: Members who are remembered, about a megabyte. Beyond it the oldest is forgotten and asked again.
REMEMBERED_MAX = 10_000
_INSIDE = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.MEMBER)


class Membership:
    """Asks Telegram who is in the group, and remembers members for REMEMBERED_S seconds."""

    def __init__(self, group_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._group_id = group_id
        self._clock = clock
        self._seen: OrderedDict[int, float] = OrderedDict()

    async def includes(self, bot: Bot, user_id: int) -> bool:
        """Tell whether this user is in the group. They count as inside if Telegram cannot say."""
        if self._clock() - self._seen.get(user_id, float("-inf")) < REMEMBERED_S:
            return True
        try:
            member = await bot.get_chat_member(self._group_id, user_id)
        except TelegramBadRequest:
            return False
        except AiogramError as error:
            log.warning("membership.unresolved", account_id=user_id, why=str(error))
            return True
        restricted = isinstance(member, ChatMemberRestricted) and member.is_member
        if member.status not in _INSIDE and not restricted:
            return False
        self._remember(user_id)
        return True

    async def is_administrator(self, bot: Bot, user_id: int) -> bool:
        """Tell whether this user is an administrator of the group. Telegram is asked each time.

        If Telegram cannot say, they are none.
        """
        try:
            member = await bot.get_chat_member(self._group_id, user_id)
        except AiogramError as error:
            log.warning("membership.unresolved", account_id=user_id, why=str(error))
            return False
        return member.status in (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)

    def _remember(self, user_id: int) -> None:
        self._seen[user_id] = self._clock()
        self._seen.move_to_end(user_id)
        while len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
