"""The phases of a pass in the hands of its owner: taking snapshots, waiting for pages, judging.

Each phase is an object with a step of its own, which says what comes next. The role holds the
current phase and nothing else of the pass.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db.reconcile import pages as reconcile_pages
from db.reconcile.passes import Run

from .decisions.verdicts import Stop
from .port import Subject
from .repairs import Repairs, Subjects
from .snapshots import SnapshotTaker

#: Pages on the stream that are not compared yet, at most, so that memory stays bounded.
PAGES_AHEAD = 4
#: How long the owner waits for a page, in units of `claim_idle_ms`. A page that a dead process has
#: read is claimed and compared within two of them; after three it is lost.
CLAIMS_PATIENCE = 3
#: The same in seconds, at least: with a small `claim_idle_ms` a busy process is no dead one.
PATIENCE_S_MIN = 2.0


class PassContext(NamedTuple):
    """Everything that the phases of a pass share."""

    resources: Resources
    subjects: Sequence[Subject]
    owner: str


class Step(NamedTuple):
    """How much a step did, and what comes next."""

    done: int
    phase: "Phase | None"
    """The phase from now on; None once the pass is to be ended."""
    stop: Stop | None = None
    """Why it is to be ended before it is done, if so."""


class Phase(Protocol):
    """One phase of a pass."""

    @property
    def run(self) -> Run: ...

    async def step(self, waiting: int) -> Step:
        """Do one bounded piece of work, while `waiting` pages are not compared yet."""
        ...


def first_phase(context: PassContext, run: Run) -> Phase:
    """Return the phase in which a pass that was begun or taken over continues."""
    return SnapshotPhase(context, run) if run.pages is None else WaitingPhase(context, run)


class SnapshotPhase:
    """Puts one page after the other on the stream, at most PAGES_AHEAD before the comparison."""

    def __init__(self, context: PassContext, run: Run) -> None:
        self.run = run
        self._context = context
        self._taker = SnapshotTaker(context.resources, context.subjects, run, context.owner)
        self._patience = PagePatience(context)
        #: Whether the last step raised. Its page may be recorded and not on the stream, or lost.
        self._failed = False

    async def step(self, waiting: int) -> Step:
        """Take a page; after the last one, record their number and wait for the comparison.

        After an error all pages that are not compared are taken again.
        """
        if self._failed:
            async with transaction(self._context.resources.pool) as conn:
                await reconcile_pages.forget_uncompared(conn, self.run.id, self._context.owner)
            return Step(1, SnapshotPhase(self._context, self.run))
        if waiting >= PAGES_AHEAD:
            return self._patience.step(self, waiting)
        self._failed = True
        taken = await self._taker.take()
        self._failed = False
        if taken:
            return Step(1, self)
        async with transaction(self._context.resources.pool) as conn:
            await reconcile_pages.all_taken(conn, self.run.id, self._context.owner)
            pages = await reconcile_pages.count(conn, self.run.id)
        return Step(1, WaitingPhase(self._context, self.run._replace(pages=pages)))


class WaitingPhase:
    """Waits until every page is compared."""

    def __init__(self, context: PassContext, run: Run) -> None:
        self.run = run
        self._context = context
        self._patience = PagePatience(context)

    async def step(self, waiting: int) -> Step:
        """Wait for pages, or begin to judge at once when none is left."""
        if waiting:
            return self._patience.step(self, waiting)
        return await JudgingPhase(self._context, self.run).step(waiting)


class JudgingPhase:
    """Decides and repairs the findings, unless something forbids repairs."""

    def __init__(self, context: PassContext, run: Run) -> None:
        self.run = run
        subjects: Subjects = {(one.platform, one.name): one for one in context.subjects}
        self._repairs = Repairs(context.resources, subjects, run)

    async def step(self, waiting: int) -> Step:
        """Decide the next findings; end the pass when all are decided.

        Raises:
            Paused: the stop sign of this release is set.
        """
        stop = await self._repairs.reason_to_stop()
        if stop is not None:
            return Step(1, None, stop)
        decided = await self._repairs.step()
        return Step(decided + 1, self if decided else None)


class PagePatience:
    """Gives the pages that other processes may be comparing their time; then they count as lost."""

    def __init__(self, context: PassContext) -> None:
        claim_idle_s = context.resources.community.consumers.claim_idle_ms / 1_000
        self._patience_s = max(PATIENCE_S_MIN, CLAIMS_PATIENCE * claim_idle_s)
        self._clock = asyncio.get_running_loop().time
        self._waiting = 0
        self._since = 0.0

    def step(self, phase: Phase, waiting: int) -> Step:
        """Stay in the phase, or stop the pass if the number of waiting pages stood for too long."""
        if waiting != self._waiting:
            self._waiting, self._since = waiting, self._clock()
        if self._clock() > self._since + self._patience_s:
            return Step(
                0, None, Stop(f"{waiting} pages were put on the stream and never came back")
            )
        return Step(0, phase)
