"""The role `telegram-tags`: ranks as member tags in the Telegram group."""

from collections.abc import Mapping

from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.utils.token import TokenValidationError

from config import Community, ConfigError, telegram_session
from db import Platform, surfaces
from db.surfaces import Showing

from .parts import Parts
from .surfaces import CannotShow, Surfaces

READ_BACK_RETRY_S = 1.0
UNTAGGABLE_RETRY_S = 24 * 3_600.0
MEMBER_GONE_RETRY_S = 3_600.0
REFUSED_RETRY_S = 300.0
TROUBLE_RETRY_S = 10.0

ADMINISTRATORS = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)
GONE = (ChatMemberStatus.LEFT, ChatMemberStatus.KICKED)


class TelegramTags:
    """Shows a member's rank as the tag beside their name."""

    platform: Platform = "telegram"

    def __init__(self, bot: Bot, community: Community) -> None:
        self._bot = bot
        self._community = community
        self._chat_id = community.telegram.chat_id

    def describe(self) -> Mapping[str, object]:
        """Name the group."""
        return {"chat": self._chat_id}

    async def show(self, showing: Showing) -> None:
        """Bring the member's tag to the wanted one."""
        rank = self._community.rank(showing.wanted.get(surfaces.RANK, 0))
        wanted = rank.telegram_tag if rank is not None else ""
        try:
            if await self._tag(showing.account_id) == wanted:
                return
            await self._bot.set_chat_member_tag(self._chat_id, showing.account_id, tag=wanted)
            shown = await self._tag(showing.account_id)
        except (AiogramError, OSError) as error:
            raise obstacle(error) from error
        if shown != wanted:
            raise CannotShow(
                "Telegram accepted a tag that did not stick", retry_s=READ_BACK_RETRY_S
            )

    async def _tag(self, user_id: int) -> str:
        member = await self._bot.get_chat_member(self._chat_id, user_id)
        if member.status in ADMINISTRATORS:
            raise CannotShow(
                "is an administrator, and Telegram allows no tags for those",
                retry_s=UNTAGGABLE_RETRY_S,
            )
        if member.status in GONE:
            raise CannotShow("is not in the Telegram group", retry_s=MEMBER_GONE_RETRY_S)
        return getattr(member, "tag", None) or ""


def obstacle(error: Exception) -> CannotShow:
    """Say what Telegram's refusal means for whom, and when to look again. Pure."""
    if isinstance(error, TelegramRetryAfter):
        return CannotShow("Telegram asks to wait", retry_s=float(error.retry_after), everyone=True)
    if isinstance(error, TelegramUnauthorizedError):
        return CannotShow(
            "Telegram refuses TELEGRAM_TOKEN: was it revoked?",
            retry_s=REFUSED_RETRY_S,
            everyone=True,
        )
    if isinstance(error, TelegramBadRequest) and "user not found" in error.message.lower():
        return CannotShow("is not in the Telegram group", retry_s=MEMBER_GONE_RETRY_S)
    if isinstance(error, TelegramBadRequest | TelegramForbiddenError):
        return CannotShow(
            f"Telegram forbids it ({error.message}): make the bot an administrator of the group"
            " with the right to edit member tags, and check chat_id in twinstream.toml",
            retry_s=REFUSED_RETRY_S,
        )
    return CannotShow(
        f"Telegram is in trouble ({type(error).__name__}: {error})",
        retry_s=TROUBLE_RETRY_S,
        everyone=True,
    )


async def build(parts: Parts) -> Surfaces:
    """Make the role.

    Raises:
        ConfigError: the token does not look like one.
    """
    try:
        bot = Bot(parts.settings.telegram_token or "", session=telegram_session(parts.settings))
    except TokenValidationError as error:
        raise ConfigError(
            "TELEGRAM_TOKEN does not look like a token: it is the whole line that"
            " @BotFather gave, digits, a colon, and letters"
        ) from error
    parts.closing.push_async_callback(bot.session.close)
    return Surfaces("telegram-tags", TelegramTags(bot, parts.community), parts)
