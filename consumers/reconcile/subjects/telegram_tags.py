"""The tags, or titles, of members in the Telegram group. One call answers about one member."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from aiogram import Bot

from config import Community
from config.telegram_group import GroupAddress
from consumers.display.call_pacing import RateLimit
from consumers.display.port import CannotShow
from consumers.display.telegram_tags.errors import mapped_errors
from consumers.display.telegram_tags.tags import worn_by
from consumers.reconcile.port import CannotRead
from db import Platform
from db.reconcile.compared_fields import Field, FieldKind
from db.surfaces import ABSENT, EXEMPT, PERSONAL, RANK
from schemas.snapshots import SubjectName

from .appearance import Observation, Wording

#: Accounts on a page: asking about them takes a few seconds at the default pace.
PAGE_ROWS: Final = 25
#: Accounts in a slice, at most: asking about them takes minutes at the default pace.
SLICE_ROWS_MAX: Final = 500


class TelegramTags:
    """Asks the real Bot API for the tags of members."""

    platform: Platform = "telegram"
    name: SubjectName = "tags"
    field = Field(FieldKind.TAG)
    place = "the Telegram group"

    def __init__(
        self,
        login: Callable[[], Awaitable[Bot]],
        community: Community,
        *,
        looks_max: int,
        window_s: float,
    ) -> None:
        """Make at most `looks_max` calls in `window_s` seconds. `login` may raise CannotRead."""
        self._login = login
        self._community = community
        self._group = GroupAddress(community.telegram.chat_id)
        self._pace = RateLimit(looks_max, window_s, clock=asyncio.get_running_loop().time)

    @property
    def page_rows(self) -> int:
        """As many as can be asked about in a few seconds."""
        return PAGE_ROWS

    @property
    def slice_rows_max(self) -> int | None:
        """As many as a pass can ask about without taking long."""
        return SLICE_ROWS_MAX

    def describe(self) -> Mapping[str, object]:
        """Name the group."""
        return {"chat": self._group.chat_id}

    async def observe(
        self, account_ids: Sequence[int], *, known_absent: Collection[int]
    ) -> Observation[str]:
        """Ask for the tag of each of these accounts.

        Raises:
            CannotRead: Telegram cannot be asked, or contradicts itself.
        """
        bot = await self._login()
        shown: dict[int, str] = {}
        personal: dict[int, str | None] = {}
        for account_id in account_ids:
            try:
                shown[account_id] = await self._tag(bot, account_id)
            except CannotShow as refusal:
                if refusal.cause not in PERSONAL:
                    raise CannotRead(str(refusal)) from refusal
                personal[account_id] = refusal.cause
        absent = [one for one, cause in personal.items() if cause == ABSENT]
        exempt = personal.keys() - absent
        if absent and not shown and not exempt:
            await self._require_the_bot(bot)
        return Observation(shown, absent, exempt)

    def wording(self, shown: str, numbers: Mapping[str, int]) -> Wording | None:
        """Quote the tags. Members whose rank has no tag may have any."""
        rank = self._community.rank(numbers.get(RANK, 0))
        if rank is None or not rank.telegram_tag:
            return None
        return Wording(_quoted(shown), _quoted(rank.telegram_tag))

    async def _tag(self, bot: Bot, account_id: int) -> str:
        await self._pace.take()
        with mapped_errors():
            member = await self._group.reach(
                lambda chat_id: bot.get_chat_member(chat_id, account_id)
            )
        return worn_by(member).text

    async def _require_the_bot(self, bot: Bot) -> None:
        """Check that the bot itself is known, where no other account is.

        Raises:
            CannotRead: it is not, so the answers prove nothing.
        """
        try:
            await self._tag(bot, bot.id)
        except CannotShow as refusal:
            if refusal.cause != EXEMPT:  # the bot is an administrator, so it is there
                raise CannotRead("Telegram says that not even the bot is in the group") from refusal


def _quoted(tag: str) -> str:
    return repr(tag) if tag else "no tag"
