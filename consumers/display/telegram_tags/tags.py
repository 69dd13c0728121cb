"""The role `telegram-tags`: ranks beside the names of members in the Telegram group.

Members wear tags. Administrators cannot be tagged: those whom the bot itself promoted wear the rank
as their custom title, and the others wear nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from typing import NamedTuple

import structlog
from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import ChatMemberAdministrator
from aiogram.types.chat_member_union import ChatMemberUnion
from aiogram.utils.token import TokenValidationError

from config import Community, ConfigError, Settings, telegram_session
from config.telegram_answer_decoding import UnreadableAnswer
from config.telegram_group import GroupAddress
from consumers.display.call_pacing import RateLimit
from consumers.display.port import CannotShow, Hindrances
from consumers.display.role import DisplayRole
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from db import Platform, surfaces
from db.surfaces.display_visits import Visit

from .errors import (
    GRANT_RIGHTS,
    WHY_TITLE_STAYS,
    WHY_UNTAGGABLE,
    absent,
    mapped_errors,
    untaggable,
)

log = structlog.get_logger("twinstream.surfaces")

#: Seconds until a visit is repeated that did not read back what it wrote.
READ_BACK_RETRY_S = 1.0

ADMINISTRATORS = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)
GONE = (ChatMemberStatus.LEFT, ChatMemberStatus.KICKED)


class Worn(NamedTuple):
    """The text beside a member's name now, and whether it is a custom title instead of a tag."""

    text: str
    is_title: bool


class TelegramTags:
    """Shows a member's rank as the tag, or the custom title, beside their name."""

    platform: Platform = "telegram"

    def __init__(self, bot: Bot, community: Community) -> None:
        self._bot = bot
        self._community = community
        self.group = GroupAddress(community.telegram.chat_id)
        limits = community.consumers
        self._bots: set[int] = set()
        self._writes = RateLimit(
            limits.telegram_writes_max,
            limits.telegram_window_ms / 1_000,
            clock=asyncio.get_running_loop().time,
        )

    def describe(self) -> Mapping[str, object]:
        """Name the group."""
        return {"chat": self.group.chat_id}

    def room(self, *, urgent: bool) -> int:
        """Say how many members can be visited now without waiting."""
        return self._writes.free(urgent=urgent)

    async def survey(self) -> Hindrances:
        """Read the bot's own rights in the group."""
        with mapped_errors():
            try:
                me = await self._member(self._bot.id)
            except UnreadableAnswer as error:
                if not error.was_done:
                    raise
                log.warning("bot_rights.not_read", why=str(error))
                return Hindrances(None, {})  # nothing is known to be in the way
        return Hindrances(missing_right(me), {})

    def take_bots(self) -> Collection[int]:
        """Return the accounts that visits since the last call found to be bots."""
        bots, self._bots = self._bots, set()
        return bots

    async def show(self, visit: Visit) -> None:
        """Bring the member's tag or title to the wanted one."""
        rank = self._community.rank(visit.wanted.get(surfaces.RANK, 0))
        wanted = rank.telegram_tag if rank is not None else ""
        with mapped_errors():
            worn = await self._worn(visit.account_id)
            if worn.text == wanted or self._is_kept(worn.text, visit):
                return
            await self._writes.take()
            if worn.is_title:
                await self._set_title(visit.account_id, wanted)
            else:
                await self._set_tag(visit.account_id, wanted)
            shown = await self._worn(visit.account_id)
        if shown.text == wanted:
            return
        metrics.WRITES_LOST.labels(self.platform).inc()
        if shown.is_title and not wanted:
            # aiogram leaves empty values out, so Telegram may keep the title.
            raise untaggable(WHY_TITLE_STAYS)
        raise CannotShow("Telegram accepted a tag that did not stick", retry_s=READ_BACK_RETRY_S)

    async def _set_tag(self, user_id: int, tag: str) -> None:
        await self.group.reach(
            lambda chat_id: self._bot.set_chat_member_tag(chat_id, user_id, tag=tag)
        )

    async def _set_title(self, user_id: int, title: str) -> None:
        """Set a title. A refusal concerns this administrator only."""
        try:
            await self.group.reach(
                lambda chat_id: self._bot.set_chat_administrator_custom_title(
                    chat_id, user_id, title
                )
            )
        except TelegramBadRequest as error:
            raise untaggable(f"{WHY_TITLE_STAYS} ({error.message})") from error

    def _is_kept(self, tag: str, visit: Visit) -> bool:
        """Tell whether a person gave the member this tag and `keep_manual_changes` keeps it."""
        shown = visit.shown.get(surfaces.RANK) or 0
        before = map(self._community.rank, {shown, *visit.unconfirmed.get(surfaces.RANK, ())})
        ours = {rank.telegram_tag for rank in before if rank is not None}
        return self._community.keep_manual_changes and tag not in {"", *ours}

    async def _worn(self, user_id: int) -> Worn:
        member = await self._member(user_id)
        if member.user.is_bot:
            self._bots.add(user_id)
        return worn_by(member)

    async def _member(self, user_id: int) -> ChatMemberUnion:
        return await self.group.reach(lambda chat_id: self._bot.get_chat_member(chat_id, user_id))


def worn_by(member: ChatMemberUnion) -> Worn:
    """Return the text beside a member's name. Pure.

    Raises:
        CannotShow: the bot can change no text beside this member's name.
    """
    if isinstance(member, ChatMemberAdministrator) and member.can_be_edited:
        return Worn(member.custom_title or "", is_title=True)
    if member.status in ADMINISTRATORS:
        raise untaggable(WHY_UNTAGGABLE)
    # A restricted member who leaves stays on Telegram's list, with `is_member` false.
    if member.status in GONE or not getattr(member, "is_member", True):
        raise absent()
    return Worn(getattr(member, "tag", None) or "", is_title=False)


def missing_right(me: ChatMemberUnion) -> str | None:
    """Say which right the bot lacks for tagging members, and the remedy; None if none. Pure."""
    if not isinstance(me, ChatMemberAdministrator):
        return f"the bot is not an administrator of the Telegram group: {GRANT_RIGHTS}"
    # An administrator who was promoted before tags existed has this right with the right to pin.
    granted = me.can_pin_messages if me.can_manage_tags is None else me.can_manage_tags
    if not granted:
        return f"the bot lacks the right to edit member tags: {GRANT_RIGHTS}"
    return None


@contextlib.asynccontextmanager
async def open_bot(settings: Settings) -> AsyncIterator[Bot]:
    """Open a client. It sends no request to Telegram yet.

    Raises:
        ConfigError: the token does not look like one.
    """
    session = telegram_session(settings)
    try:
        try:
            bot = Bot(settings.telegram_token or "", session=session)
        except TokenValidationError as error:
            raise ConfigError(
                "TELEGRAM_TOKEN does not look like a token: it is the whole line that"
                " @BotFather gave, digits, a colon, and letters"
            ) from error
        yield bot
    finally:
        await session.close()


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[DisplayRole]:
    """Open the role. It sends no request to Telegram before the first step.

    Raises:
        ConfigError: the token does not look like one.
    """
    async with open_bot(resources.settings) as bot:
        yield DisplayRole(TelegramTags(bot, resources.community), resources)
