"""The role `reconcile`: pays the debts to platforms' tables, compares pages, and drives passes.

One pass runs at a time, owned by the process that began it or took it over. Every process of the
role compares pages, whichever process owns the pass.
"""

import asyncio
import contextlib
import math
import socket
import uuid
from collections.abc import Mapping, Sequence

import structlog

from bus import GroupMissing, StreamMissing, trim_stream
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.stream_rebuild import make_ready
from consumers.runtime.transactions import transaction
from db import PLATFORMS, stop_signs
from db.reconcile import drift, passes
from db.reconcile import pages as reconcile_pages
from db.reconcile.passes import Cause, Run
from db.stop_signs import Paused

from .comparison import PageComparer
from .decisions.verdicts import Stop
from .lease import Lease, LeaseLost
from .pass_phases import PassContext, Phase, Step, first_phase
from .platforms import Alarm
from .port import Subject
from .store_debt_payments import DebtPayer
from .subjects.stores import StoreSubject

log = structlog.get_logger("twinstream.reconcile")

#: How long the role pauses after a step without work, in seconds at most.
PAUSE_S_MAX = 1.0


class Reconcile:
    """Makes passes, compares pages, decides and repairs."""

    def __init__(
        self,
        resources: Resources,
        subjects: Sequence[Subject],
        *,
        alarm: Alarm | None = None,
        consumer: str | None = None,
    ) -> None:
        self._resources = resources
        self._limits = resources.community.reconcile
        self.pause_s = min(PAUSE_S_MAX, self._limits.interval_ms / 1_000)
        self._subjects = subjects
        self._alarm = alarm
        self._debt_payers = [DebtPayer(resources.pool, *one) for one in resources.stores.items()]
        name = consumer or resources.consumer_name(resources.keys.snapshots.group)
        #: Unlike the consumer's name, it identifies this very process.
        self._owner = f"{socket.gethostname()}:{name}:{uuid.uuid4().hex[:8]}"
        self._lease = Lease(
            resources.pool, owner=self._owner, lease_s=self._limits.lease_ms / 1_000
        )
        self._context = PassContext(resources, subjects, self._owner)
        self._comparer = PageComparer(resources, name)
        self._clock = asyncio.get_running_loop().time
        #: When the alarm is asked next.
        self._ring_at = self._clock()
        self._paused: str | None = None
        #: The phase of the pass that this process owns; None while it owns none.
        self._phase: Phase | None = None

    def describe(self) -> Mapping[str, object]:
        """Name the interval, the limits, and what is compared."""
        limits = self._limits
        return {
            "interval_s": limits.interval_ms / 1_000,
            "everybody_within_s": limits.whole_within_ms / 1_000,
            "batch": limits.page_members,
            "stops_above": f"{limits.members_share_max:.0%} of members, {limits.xp_max} XP,"
            f" {limits.balance_max} balance",
            "compares": [f"{one.platform} {one.name}" for one in self._subjects],
        }

    async def step(self) -> int:
        """Do one bounded round. Returns how much was done."""
        done = sum([await one.step() for one in self._debt_payers])
        if self._phase is None:
            await self._find_pass()
        done += await self._continue_pass()
        compared = await self._comparer.step()
        if compared is None and self._phase is not None:
            await self._take_again(self._phase.run)
        if compared:
            await self._trim()
        return done + (compared or 0)

    async def _trim(self) -> None:
        """Delete compared pages: a pass over a million members puts 200 MB on the stream."""
        stream, group = self._resources.keys.snapshots
        with contextlib.suppress(GroupMissing, StreamMissing):
            await trim_stream(self._resources.redis, stream, [group], keep_ms=0)

    async def ask(
        self,
        *,
        cause: Cause = "asked",
        member_id: int | None = None,
        everybody: bool = False,
        dry_run: bool = False,
        accepted: bool = False,
    ) -> int | None:
        """Begin a pass now, and return its id; None while another is running.

        Raises:
            Paused: the stop sign of this release is set.
        """
        await make_ready(self._resources.redis, self._resources.keys.snapshots)
        async with transaction(self._resources.pool) as conn:
            run = await passes.begin(
                conn,
                cause=cause,
                owner=self._owner,
                lease_s=self._lease.lease_s,
                member_id=member_id,
                everybody=everybody,
                dry_run=dry_run,
                accepted=accepted,
            )
        if run is None:
            return None
        log.info("pass.started", run=run.id, cause=cause, everybody=run.everybody)
        self._phase = first_phase(self._context, run)
        return run.id

    def pages_for(self, members: int) -> int:
        """Return about how many pages a pass over this many members has."""
        return sum(math.ceil(members / one.page_rows) for one in self._subjects)

    async def _find_pass(self) -> None:
        """Take over a pass whose lease has expired, or begin the next one if it is due.

        Under the stop sign of this release no pass is begun. One that is taken over is then ended.
        """
        async with transaction(self._resources.pool) as conn:
            paused = await stop_signs.read_under_lock(conn)
            run = await passes.take_over(conn, owner=self._owner, lease_s=self._lease.lease_s)
            due = (
                run is None
                and paused is None
                and await passes.is_due(conn, interval_s=self._limits.interval_ms / 1_000)
            )
        self._log_pause(paused)
        if run is not None:
            log.warning("pass.taken_over", run=run.id)
            self._phase = first_phase(self._context, run)
            await self._take_again(run)
        elif paused is not None:
            return
        elif due:
            await self._begin("interval")
        elif self._alarm is not None and self._clock() >= self._ring_at:
            await self._ring(self._alarm)

    def _log_pause(self, reason: str | None) -> None:
        """Log that the stop sign was set or removed, once each time."""
        if reason == self._paused:
            return
        self._paused = reason
        if reason is None:
            log.info("reconcile.resumed")
        else:
            log.warning("reconcile.paused", release=stop_signs.OBEYED, why=reason)

    async def _begin(self, cause: Cause) -> bool:
        """Begin a pass; False if another one runs, or if the stop sign was set just now."""
        try:
            return await self.ask(cause=cause) is not None
        except Paused:
            return False

    async def _ring(self, alarm: Alarm) -> None:
        """Begin a pass before it is due if one call to the platform shows that it is needed."""
        self._ring_at = self._clock() + self._limits.alarm_interval_ms / 1_000
        why = await alarm.ring()
        if why is not None and await self._begin("alarm"):
            log.warning("alarm.raised", why=why)
            alarm.pass_begun()

    async def _take_again(self, run: Run) -> None:
        """Take the pages again of which this process cannot know whether they are on the stream."""
        async with transaction(self._resources.pool) as conn:
            progress = await reconcile_pages.progress(conn, run.id)
            if run.pages is not None and not progress.waiting:
                return
            await reconcile_pages.forget_uncompared(conn, run.id, self._owner)
        self._phase = first_phase(self._context, run._replace(pages=None))

    async def _continue_pass(self) -> int:
        """Do the next step of the pass that this process owns, if any, while its lease is kept."""
        if self._phase is None:
            return 0
        run = self._phase.run
        try:
            async with self._lease.kept(run.id):
                step = await self._step_of(self._phase)
                if step.phase is None:
                    await self._end(run, step.stop)
                self._phase = step.phase
        except LeaseLost:
            log.warning("lease.lost", run=run.id)
            self._phase = None
            return 0
        return step.done

    async def _step_of(self, phase: Phase) -> Step:
        """Let a phase do its step, unless the stop sign or a refused page ends the pass.

        Under the stop sign of this release the pass would decide and repair by rules that a newer
        release has changed.
        """
        try:
            async with transaction(self._resources.pool) as conn:
                await stop_signs.obey(conn)
                progress = await reconcile_pages.progress(conn, phase.run.id)
            if progress.refused is not None:
                return Step(1, None, Stop(f"a page cannot be believed: {progress.refused}"))
            return await phase.step(progress.waiting)
        except Paused as paused:
            return Step(1, None, Stop(str(paused)))

    async def _end(self, run: Run, stop: Stop | None) -> None:
        """End a pass: it is finished, or stopped for this reason.

        Raises:
            LeaseLost: another process owns the pass, or has ended it.
        """
        if stop is not None:
            await self._decide_all(run, stop)
        if not run.dry_run:
            await self._forget_removed_stores(run)
        why = None if stop is None else stop.why
        async with transaction(self._resources.pool) as conn:
            await drift.forget_old(conn)
            ended = await passes.end(conn, run.id, self._owner, stopped_because=why)
            report = await passes.report(conn, run.id)
            decisions = await drift.decisions_of(conn, run.id)
        if not ended or report is None:
            raise LeaseLost
        metrics.PASSES.labels(report.status).inc()
        if why is not None:
            log.error("pass.stopped", run=run.id, why=why)
            return
        log.info("pass.finished", run=run.id, members=report.members, **decisions)

    async def _forget_removed_stores(self, run: Run) -> None:
        """Close what waits for a decision about a table that twinstream.toml names no more."""
        for platform in PLATFORMS:
            if platform in self._resources.stores:
                continue
            why = f"twinstream.toml has no [stores.{platform}] any more, so no pass reads its table"
            closed, more = 0, 1
            while more:
                await self._lease.renew(run.id)
                async with transaction(self._resources.pool) as conn:
                    more = await drift.forget_subject(conn, platform, StoreSubject.name, why)
                closed += more
            if closed:
                log.warning("findings.forgotten", platform=platform, findings=closed, why=why)

    async def _decide_all(self, run: Run, stop: Stop) -> None:
        more = 1
        while more:
            await self._lease.renew(run.id)
            async with transaction(self._resources.pool) as conn:
                more = await drift.decide_all(conn, run.id, stop.decision, stop.why)
