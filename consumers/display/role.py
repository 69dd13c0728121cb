"""The display role: drives the surfaces of one platform from shown to wanted.

The wanted state is a column, the shown state is another, and the difference is the work: a hundred
rank changes during an outage cost one visit. A display does the visit; this role chooses which
members to visit, and what to do when the platform refuses.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

import structlog

from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from db import surfaces
from db.surfaces import display_visits, presence
from db.surfaces.display_visits import Visit

from .port import BACKOFF_S_MAX, CannotShow, Display, Hindrances, retry_after_s

log = structlog.get_logger("twinstream.surfaces")

#: The longest visit. A library may sleep inside a call when the platform's limits are used up.
VISIT_S_MAX = 90.0
#: The last moment of a step at which a visit may begin; members who are left are released.
ROUND_S_MAX = 60.0
#: The lease of a member: longer than a step with its last visit, with a margin of 30 s. A killed
#: process blocks its members for as long.
LEASE_S = ROUND_S_MAX + VISIT_S_MAX + 30.0

#: Seconds until the next visit after a platform did not answer in time.
NO_ANSWER_RETRY_S = 10.0
#: A warning is logged again after 10 minutes, so that one cause does not fill the log.
WARN_AGAIN_S = 600.0
#: Members of the backfill visited in one step, so that urgent members wait for few visits only.
PATIENT_MEMBERS_MAX = 4
#: Seconds between two lines about the progress of a backlog.
PROGRESS_S = 30.0
#: Waiting surfaces from which on they are a backlog, and its progress is logged.
BACKLOG_MIN = 100
#: Seconds between two surveys of the hindrances on the platform: usually, and while one hinders
#: everything, so that an operator who removed it soon sees that it helped.
SURVEY_S = 60.0
SURVEY_HINDERED_S = 10.0
#: Rows that wait, and rows that are parked, on which one survey notes why, so that many of them
#: cost little at a time.
NOTED_MAX = 1_000
#: Causes whose last warning is remembered, so that memory stays bounded.
CAUSES_KEPT_MAX = 100


class DisplayRole:
    """The role that keeps one platform's display up to date."""

    def __init__(self, display: Display, resources: Resources) -> None:
        limits = resources.community.consumers
        self.pause_s = limits.surfaces_interval_ms / 1_000
        self._members_max = limits.surfaces_members_max
        self._display = display
        self._pool = resources.pool
        self._stop = resources.stop
        self._clock = asyncio.get_running_loop().time
        #: The refusal that concerns every member, and until when it holds.
        self._obstacle: CannotShow | None = None
        self._blocked_until = 0.0
        #: Refusals of visits that concern every member, one after the other.
        self._refused_visits = 0
        self._warned_at: dict[str, float] = {}
        self._hindrances = Hindrances(None, {})
        #: Whether a survey has found the causes: none can while a hindrance concerns everyone.
        self._knows_causes = False
        self._next_survey = 0.0
        #: Whether rows may have the note of a hindrance, by an earlier process as well.
        self._has_noted = True
        #: Visits whose outcome is not recorded yet.
        self._unrecorded: list[Visit] = []
        #: How many members were shown since the last line about progress.
        self._shown = 0
        self._progress_at = self._clock()

    def describe(self) -> Mapping[str, object]:
        """Name the place, the interval and the batch."""
        return {
            **self._display.describe(),
            "interval_s": self.pause_s,
            "batch": self._members_max,
        }

    async def step(self) -> int:
        """Visit the most urgent members who wait. Returns how many were visited.

        While a hindrance concerns every member, the step takes none: each attempt would cost a call
        and count against the bot.
        """
        await self._doubt_unrecorded_visits()
        if self._clock() < self._blocked_until or not await self._can_show():
            return 0
        began = self._clock()
        await self._log_progress()
        taken = await self._take()
        waiting = deque(taken)
        try:
            while waiting and self._may_go_on(began):
                await self._visit(waiting.popleft())
        finally:
            for visit in waiting:
                await display_visits.release(self._pool, visit)
        return len(taken) - len(waiting)

    async def _take(self) -> list[Visit]:
        """Take as many members as the limits allow: urgent ones, or else some of the backfill."""
        room = self._display.room(urgent=True)
        taken = await self._take_some(min(room, self._members_max), surfaces.LINK)
        if not taken:
            room = min(self._display.room(urgent=False), PATIENT_MEMBERS_MAX, self._members_max)
            taken = await self._take_some(room, surfaces.BACKFILL)
        return taken

    async def _take_some(self, limit: int, least_urgent: int) -> list[Visit]:
        if limit <= 0:
            return []
        return await display_visits.take(
            self._pool,
            self._display.platform,
            limit=limit,
            lease_s=LEASE_S,
            least_urgent=least_urgent,
        )

    async def _log_progress(self) -> None:
        """While there is a backlog, log every 30 s how far it is and how long it may take."""
        now = self._clock()
        elapsed_s = now - self._progress_at
        if elapsed_s < PROGRESS_S:
            return
        left = await display_visits.waiting(self._pool, self._display.platform)
        if left >= BACKLOG_MIN:
            about_s = round(left * elapsed_s / self._shown) if self._shown else None
            log.info(
                "backlog.measured",
                platform=self._display.platform,
                shown=self._shown,
                left=left,
                about_s=about_s,
            )
        self._progress_at, self._shown = now, 0

    def _may_go_on(self, began: float) -> bool:
        now = self._clock()
        return not self._stop.is_set() and now < began + ROUND_S_MAX and now >= self._blocked_until

    async def _can_show(self) -> bool:
        """Survey if a survey is due, and tell whether any member can be shown anything."""
        if self._clock() >= self._next_survey:
            try:
                async with asyncio.timeout(VISIT_S_MAX):
                    found = await self._display.survey()
            except (CannotShow, TimeoutError) as error:
                refusal = error if isinstance(error, CannotShow) else _too_slow()
                self._log_refusal(refusal, refusal.retry_s)
                self._block(refusal)
                await self._note_hindrance(str(refusal))
                return False
            pause_s = SURVEY_S if found.everyone is None else min(SURVEY_S, SURVEY_HINDERED_S)
            self._next_survey = self._clock() + pause_s
            await self._apply(found)
        return self._hindrances.everyone is None

    async def _apply(self, found: Hindrances) -> None:
        """Log new and vanished hindrances, and release the surfaces parked for vanished ones."""
        before, self._hindrances = self._hindrances, found
        platform = self._display.platform
        if found.everyone is not None:
            if found.everyone != before.everyone:
                log.warning("display.blocked", platform=platform, why=found.everyone)
            # Meanwhile the causes are unknown, so the earlier ones stay.
            self._hindrances = found._replace(causes=before.causes)
            await self._note_hindrance(found.everyone)
            # A process that does not know them would take the sentences of an earlier one away.
            if self._knows_causes:
                await self._explain_parked(before.causes, otherwise=found.everyone)
            return
        self._knows_causes = True
        if self._has_noted:
            await display_visits.forget_hindrance(self._pool, platform)
            self._has_noted = False
        if before.everyone is not None:
            log.info("display.resumed", platform=platform)
        for cause, why in found.causes.items():
            if why != before.causes.get(cause):
                log.warning("surfaces.parked", platform=platform, cause=cause, why=why)
        freed = await display_visits.unpark(self._pool, platform, standing=found.causes)
        if freed or before.causes.keys() - found.causes.keys():
            gone = sorted(before.causes.keys() - found.causes.keys())
            log.info("surfaces.unparked", platform=platform, causes=gone, surfaces=freed)
        await self._explain_parked(found.causes)

    async def _note_hindrance(self, why: str) -> None:
        """Note why members wait: none is visited meanwhile, so no refusal tells the operator."""
        self._has_noted = True
        platform = self._display.platform
        await display_visits.note_hindrance(self._pool, platform, why, limit=NOTED_MAX)

    async def _explain_parked(
        self, causes: Mapping[str, str], *, otherwise: str | None = None
    ) -> None:
        """Note why parked rows are parked: a refusal in the platform's words names no remedy."""
        await display_visits.explain_parked(
            self._pool, self._display.platform, causes, otherwise=otherwise, limit=NOTED_MAX
        )

    async def _doubt_unrecorded_visits(self) -> None:
        """Have members visited again whose visit ended while Postgres was away, or in an error."""
        while self._unrecorded:
            await display_visits.doubt(self._pool, self._unrecorded[-1])
            self._unrecorded.pop()

    async def _visit(self, visit: Visit) -> None:
        """Show one member's state, and record that, or why not and until when."""
        self._unrecorded.append(visit)
        is_ours = await self._show(visit)
        if bots := self._display.take_bots():
            await presence.leave_out(self._pool, self._display.platform, bots, "bot")
        if not is_ours:
            # This visit outlasted its lease, so its write may be older than another worker's.
            log.warning(
                "surface_lease.expired",
                platform=self._display.platform,
                member_id=visit.member_id,
                account_id=visit.account_id,
            )
            await display_visits.doubt(self._pool, visit)
        self._unrecorded.pop()

    async def _show(self, visit: Visit) -> bool:
        """Do the visit. Returns whether its lease still held at the end."""
        try:
            async with asyncio.timeout(VISIT_S_MAX):
                await self._display.show(visit)
        except CannotShow as refusal:
            return await self._postpone(visit, refusal)
        except TimeoutError:
            return await self._postpone(visit, _too_slow())
        if not await display_visits.mark_shown(self._pool, visit):
            return False
        metrics.SHOWN.labels(self._display.platform).inc()
        self._shown += 1
        self._refused_visits = 0
        if self._obstacle is not None:
            self._obstacle = None
            log.info("display.resumed", platform=self._display.platform)
        log.info(
            "surface.shown",
            platform=self._display.platform,
            member_id=visit.member_id,
            account_id=visit.account_id,
            wanted=dict(visit.wanted),
        )
        return True

    async def _postpone(self, visit: Visit, refusal: CannotShow) -> bool:
        metrics.POSTPONED.labels(self._display.platform).inc()
        delay_s = retry_after_s(refusal, visit.attempts)
        if refusal.cause is not None:
            is_ours = await display_visits.park(
                self._pool,
                visit,
                cause=refusal.cause,
                error=str(refusal),
                look_after_s=refusal.retry_s if refusal.cause == surfaces.EXEMPT else None,
            )
        else:
            is_ours = await display_visits.postpone(
                self._pool, visit, delay_s=delay_s, error=str(refusal), everyone=refusal.everyone
            )
        self._log_refusal(refusal, delay_s, visit.account_id)
        if refusal.everyone:
            # A survey finds the cause, and its end. Refusals that it does not explain become rare.
            self._block(refusal, doublings=self._refused_visits)
            self._refused_visits += 1
            self._next_survey = 0.0
        if refusal.cause not in (None, *surfaces.PERSONAL, *self._hindrances.causes):
            self._next_survey = 0.0  # the platform is not as it was at the last survey
        return is_ours

    def _block(self, refusal: CannotShow, *, doublings: int = 0) -> None:
        longer_s = min(refusal.retry_s * 2.0 ** min(doublings, 16), BACKOFF_S_MAX)
        self._obstacle = refusal
        self._blocked_until = self._clock() + max(refusal.retry_s, longer_s)

    def _log_refusal(
        self, refusal: CannotShow, delay_s: float, account_id: int | None = None
    ) -> None:
        log_at = log.warning if self._is_news(refusal) else log.debug
        log_at(
            "surface.postponed",
            platform=self._display.platform,
            account_id=account_id,
            retry_s=delay_s if refusal.cause is None else None,
            everyone=refusal.everyone,
            why=str(refusal),
        )

    def _is_news(self, refusal: CannotShow) -> bool:
        """Tell whether a refusal is worth a warning: each cause once in `WARN_AGAIN_S`.

        A refusal that concerns every member is a warning once until it is over. The table
        `surfaces` has the reason of every single member.
        """
        why = str(refusal)
        if refusal.cause not in (None, *surfaces.PERSONAL):
            return False  # the survey logs it
        if refusal.everyone:
            return self._obstacle is None or str(self._obstacle) != why
        now = self._clock()
        if now < self._warned_at.get(why, -WARN_AGAIN_S) + WARN_AGAIN_S:
            return False
        if len(self._warned_at) >= CAUSES_KEPT_MAX:
            self._warned_at.clear()
        self._warned_at[why] = now
        return True


def _too_slow() -> CannotShow:
    why = f"a visit took longer than {VISIT_S_MAX:.0f} s"
    return CannotShow(why, retry_s=NO_ANSWER_RETRY_S, everyone=True)
