"""Checking in passing whether a member wears the tag, or has the roles, that are displayed.

A message carries its sender's tag, and an interaction carries its user's roles, so the check needs
no call to the platform. It only records a difference in Postgres; the consumers correct it.
"""

import asyncio
from collections import OrderedDict

import structlog

from bots.features.room import Observation
from bots.runtime.database import Database
from bots.runtime.delivery import Delivery
from config import Community
from db import DbError
from db.surfaces import ACHIEVEMENT_PREFIX, LINKED, RANK
from db.surfaces.observed import Shown, put_back, seen_again, shown_before
from db.surfaces.presence import leave_out

log = structlog.get_logger("twinstream.bots")

#: Accounts whose last observation may wait to be checked, some megabytes. Beyond it the oldest is
#: left to the account's next message, or to reconcile.
WAITING_MAX = 10_000


class DisplayChecker:
    """Compares observations with what was displayed, and has a difference corrected.

    No update waits for a check. Each check reads what is displayed, because consumers change that
    at any time; of several observations of an account that wait, only the last is checked. No
    failure of a check fails an update: reconcile finds what it misses.
    """

    def __init__(self, database: Database, community: Community) -> None:
        self._database = database
        self._community = community
        self._waiting: OrderedDict[int, Observation] = OrderedDict()
        self._news = asyncio.Event()
        #: Held while an account is checked, or noted as gone.
        self._busy = asyncio.Lock()

    async def note(self, observation: Observation) -> None:
        """Have the observation checked soon, in place of an earlier one of the same account."""
        self._waiting[observation.account_id] = observation
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)
        self._news.set()

    async def note_gone(self, account_id: int) -> None:
        """Have boards leave the account out until it is seen again.

        Earlier observations are older news, so they are dropped.
        """
        self._waiting.pop(account_id, None)
        platform = self._database.platform
        try:
            async with self._busy, self._database.connection() as conn:
                await leave_out(conn, platform, [account_id], "gone")
        except DbError as error:
            # A visit, or reconcile, finds the account gone as well.
            log.warning("member.not_left_out", account_id=account_id, why=str(error))

    async def run(self, delivery: Delivery) -> None:
        """Check noted observations until cancelled. Nothing is sent."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                await self.check(self._waiting.popitem(last=False)[1])

    async def check(self, observation: Observation) -> None:
        """Have the member's tag or roles displayed again if they differ, or if they came back."""
        account_id, look, at = observation
        platform = self._database.platform
        try:
            async with self._busy, self._database.connection() as conn:
                shown = await shown_before(conn, platform, account_id, at)
                if shown.absent:
                    await seen_again(conn, platform, account_id)
                elif not self._is_right(shown, look) and await put_back(conn, platform, account_id):
                    log.info("surface.changed_by_hand", account_id=account_id)
        except DbError as error:
            log.warning("observation.skipped", account_id=account_id, why=str(error))
        except Exception:
            # A mistake about one member must not end the checks of all others.
            log.exception("observation.skipped", account_id=account_id)

    def _is_right(self, shown: Shown, look: str | frozenset[int]) -> bool:
        if self._community.keep_manual_changes:
            return True
        if isinstance(look, str):
            return self._is_tag_right(shown, look)
        return self._are_roles_right(shown, look)

    def _is_tag_right(self, shown: Shown, tag: str) -> bool:
        if RANK in shown.recorded and RANK not in shown.numbers:
            return True  # it waits to be shown
        rank = self._community.rank(shown.numbers.get(RANK, 0))
        if rank is not None and rank.telegram_tag:
            return tag == rank.telegram_tag
        # Members without a rank, or with a rank that has no tag, may choose any tag but a rank's.
        return tag not in {one.telegram_tag for one in self._community.ranks} - {""}

    def _are_roles_right(self, shown: Shown, held: frozenset[int]) -> bool:
        if self._community.leaves_alone(held) or (shown.recorded and not shown.settled):
            return True
        expected = self._community.roles_for(
            shown.numbers.get(RANK, 0),
            [
                surface.removeprefix(ACHIEVEMENT_PREFIX)
                for surface, number in shown.numbers.items()
                if surface.startswith(ACHIEVEMENT_PREFIX) and number
            ],
            is_linked=shown.numbers.get(LINKED, 0) > 0,
        )
        return held & self._community.discord_roles == expected
