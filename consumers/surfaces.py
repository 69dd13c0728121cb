"""Driving what people see to what it should be, on one platform.

The wanted state is a column, the shown state is another, and the difference is the work: a hundred
rank changes during an outage cost one visit. A display does the visit; this role chooses whom to
visit, and what to do when the platform says no.
"""

from collections.abc import Mapping
from typing import Protocol

import structlog

from db import Platform, surfaces
from db.surfaces import Showing

from .parts import Parts

log = structlog.get_logger("twinstream.surfaces")

# Longer than a batch takes when the platform allows one write per second.
LEASE_S = 300.0


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

    platform: Platform

    def describe(self) -> Mapping[str, object]:
        """Name the place that is shown to."""
        ...

    async def show(self, showing: Showing) -> None:
        """Bring one member's surfaces to the wanted state, and make sure that they are.

        Raises:
            CannotShow: it is not possible now.
        """
        ...


class Surfaces:
    """The role that keeps one platform's display up to date."""

    def __init__(self, name: str, display: Display, parts: Parts) -> None:
        limits = parts.community.consumers
        self.name = name
        self.pause_s = limits.surfaces_interval_ms / 1_000
        self._members_max = limits.surfaces_members_max
        self._display = display
        self._pool = parts.pool
        self._stop = parts.stop
        self._warned: set[str] = set()

    def describe(self) -> Mapping[str, object]:
        """Name the place, the interval and the batch."""
        return {
            **self._display.describe(),
            "interval_s": self.pause_s,
            "batch": self._members_max,
        }

    async def step(self) -> int:
        """Visit the members who have waited longest. Returns how many there were."""
        taken = await surfaces.take(
            self._pool, self._display.platform, limit=self._members_max, lease_s=LEASE_S
        )
        obstacle: CannotShow | None = None
        for showing in taken:
            if obstacle is None and not self._stop.is_set():
                obstacle = await self._visit(showing)
            else:
                await surfaces.release(
                    self._pool, showing, delay_s=obstacle.retry_s if obstacle else 0.0
                )
        return len(taken)

    async def _visit(self, showing: Showing) -> CannotShow | None:
        """Show one member's state. Returns the obstacle if nobody's can be shown now."""
        try:
            await self._display.show(showing)
        except CannotShow as refusal:
            await surfaces.postpone(
                self._pool, showing, delay_s=refusal.retry_s, error=str(refusal)
            )
            self._warn_once(refusal, showing)
            return refusal if refusal.everyone else None
        await surfaces.mark_shown(self._pool, showing)
        self._warned.clear()
        log.info(
            "surface.shown",
            role=self.name,
            member=showing.member_id,
            account=showing.account_id,
            wanted=dict(showing.wanted),
        )
        return None

    def _warn_once(self, refusal: CannotShow, showing: Showing) -> None:
        """Warn once about one cause, until something works again; the rest is in the table."""
        tell = log.debug if str(refusal) in self._warned else log.warning
        self._warned.add(str(refusal))
        tell(
            "surface.postponed",
            role=self.name,
            account=showing.account_id,
            retry_s=refusal.retry_s,
            why=str(refusal),
        )
