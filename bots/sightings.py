"""What the bots see of members in passing: who is here (again), and who was changed by hand.

A message carries its sender's tag and an interaction its user's roles, so looking costs no call.
What is not as it should be is only noted; the consumers put it right.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime

import structlog

from config import Community
from db import DbError
from db.surfaces import ACHIEVEMENT_PREFIX, RANK
from db.surfaces.returns import Shown

from .members import Members

log = structlog.get_logger("twinstream.bots")

#: How long somebody who was found right is not asked about again.
REMEMBERED_S = 60.0
REMEMBERED_MAX = 10_000


class Sightings:
    """Compares what is seen of a member with what was shown, and has it shown again if it differs.

    Nothing that it does can fail an update: what it misses, reconcile finds.
    """

    def __init__(
        self,
        members: Members,
        community: Community,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._members = members
        self._community = community
        self._clock = clock
        self._right: OrderedDict[tuple[int, object], float] = OrderedDict()

    async def of_tag(self, account_id: int, tag: str, *, at: datetime) -> None:
        """Somebody wrote in the Telegram group with this tag (empty for none)."""
        await self._compare(account_id, tag, at, lambda shown: self._is_tag_right(shown, tag))

    async def of_roles(self, account_id: int, roles: Collection[int], *, at: datetime) -> None:
        """Somebody with these roles used a command in the Discord server."""
        held = frozenset(roles)
        await self._compare(account_id, held, at, lambda shown: self._are_roles_right(shown, held))

    async def _compare(
        self, account_id: int, seen: object, at: datetime, is_right: Callable[[Shown], bool]
    ) -> None:
        now = self._clock()
        if now - self._right.get((account_id, seen), float("-inf")) < REMEMBERED_S:
            return
        try:
            shown = await self._members.shown(account_id, at)
            if shown.absent:
                await self._members.seen_again(account_id)
            elif not self._community.keep_manual_changes and not is_right(shown):
                log.info("surface.changed_by_hand", account_id=account_id)
                await self._members.put_back(account_id)
            else:
                self._remember(account_id, seen, now)
        except DbError as error:
            log.warning("sighting.missed", account_id=account_id, why=str(error))

    def _is_tag_right(self, shown: Shown, tag: str) -> bool:
        rank = self._community.rank(shown.numbers.get(RANK, 0))
        # Whose rank has no tag may call themselves what they like.
        return rank is None or rank.telegram_tag in ("", tag)

    def _are_roles_right(self, shown: Shown, held: frozenset[int]) -> bool:
        if not shown.settled:
            return True
        expected = self._community.roles_for(
            shown.numbers.get(RANK, 0),
            [
                surface.removeprefix(ACHIEVEMENT_PREFIX)
                for surface, number in shown.numbers.items()
                if surface.startswith(ACHIEVEMENT_PREFIX) and number
            ],
        )
        return held & self._community.discord_roles == expected

    def _remember(self, account_id: int, seen: object, now: float) -> None:
        self._right[account_id, seen] = now
        while len(self._right) > REMEMBERED_MAX:
            self._right.popitem(last=False)
