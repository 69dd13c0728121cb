"""The tags, or titles, that members wear in the Telegram group. Telegram tells of one at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from aiogram import Bot

from config import Community
from consumers.display.port import CannotShow
from consumers.display.rate import Pace
from consumers.display.telegram_tags.tags import mapped_errors, worn_by
from consumers.reconcile.port import CannotLook
from db import Platform
from db.surfaces.visits import ABSENT, EXEMPT, PERSONAL, RANK
from schemas.snapshots import SubjectName

from .appearance import Looks, Words

PAGE_ROWS: Final = 25
#: So many a pass looks at of those whom nothing has touched: minutes, at the default pace.
SLICE_ROWS_MAX: Final = 500


class WornTags:
    """Asks the real Bot API which tags members wear."""

    platform: Platform = "telegram"
    name: SubjectName = "tags"
    field = "tag"
    place = "the Telegram group"

    def __init__(
        self,
        login: Callable[[], Awaitable[Bot]],
        community: Community,
        *,
        looks_max: int,
        window_s: float,
    ) -> None:
        """Make at most `looks_max` calls in `window_s` seconds. `login` may raise CannotLook."""
        self._login = login
        self._community = community
        self._chat_id = community.telegram.chat_id
        self._pace = Pace(looks_max, window_s, clock=asyncio.get_running_loop().time)

    @property
    def page_rows(self) -> int:
        """As many as are looked at in a few seconds."""
        return PAGE_ROWS

    @property
    def slice_rows_max(self) -> int | None:
        """As many as a pass can look at without taking long."""
        return SLICE_ROWS_MAX

    def describe(self) -> Mapping[str, object]:
        """Name the group."""
        return {"chat": self._chat_id}

    async def look(
        self, account_ids: Sequence[int], *, known_absent: Collection[int]
    ) -> Looks[str]:
        """Ask what stands beside the name of each of these.

        Raises:
            CannotLook: Telegram cannot be asked, or contradicts itself.
        """
        bot = await self._login()
        worn: dict[int, str] = {}
        personal: dict[int, str | None] = {}
        for account_id in account_ids:
            try:
                worn[account_id] = await self._worn(bot, account_id)
            except CannotShow as refusal:
                if refusal.cause not in PERSONAL:
                    raise CannotLook(str(refusal)) from refusal
                personal[account_id] = refusal.cause
        absent = [one for one, cause in personal.items() if cause == ABSENT]
        exempt = personal.keys() - absent
        if absent and not worn and not exempt:
            await self._prove_that_it_knows_members(bot)
        return Looks(worn, absent, exempt)

    def words(self, worn: str, numbers: Mapping[str, int]) -> Words | None:
        """Quote the tags. Whose rank has no tag may call themselves what they like."""
        rank = self._community.rank(numbers.get(RANK, 0))
        if rank is None or not rank.telegram_tag:
            return None
        return Words(_quoted(worn), _quoted(rank.telegram_tag))

    async def _worn(self, bot: Bot, account_id: int) -> str:
        await self._pace.take()
        with mapped_errors():
            member = await bot.get_chat_member(self._chat_id, account_id)
        return worn_by(member).text

    async def _prove_that_it_knows_members(self, bot: Bot) -> None:
        """Where nobody is there, see that at least the bot is."""
        try:
            await self._worn(bot, bot.id)
        except CannotShow as refusal:
            if refusal.cause != EXEMPT:  # it is an administrator, so it is there
                raise CannotLook("Telegram says that not even the bot is in the group") from refusal


def _quoted(tag: str) -> str:
    return repr(tag) if tag else "no tag"
