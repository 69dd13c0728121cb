"""The role `reconcile`: pays what a platform's table is owed, and sees that passes are made.

There is one pass at a time, in the hands of whoever began it or took it over. Anybody compares its
pages.
"""

import asyncio
import contextlib
import math
import socket
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog

from bus import BusError, GroupMissing, StreamMissing, consumer_name, trim_stream
from consumers.runtime import metrics
from consumers.runtime.rebuild import make_ready
from consumers.runtime.resources import Parts
from consumers.runtime.transactions import transaction
from db import Paused, stop_signs
from db.errors import DbError
from db.reconcile import drift, runs
from db.reconcile import pages as reconcile_pages
from db.reconcile.runs import Cause, Run

from .comparison import Comparing
from .debts import Paying
from .platforms import Alarm
from .port import Subject
from .snapshots import LostPass, Taking
from .verdicts import Judging

log = structlog.get_logger("twinstream.reconcile")

PAUSE_S_MAX = 1.0
#: So many pages at most are on the stream and not compared yet.
PAGES_AHEAD = 4
RENEWALS_PER_LEASE = 4
#: A page that was claimed from a dead process comes within two of these; after three it is lost.
CLAIMS_PATIENCE = 3
PATIENCE_S_MIN = 2.0


class Reconcile:
    """Makes passes, compares pages, decides and repairs."""

    def __init__(
        self,
        parts: Parts,
        subjects: Sequence[Subject],
        *,
        alarm: Alarm | None = None,
        consumer: str | None = None,
    ) -> None:
        self._parts = parts
        self._limits = parts.community.reconcile
        self._lease_s = self._limits.lease_ms / 1_000
        self.pause_s = min(PAUSE_S_MAX, self._limits.interval_ms / 1_000)
        self._subjects = subjects
        self._alarm = alarm
        self._paying = [Paying(parts.pool, *one) for one in parts.stores.items()]
        slot = parts.settings.twinstream_consumer_slot
        name = consumer or consumer_name(parts.keys.snapshots.group, slot)
        #: Unlike the consumer's name, it stands for this very process.
        self._owner = f"{socket.gethostname()}:{name}:{uuid.uuid4().hex[:8]}"
        self._comparing = Comparing(parts, name)
        self._clock = asyncio.get_running_loop().time
        #: When the alarm is asked next.
        self._ring_at = self._clock()
        self._paused: str | None = None
        self._drop()

    def _drop(self) -> None:
        """Let go of the pass in hand."""
        self._run: Run | None = None
        self._taking: Taking | None = None
        self._judging: Judging | None = None
        self._waiting = 0
        self._waiting_since = 0.0

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
        done = sum([await one.step() for one in self._paying])
        if self._run is None:
            await self._find_pass()
        try:
            async with self._kept():
                done += await self._go_on_unless_paused()
        except LostPass:
            log.warning("reconcile.lost", run=self._run.id if self._run else None)
            self._drop()
        compared = await self._comparing.step()
        if compared is None and self._run is not None:
            await self._take_again()
        if compared:
            await self._trim()
        return done + (compared or 0)

    async def _trim(self) -> None:
        """Keep no page that was compared: a pass over a million members has 200 MB of them."""
        stream, group = self._parts.keys.snapshots
        with contextlib.suppress(GroupMissing, StreamMissing):
            await trim_stream(self._parts.redis, stream, [group], keep_ms=0)

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
        await make_ready(self._parts.redis, self._parts.keys.snapshots)
        async with transaction(self._parts.pool) as conn:
            run = await runs.begin(
                conn,
                cause=cause,
                owner=self._owner,
                lease_s=self._lease_s,
                member_id=member_id,
                everybody=everybody,
                dry_run=dry_run,
                accepted=accepted,
            )
        if run is None:
            return None
        log.info("reconcile.began", run=run.id, cause=cause, everybody=run.everybody)
        self._hold(run)
        return run.id

    def pages_for(self, members: int) -> int:
        """Say about how many pages a pass over so many members has."""
        return sum(math.ceil(members / one.page_rows) for one in self._subjects)

    def _hold(self, run: Run) -> None:
        self._drop()
        self._run = run
        self._judging = Judging(
            self._parts, {(s.platform, s.name): s for s in self._subjects}, run, self._owner
        )
        if run.pages is None:
            self._taking = Taking(self._parts, self._subjects, run, self._owner)

    async def _find_pass(self) -> None:
        """Take over a pass that nobody works on any more, or begin the next if it is time.

        Under the stop sign of this release none is begun. One that is taken over is then ended.
        """
        async with transaction(self._parts.pool) as conn:
            paused = await stop_signs.set_reason(conn)
            run = await runs.take_over(conn, owner=self._owner, lease_s=self._lease_s)
            due = (
                run is None
                and paused is None
                and await runs.is_due(conn, interval_s=self._limits.interval_ms / 1_000)
            )
        self._tell_of_pause(paused)
        if run is not None:
            log.warning("reconcile.taken_over", run=run.id)
            self._hold(run)
            await self._take_again()
        elif paused is not None:
            return
        elif due:
            await self._begin("interval")
        elif self._alarm is not None and self._clock() >= self._ring_at:
            await self._ring(self._alarm)

    def _tell_of_pause(self, reason: str | None) -> None:
        """Log that the stop sign was set or removed, once each time."""
        if reason == self._paused:
            return
        self._paused = reason
        if reason is None:
            log.info("reconcile.resumed")
        else:
            log.warning("reconcile.paused", release=stop_signs.OBEYED, why=reason)

    async def _begin(self, cause: Cause) -> bool:
        """Begin a pass; False if there is another, or if the stop sign was set just now."""
        try:
            return await self.ask(cause=cause) is not None
        except Paused:
            return False

    async def _ring(self, alarm: Alarm) -> None:
        """Begin a pass before its time if one call to the platform says that it is needed."""
        self._ring_at = self._clock() + self._limits.alarm_interval_ms / 1_000
        why = await alarm.ring()
        if why is not None and await self._begin("alarm"):
            log.warning("reconcile.alarmed", why=why)
            alarm.heeded()

    async def _take_again(self) -> None:
        """Take those pages anew of which nobody knows whether they are on the stream."""
        assert self._run is not None
        async with transaction(self._parts.pool) as conn:
            waiting, _ = await reconcile_pages.progress(conn, self._run.id)
            if self._run.pages is not None and not waiting:
                return
            await reconcile_pages.forget_uncompared(conn, self._run.id, self._owner)
        self._hold(self._run._replace(pages=None))

    async def _go_on_unless_paused(self) -> int:
        """Go on with the pass in hand, or end it if the stop sign of this release is set.

        It would decide and repair by rules that a newer release has changed.
        """
        try:
            return await self._go_on()
        except Paused as paused:
            await self._end(str(paused))
            return 1

    async def _go_on(self) -> int:
        """Take the next page of the pass in hand, or judge it once all are compared."""
        if self._run is None:
            return 0
        async with transaction(self._parts.pool) as conn:
            await stop_signs.obey(conn)
            waiting, refused = await reconcile_pages.progress(conn, self._run.id)
        if refused is not None:
            await self._end(f"a page cannot be believed: {refused}")
            return 1
        if self._taking is not None and waiting < PAGES_AHEAD:
            return await self._take(self._run, self._taking)
        if waiting:
            await self._wait_for(waiting)
            return 0
        return await self._judge()

    async def _take(self, run: Run, taking: Taking) -> int:
        if await taking.take():
            return 1
        async with transaction(self._parts.pool) as conn:
            await reconcile_pages.all_taken(conn, run.id, self._owner)
            pages = await reconcile_pages.count(conn, run.id)
        self._hold(run._replace(pages=pages))
        return 1

    async def _wait_for(self, waiting: int) -> None:
        """Give pages that are in somebody's hands their time; then they are missing."""
        if waiting != self._waiting:
            self._waiting, self._waiting_since = waiting, self._clock()
        claim_idle_s = self._parts.community.consumers.claim_idle_ms / 1_000
        patience_s = max(PATIENCE_S_MIN, CLAIMS_PATIENCE * claim_idle_s)
        if self._clock() > self._waiting_since + patience_s:
            await self._end(f"{waiting} pages were put on the stream and never came back")

    async def _judge(self) -> int:
        assert self._judging is not None
        obstacle = await self._judging.obstacle()
        if obstacle is not None:
            why, decision = obstacle
            await self._end(why, decision)
            return 1
        decided = await self._judging.step()
        if not decided:
            await self._end(None)
        return decided + 1

    async def _end(self, stopped_because: str | None, decision: drift.Decision = "stopped") -> None:
        run = self._run
        assert run is not None
        if stopped_because is not None:
            await self._decide_all(run, decision, stopped_because)
        async with transaction(self._parts.pool) as conn:
            await drift.forget_old(conn)
            ended = await runs.end(conn, run.id, self._owner, stopped_because=stopped_because)
            report = await runs.report(conn, run.id)
            decisions = await drift.decisions_of(conn, run.id)
        self._drop()
        if not ended or report is None:
            raise LostPass
        metrics.PASSES.labels(report.status).inc()
        if stopped_because is not None:
            log.error("reconcile.stopped", run=run.id, why=stopped_because)
        else:
            if run.member_id is None and not run.dry_run:
                metrics.PASS_FINISHED.set(time.time())
            log.info("reconcile.finished", run=run.id, members=report.members, **decisions)

    async def _decide_all(self, run: Run, decision: drift.Decision, why: str) -> None:
        more = 1
        while more:
            async with transaction(self._parts.pool) as conn:
                if not await runs.renew(conn, run.id, owner=self._owner, lease_s=self._lease_s):
                    raise LostPass
                more = await drift.decide_all(conn, run.id, decision, why)

    @contextlib.asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """Renew the lease while the block lasts.

        Raises:
            LostPass: at the beginning, if the pass is not ours any more.
        """
        if self._run is None:
            yield
            return
        if not await self._renew(self._run):
            raise LostPass
        renewing = asyncio.create_task(self._renew_on(self._run))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew_on(self, run: Run) -> None:
        while True:
            await asyncio.sleep(self._lease_s / RENEWALS_PER_LEASE)
            with contextlib.suppress(DbError, BusError):  # the work itself will say what is wrong
                await self._renew(run)

    async def _renew(self, run: Run) -> bool:
        async with transaction(self._parts.pool) as conn:
            return await runs.renew(conn, run.id, owner=self._owner, lease_s=self._lease_s)
