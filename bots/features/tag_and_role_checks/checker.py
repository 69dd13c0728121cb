"""Checking in passing whether a member wears the tag, or has the roles, that are displayed.

A message carries its sender's tag, and an interaction carries its user's roles, so the check needs
no call to the platform. It only records a difference in Postgres; the consumers correct it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from bots.features.room import Observation
from bots.runtime.database import Database
from config import Community
from db import DbError
from db.surfaces import ACHIEVEMENT_PREFIX, RANK
from db.surfaces.observed import Shown, put_back, seen_again, shown_before

log = structlog.get_logger("twinstream.bots")

#: Seconds for which a member who was found right is not checked again, however much they write.
REMEMBERED_S = 60.0
#: Members who are remembered, some megabytes. Beyond it the oldest is forgotten and checked again.
REMEMBERED_MAX = 10_000


class DisplayChecker:
    """Compares an observation with what was displayed, and has a difference corrected.

    No failure of it fails an update: reconcile finds what it misses.
    """

    def __init__(
        self,
        database: Database,
        community: Community,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._community = community
        self._clock = clock
        self._right: OrderedDict[tuple[int, object], float] = OrderedDict()

    async def check(self, observation: Observation) -> None:
        """Have the member's tag or roles displayed again if they differ, or if they came back."""
        account_id, look, at = observation
        now = self._clock()
        if now - self._right.get((account_id, look), float("-inf")) < REMEMBERED_S:
            return
        platform = self._database.platform
        try:
            async with self._database.connection() as conn:
                shown = await shown_before(conn, platform, account_id, at)
            if shown.absent:
                async with self._database.connection() as conn:
                    await seen_again(conn, platform, account_id)
            elif not self._community.keep_manual_changes and not self._is_right(shown, look):
                log.info("surface.changed_by_hand", account_id=account_id)
                async with self._database.connection() as conn:
                    await put_back(conn, platform, account_id)
            else:
                self._remember(account_id, look, now)
        except DbError as error:
            log.warning("observation.skipped", account_id=account_id, why=str(error))

    def _is_right(self, shown: Shown, look: str | frozenset[int]) -> bool:
        if isinstance(look, str):
            return self._is_tag_right(shown, look)
        return self._are_roles_right(shown, look)

    def _is_tag_right(self, shown: Shown, tag: str) -> bool:
        rank = self._community.rank(shown.numbers.get(RANK, 0))
        # Members without a rank, or with a rank that has no tag, may choose any tag.
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

    def _remember(self, account_id: int, look: object, now: float) -> None:
        self._right[account_id, look] = now
        while len(self._right) > REMEMBERED_MAX:
            self._right.popitem(last=False)
