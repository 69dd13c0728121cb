"""Repairs: once all pages of a pass are compared, each finding is decided, and repaired or not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg
import structlog

from consumers.runtime import metrics
from consumers.runtime.operator_commands import command
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import Platform, RuleBroken, stop_signs
from db.connections import LOCK_WAIT_MS
from db.errors import Locked
from db.reconcile import drift
from db.reconcile import pages as reconcile_pages
from db.reconcile.drift import Decision, Finding
from db.reconcile.passes import Run

from .decisions.differences import sentence
from .decisions.repair_limits import too_much
from .decisions.verdicts import Stop, verdict
from .port import CannotRead, Repair, Subject

log = structlog.get_logger("twinstream.reconcile")

#: Findings decided in one transaction, and repaired one by one after it.
FINDINGS_AT_ONCE = 100

Subjects = Mapping[tuple[Platform, str], Subject]


class Decided(NamedTuple):
    """A finding about which a decision was made without a repair, with its reason."""

    finding_id: int
    why: str


class Sorted(NamedTuple):
    """Findings by what is to become of them."""

    decided: Mapping[Decision, Sequence[Decided]]
    to_repair: Sequence[Finding]


class Repairs:
    """Decides the findings of one pass, step by step; another process can continue at any step."""

    def __init__(self, resources: Resources, subjects: Subjects, run: Run) -> None:
        self._pool = resources.pool
        self._limits = resources.community.reconcile
        self._subjects = subjects
        self._run = run

    async def reason_to_stop(self) -> Stop | None:
        """Return why nothing may be repaired; None if repairs may begin."""
        run = self._run
        async with transaction(self._pool) as conn:
            looked_at = await reconcile_pages.subjects_of(conn, run.id)
            there = 0
            for platform, subject in looked_at:
                pages = await reconcile_pages.pages(conn, run.id, platform, subject)
                there += len(pages)
                if gap := reconcile_pages.gap_in(pages):
                    return Stop(f"{platform} {subject}: pages are missing, {gap}")
            if there != run.pages:
                return Stop(f"pages are missing: {there} of {run.pages} are there")
            if run.accepted or run.dry_run:
                return None
            why = too_much(await drift.tallies(conn, run.id), self._limits)
        if why is None:
            return None
        ask = f"look at it, then {command('reconcile', '--now', '--accept')}"
        return Stop(f"{why}; {ask}", "held")

    async def step(self) -> int:
        """Decide the next findings. Returns how many; 0 when all are decided.

        Raises:
            Paused: the stop sign of this release is set, and nothing was repaired since.
        """
        async with transaction(self._pool) as conn:
            left_out = await reconcile_pages.subjects_of(conn, self._run.id)
            found = await drift.undecided(conn, self._run.id, limit=FINDINGS_AT_ONCE)
            decided, to_repair = self._sort(found, left_out)
            for decision, ones in decided.items():
                await drift.decide(
                    conn,
                    [one.finding_id for one in ones],
                    decision,
                    [one.why for one in ones],
                    dry_run=self._run.dry_run,
                )
        for finding in to_repair:
            await self._repair(finding)
        return len(found)

    def _sort(
        self, found: Sequence[Finding], left_out: Mapping[tuple[Platform, str], str | None]
    ) -> Sorted:
        decided = defaultdict[Decision, list[Decided]](list)
        to_repair = []
        for finding in found:
            what = finding.difference
            if why := left_out.get((what.platform, what.subject)):
                why = f"{sentence(what)} The others could not be looked at: {why}"
                decided["stopped"].append(Decided(finding.id, why))
                continue
            becomes = verdict(what, before=finding.before, run=self._run)
            if becomes.decision == "repair":
                to_repair.append(finding)
            else:
                decided[becomes.decision].append(Decided(finding.id, becomes.why))
        return Sorted(decided, to_repair)

    async def _repair(self, finding: Finding) -> None:
        """Repair one finding and record the decision, both or neither.

        Raises:
            Paused: the stop sign of this release is set, and this finding was not repaired.
        """
        what = finding.difference
        try:
            async with transaction(self._pool, lock_wait_ms=LOCK_WAIT_MS) as conn:
                await stop_signs.obey(conn)
                if not await drift.lock_finding(conn, finding.id):
                    return
                repair = await self._repaired(conn, finding)
                await _record(conn, finding, repair)
        except RuleBroken as error:
            repair = Repair("left", f"The record refused it, so it is left as it is: {error}.")
            await self._record_left(finding, repair)
        except Locked:
            why = "Another program's transaction holds the member, so the next pass looks again."
            repair = Repair("left", why)
            await self._record_left(finding, repair)
        except CannotRead as error:
            repair = Repair("left", f"It could not be looked at again: {error}.")
            await self._record_left(finding, repair)
        metrics.DRIFT_DECIDED.labels(what.platform, what.subject, repair.decision).inc()
        log.info(
            "drift.decided",
            run=self._run.id,
            decision=repair.decision,
            what=sentence(what),
            why=repair.why,
        )

    async def _record_left(self, finding: Finding, repair: Repair) -> None:
        async with transaction(self._pool) as conn:
            await _record(conn, finding, repair)

    async def _repaired(self, conn: asyncpg.Connection, finding: Finding) -> Repair:
        what = finding.difference
        subject = self._subjects.get((what.platform, what.subject))
        if subject is None:
            return Repair("left", "The process that has this pass cannot look at it again.")
        return await subject.repair(conn, finding)


async def _record(conn: asyncpg.Connection, finding: Finding, repair: Repair) -> None:
    why = f"{sentence(finding.difference)} {repair.why}"
    await drift.decide(
        conn, [finding.id], repair.decision, [why], idempotency_key=repair.idempotency_key
    )
