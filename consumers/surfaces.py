"""Driving what people see to what it should be, on one platform.

The wanted state is a column, the shown state is another, and the difference is the work: a hundred
rank changes during an outage cost one visit. A display does the visit; this role chooses whom to
visit, and what to do when the platform says no.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

import structlog

from db import Platform, surfaces
from db.surfaces import Showing

from .parts import Parts

log = structlog.get_logger("twinstream.surfaces")

#: A library may sleep inside a call when the platform's limits are used up, but not for ever.
VISIT_S_MAX = 90.0
#: No visit begins later than this in a round; who is left is given back.
ROUND_S_MAX = 60.0
#: So no lease ends while its member may still be visited. It outlives a killed process by as much.
LEASE_S = ROUND_S_MAX + VISIT_S_MAX + 30.0

NO_ANSWER_RETRY_S = 10.0
#: A member whose visits keep failing is looked at less and less often, down to this.
BACKOFF_S_MAX = 300.0
WARN_AGAIN_S = 600.0
CAUSES_KEPT_MAX = 100


class CannotShow(Exception):
    """A member's surfaces could not be brought to the wanted state for now.

    `retry_s` says when to look again. With `everyone`, the cause is not the member's: nobody's
    surfaces on this platform can be written until then.
    """

    def __init__(self, why: str, *, retry_s: float, everyone: bool = False) -> None:
        super().__init__(why)
        self.retry_s = retry_s
        self.everyone = everyone


class Display(Protocol):
    """A platform's way to show ranks and achievements."""

    @property
    def platform(self) -> Platform: ...

    def describe(self) -> Mapping[str, object]:
        """Name the place that is shown to."""
        ...

    async def show(self, showing: Showing) -> None:
        """Bring one member's surfaces to the wanted state, and make sure that they are.

        It may be cut off anywhere: the next visit looks before it writes.

        Raises:
            CannotShow: it is not possible now.
        """
        ...


class Surfaces:
    """The role that keeps one platform's display up to date."""

    def __init__(self, display: Display, parts: Parts) -> None:
        limits = parts.community.consumers
        self.pause_s = limits.surfaces_interval_ms / 1_000
        self._members_max = limits.surfaces_members_max
        self._display = display
        self._pool = parts.pool
        self._stop = parts.stop
        self._clock = asyncio.get_running_loop().time
        #: What keeps this role from everyone, and until when.
        self._obstacle: CannotShow | None = None
        self._blocked_until = 0.0
        self._warned_at: dict[str, float] = {}

    def describe(self) -> Mapping[str, object]:
        """Name the place, the interval and the batch."""
        return {
            **self._display.describe(),
            "interval_s": self.pause_s,
            "batch": self._members_max,
        }

    async def step(self) -> int:
        """Visit the members who have waited longest. Returns how many were visited.

        While something keeps it from everyone, it takes nobody: each try would cost a call and
        count against us.
        """
        began = self._clock()
        if began < self._blocked_until:
            return 0
        taken = await surfaces.take(
            self._pool, self._display.platform, limit=self._members_max, lease_s=LEASE_S
        )
        waiting = deque(taken)
        try:
            while waiting and self._may_go_on(began):
                await self._visit(waiting.popleft())
        finally:
            for showing in waiting:
                await surfaces.release(self._pool, showing, delay_s=0.0)
        return len(taken) - len(waiting)

    def _may_go_on(self, began: float) -> bool:
        now = self._clock()
        return not self._stop.is_set() and now < began + ROUND_S_MAX and now >= self._blocked_until

    async def _visit(self, showing: Showing) -> None:
        """Show one member's state, or note why not and until when."""
        try:
            async with asyncio.timeout(VISIT_S_MAX):
                await self._display.show(showing)
        except CannotShow as refusal:
            await self._put_off(showing, refusal)
            return
        except TimeoutError:
            why = f"a visit took longer than {VISIT_S_MAX:.0f} s"
            await self._put_off(showing, CannotShow(why, retry_s=NO_ANSWER_RETRY_S, everyone=True))
            return
        await surfaces.mark_shown(self._pool, showing)
        if self._obstacle is not None:
            self._obstacle = None
            log.info("surfaces.resumed", platform=self._display.platform)
        log.info(
            "surface.shown",
            platform=self._display.platform,
            member_id=showing.member_id,
            account_id=showing.account_id,
            wanted=dict(showing.wanted),
        )

    async def _put_off(self, showing: Showing, refusal: CannotShow) -> None:
        delay_s = retry_after_s(refusal, showing.attempts)
        await surfaces.postpone(self._pool, showing, delay_s=delay_s, error=str(refusal))
        tell = log.warning if self._is_news(refusal) else log.debug
        tell(
            "surface.postponed",
            platform=self._display.platform,
            account_id=showing.account_id,
            retry_s=delay_s,
            everyone=refusal.everyone,
            why=str(refusal),
        )
        if refusal.everyone:
            self._obstacle = refusal
            self._blocked_until = self._clock() + refusal.retry_s

    def _is_news(self, refusal: CannotShow) -> bool:
        """Tell whether people should hear of it: of each cause once in a while.

        What keeps us from everyone is told once until it is over. All the rest is in the table.
        """
        why = str(refusal)
        if refusal.everyone:
            return self._obstacle is None or str(self._obstacle) != why
        now = self._clock()
        if now < self._warned_at.get(why, -WARN_AGAIN_S) + WARN_AGAIN_S:
            return False
        if len(self._warned_at) >= CAUSES_KEPT_MAX:
            self._warned_at.clear()
        self._warned_at[why] = now
        return True


def retry_after_s(refusal: CannotShow, attempts: int) -> float:
    """Say how long to leave a member alone after `attempts` failures and this one. Pure."""
    if refusal.everyone:
        return refusal.retry_s
    doubled = refusal.retry_s * 2.0 ** min(attempts, 16)
    return max(refusal.retry_s, min(doubled, BACKOFF_S_MAX))
