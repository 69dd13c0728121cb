"""Whether an account is in the group, because any account can write to a bot in private."""

import enum
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import structlog
from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import ChatMemberRestricted, Message, User
from aiogram.types.chat_member_union import ChatMemberUnion

from bots.features.command import Target
from config.telegram_answer_decoding import UnreadableAnswer

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds for which a member is remembered, so that a round of the game asks Telegram once.
INSIDE_S = 300.0
#: Seconds for which an account outside is remembered. A person who joins is heard of at once where
#: the bot is an administrator, and after this time at the latest elsewhere.
OUTSIDE_S = 60.0
#: Seconds for which Telegram is not asked again after it did not answer, at least and at most.
SILENCE_S = 5.0
SILENCE_S_MAX = 60.0
#: Seconds that an answer of Telegram may take. Other members' updates wait for it.
ANSWER_S_MAX = 5
#: Accounts that are remembered, about a megabyte. Beyond it the oldest is forgotten.
REMEMBERED_MAX = 10_000
_INSIDE = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.MEMBER)
#: A part of Telegram's refusals that say nothing of the account: the bot is not in the group.
_NO_CHAT = "chat not found"


class Standing(enum.Enum):
    """An account's place in the group. Only INSIDE may do in private what the group may do."""

    INSIDE = "inside"
    MUTED = "muted"
    """In the group, and not allowed to write there."""
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    """Telegram does not say: it is in trouble, the bot was removed, or the group has a new id."""


class _Known(NamedTuple):
    standing: Standing
    until: float


class Membership:
    """Asks Telegram who is in the group, and remembers each answer for a while."""

    def __init__(self, group_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._group_id = group_id
        self._clock = clock
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._silent_until = float("-inf")

    async def standing(self, bot: Bot, user_id: int) -> Standing:
        """Return this account's place in the group."""
        now = self._clock()
        known = self._known.get(user_id)
        if known is not None and now < known.until:
            return known.standing
        if now < self._silent_until:
            return Standing.UNKNOWN
        try:
            member = await self._ask(bot, user_id)
        except TelegramBadRequest as error:
            if _NO_CHAT in error.message.lower():
                return self._unknown(user_id, error)
            standing = Standing.OUTSIDE
        except (AiogramError, OSError) as error:
            return self._unknown(user_id, error)
        else:
            standing = standing_of(member)
        self._remember(user_id, standing)
        return standing

    def known(self, user_id: int) -> Standing | None:
        """Return what is remembered of this account, without asking Telegram; None for nothing."""
        known = self._known.get(user_id)
        return known.standing if known is not None and self._clock() < known.until else None

    async def seen(self, message: Message, target: Target) -> Target:
        """Return an account that a message names, with whether it is in the group."""
        assert message.bot is not None
        standing = await self.standing(message.bot, target.account_id)
        is_here = None if standing is Standing.UNKNOWN else standing is not Standing.OUTSIDE
        return target._replace(is_here=is_here)

    async def is_administrator(self, bot: Bot, user_id: int) -> bool:
        """Tell whether this user is an administrator of the group. Telegram is asked each time.

        If Telegram cannot say, they are none.
        """
        if self._clock() < self._silent_until:
            return False
        try:
            member = await self._ask(bot, user_id)
        except (AiogramError, OSError) as error:
            self._unknown(user_id, error)
            return False
        return member.status in (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)

    async def look_up(self, bot: Bot, user_id: int) -> tuple[Standing, User | None]:
        """Return an account's place in the group, and who it is. Telegram is asked each time."""
        if self._clock() < self._silent_until:
            return Standing.UNKNOWN, None
        try:
            member = await self._ask(bot, user_id)
        except TelegramBadRequest as error:
            if _NO_CHAT in error.message.lower():
                return self._unknown(user_id, error), None
            return Standing.OUTSIDE, None
        except (AiogramError, OSError) as error:
            return self._unknown(user_id, error), None
        return standing_of(member), member.user

    def forget(self, user_id: int) -> None:
        """Ask again: the account joined, left, or may do more or less than before."""
        self._known.pop(user_id, None)

    def forget_all(self) -> None:
        """Ask again about everybody: the bot itself was added to the group or removed from it."""
        self._known.clear()
        self._silent_until = float("-inf")

    async def _ask(self, bot: Bot, user_id: int) -> ChatMemberUnion:
        return await bot.get_chat_member(self._group_id, user_id, request_timeout=ANSWER_S_MAX)

    def _unknown(self, user_id: int, error: Exception) -> Standing:
        log.warning("membership.unresolved", account_id=user_id, why=str(error))
        says_nothing = isinstance(error, UnreadableAnswer) and error.was_done
        if not says_nothing and not isinstance(error, TelegramBadRequest):
            asked = error.retry_after if isinstance(error, TelegramRetryAfter) else SILENCE_S
            self._silent_until = self._clock() + min(float(asked), SILENCE_S_MAX)
        return Standing.UNKNOWN

    def _remember(self, user_id: int, standing: Standing) -> None:
        for_s = INSIDE_S if standing is Standing.INSIDE else OUTSIDE_S
        self._known[user_id] = _Known(standing, self._clock() + for_s)
        self._known.move_to_end(user_id)
        while len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)


def standing_of(member: ChatMemberUnion) -> Standing:
    """Return the place that Telegram's description of a member means. Pure."""
    if isinstance(member, ChatMemberRestricted) and member.is_member:
        # A right that cannot be read is no proof of a restriction.
        return Standing.MUTED if member.can_send_messages is False else Standing.INSIDE
    return Standing.INSIDE if member.status in _INSIDE else Standing.OUTSIDE
