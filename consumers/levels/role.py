"""The role that finds members who reached a level, where levels are announced.

Where a curve is new, the members' levels are noted first and none of them is news: nobody is
announced for what they reached before. Several processes may run it: what one has noted, another
leaves out.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog

from config import Community, LevelCurve
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db.surfaces import levels
from db.surfaces.levels import NEVER, Noted

log = structlog.get_logger("twinstream.levels")

#: Members that one step notes: some 20 ms, so that events of these members wait no longer.
MEMBERS_PER_STEP: Final = 500
#: `noted_to` once every member is noted.
ALL: Final = 2**63 - 1


class Levels:
    """Notes levels as they are reached. One step notes up to MEMBERS_PER_STEP members."""

    pause_s = 1.0

    def __init__(self, resources: Resources) -> None:
        self._pool = resources.pool
        self._curve = resources.community.level_curve
        self._curve_name = _hash(self._curve)
        self._is_on = announces_levels(resources.community)
        self._noted_to: int | None = None

    def describe(self) -> Mapping[str, object]:
        """Say whether levels are announced, and up to which."""
        return {"announced": self._is_on, "levels": self._curve.highest}

    async def step(self) -> int:
        """Note the levels of some members. Returns of how many."""
        if not self._is_on:
            return 0
        if self._noted_to is None:
            async with transaction(self._pool) as conn:
                self._noted_to = await levels.noted_to(conn, self._curve_name)
        if self._noted_to < ALL:
            return await self._note_silently(self._noted_to)
        return await self._note_due()

    async def _note_silently(self, noted_to: int) -> int:
        async with transaction(self._pool) as conn:
            members = await levels.members_after(conn, noted_to, limit=MEMBERS_PER_STEP)
            noted_to = members[-1][0] if members else ALL
            noted = [
                self._noted(member_id, xp, 0, is_news=False)
                for member_id, xp, due_xp in members
                if due_xp != 0  # a new member, whose first level may be news
            ]
            await levels.note_silently(conn, self._curve_name, noted, noted_to=noted_to)
        self._noted_to = noted_to
        if noted_to == ALL:
            log.info("levels.noted", curve=self._curve_name)
        return len(members)

    async def _note_due(self) -> int:
        first_level_xp = self._curve.xp_of(1)
        async with transaction(self._pool) as conn:
            due = await levels.due(conn, first_level_xp=first_level_xp, limit=MEMBERS_PER_STEP)
        if not due:
            return 0
        async with transaction(self._pool) as conn:
            return await levels.note(
                conn,
                [
                    self._noted(one.member_id, one.xp, one.due_xp, is_news=one.is_news)
                    for one in due
                ],
            )

    def _noted(self, member_id: int, xp: int, due_xp: int, *, is_news: bool) -> Noted:
        level = self._curve.level_of(xp)
        is_highest = level >= self._curve.highest
        next_due_xp = NEVER if is_highest else self._curve.xp_of(level + 1)
        return Noted(member_id, level, due_xp, next_due_xp, is_news and level > 0)


def announces_levels(community: Community) -> bool:
    """Tell whether levels are announced anywhere. Pure."""
    setting = community.announcements
    level = setting.level
    on_telegram = setting.telegram if level.telegram is None else level.telegram != "off"
    has_channel = setting.discord_channel_id is not None
    on_discord = has_channel if level.discord is None else level.discord != "off"
    return on_telegram or on_discord


def _hash(curve: LevelCurve) -> str:
    needed = ",".join(str(curve.xp_of(level)) for level in range(1, curve.highest + 1))
    return hashlib.sha256(needed.encode()).hexdigest()[:32]


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Levels]:
    """Open the role."""
    yield Levels(resources)
