"""The alarm between passes: Discord's count of each role's holders, against the record's.

It proves nothing: two opposite mistakes cancel out, and people whom the record does not know may
hold our roles as well. But it costs one call, and notices within minutes what passes over slices of
the members would notice within a day.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import discord
import structlog

from config import Community
from consumers.display.discord_roles.errors import mapped_errors
from consumers.display.discord_roles.roles import wanted_roles
from consumers.display.port import CannotShow
from consumers.display.role import VISIT_S_MAX
from consumers.reconcile.port import CannotRead
from db.surfaces import RANK, observed
from db.surfaces.observed import Count

log = structlog.get_logger("twinstream.reconcile")


class Bounds(NamedTuple):
    """How many members may hold a role, given that some changes are always in flight."""

    low: int
    high: int

    def excess(self, counted: int) -> int:
        """Return by how many a count is too high, below zero by how many it is too low; else 0."""
        return max(0, counted - self.high) + min(0, counted - self.low)


def role_bounds(community: Community, counts: Sequence[Count]) -> dict[int, Bounds]:
    """Return for each of our roles how many members should hold it. Pure.

    Members whose roles are about to change, or are unknown, may hold the old roles, the new ones or
    neither.
    """
    low = dict.fromkeys(community.discord_roles, 0)
    high = dict(low)
    for one in counts:
        before = _roles(community, one.surface, one.shown)
        is_sure = one.is_still and not one.is_absent and one.wanted == one.shown
        for role_id in before | _roles(community, one.surface, one.wanted):
            low[role_id] += one.accounts * is_sure
            high[role_id] += one.accounts
    return {role_id: Bounds(low[role_id], high[role_id]) for role_id in low}


def _roles(community: Community, surface: str, number: int | None) -> frozenset[int]:
    if number is not None:
        return wanted_roles(community, {surface: number})
    if surface != RANK:
        return wanted_roles(community, {surface: 1})
    return frozenset(one.discord_role for one in community.ranks if one.discord_role is not None)


class Disagreement:
    """Counts outside their bounds, as far as two counts in a row agree and no pass has checked it.

    An excess that a pass did not repair (holders whom the record does not know, say) is no news
    until it grows.
    """

    def __init__(self) -> None:
        self._last: Mapping[int, int] = {}
        self._known: dict[int, int] = {}

    def news(self, excess: Mapping[int, int]) -> dict[int, int]:
        """Add one count (role to excess, zero included); return the excesses to be checked."""
        stood = {
            role_id: _common(now, self._last.get(role_id, 0)) for role_id, now in excess.items()
        }
        self._last = dict(excess)
        self._known = {
            role_id: _common(known, excess.get(role_id, known))
            for role_id, known in self._known.items()
        }
        return {
            role_id: now
            for role_id, now in stood.items()
            if now and _common(now, self._known.get(role_id, 0)) != now
        }

    def check(self, news: Mapping[int, int]) -> None:
        """Remember that a pass checks these."""
        self._known.update(news)


def _common(one: int, other: int) -> int:
    """Return what two excesses have in common: the smaller one, or 0 if the signs differ."""
    if one * other <= 0:
        return 0
    return min(one, other) if one > 0 else max(one, other)


class RoleAlarm:
    """Compares Discord's counts of role holders with the roles that were shown."""

    def __init__(
        self,
        login: Callable[[], Awaitable[discord.Client]],
        community: Community,
        pool: asyncpg.Pool,
    ) -> None:
        """Log in by `login`, which may raise CannotRead."""
        self._login = login
        self._community = community
        self._guild_id = community.discord.guild_id
        self._pool = pool
        self._disagreement = Disagreement()
        self._news: Mapping[int, int] = {}

    async def ring(self) -> str | None:
        """Count once, and say which roles disagree; a count that fails is no reason for a pass."""
        try:
            async with asyncio.timeout(VISIT_S_MAX):
                client = await self._login()
                with mapped_errors():
                    counted: Any = await client.http.get_role_member_counts(self._guild_id)
        except (CannotRead, CannotShow, TimeoutError) as error:
            log.debug("alarm.skipped", why=str(error))
            return None
        bounds = role_bounds(self._community, await observed.counts(self._pool, "discord"))
        excess = {
            role_id: one.excess(count)
            for role_id, one in bounds.items()
            if isinstance(counted, dict) and isinstance(count := counted.get(str(role_id)), int)
        }
        self._news = self._disagreement.news(excess)
        if not self._news:
            return None
        return "; ".join(self._sentence(role_id, by) for role_id, by in sorted(self._news.items()))

    def pass_begun(self) -> None:
        """Report the same excess no more."""
        self._disagreement.check(self._news)

    def _sentence(self, role_id: int, by: int) -> str:
        more_or_fewer = f"{by} more hold" if by > 0 else f"{-by} fewer hold"
        return f"{more_or_fewer} {_name(self._community, role_id)} than should"


def _name(community: Community, role_id: int) -> str:
    ranks = [
        f"the role of rank {one.name}" for one in community.ranks if one.discord_role == role_id
    ]
    achievements = [
        f"the role of achievement {one.title}"
        for one in community.achievements
        if one.discord_role == role_id
    ]
    return [*ranks, *achievements][0]
