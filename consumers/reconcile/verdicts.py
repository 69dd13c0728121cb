"""Judging a pass whose pages are all compared: what becomes of each finding."""

from collections import defaultdict
from collections.abc import Mapping

import asyncpg
import structlog

from consumers.runtime import metrics
from consumers.runtime.resources import Parts
from consumers.runtime.transactions import transaction
from db import Platform, RuleBroken, stop_signs
from db.reconcile import drift
from db.reconcile import pages as reconcile_pages
from db.reconcile.drift import Undecided
from db.reconcile.runs import Run

from .port import CannotLook, Repair, Subject, finding_of
from .rules import sentence, too_much, verdict

log = structlog.get_logger("twinstream.reconcile")

FINDINGS_AT_ONCE = 100

Subjects = Mapping[tuple[Platform, str], Subject]


class Judging:
    """Decides about what one pass found, step by step; anybody may go on where it stopped."""

    def __init__(self, parts: Parts, subjects: Subjects, run: Run, owner: str) -> None:
        self._pool = parts.pool
        self._limits = parts.community.reconcile
        self._subjects = subjects
        self._run = run
        self._owner = owner

    async def obstacle(self) -> tuple[str, drift.Decision] | None:
        """Say why nothing may be repaired, if so, and what the findings are then called."""
        run = self._run
        async with transaction(self._pool) as conn:
            looked_at = await reconcile_pages.subjects_of(conn, run.id)
            there = 0
            for platform, subject in looked_at:
                pages = await reconcile_pages.pages(conn, run.id, platform, subject)
                there += len(pages)
                if gap := reconcile_pages.gap_in(pages):
                    return f"{platform} {subject}: pages are missing, {gap}", "stopped"
            if there != run.pages:
                return f"pages are missing: {there} of {run.pages} are there", "stopped"
            if run.accepted or run.dry_run:
                return None
            why = too_much(await drift.tallies(conn, run.id), self._limits)
        if why is None:
            return None
        return f"{why}; look at it, then `python -m consumers reconcile --now --accept`", "held"

    async def step(self) -> int:
        """Decide about the next findings. Returns how many; 0 when all are decided."""
        dry_run = self._run.dry_run
        async with transaction(self._pool) as conn:
            left_out = await reconcile_pages.subjects_of(conn, self._run.id)
            found = await drift.undecided(conn, self._run.id, limit=FINDINGS_AT_ONCE)
            decided = defaultdict[drift.Decision, list[tuple[int, str]]](list)
            confirmed = []
            for one in found:
                what = one.difference
                if why := left_out.get((what.platform, what.subject)):
                    told = f"{sentence(what)} The others could not be looked at: {why}"
                    decided["stopped"].append((one.id, told))
                    continue
                becomes = verdict(what, before=one.before, run=self._run)
                if becomes.decision == "repair":
                    confirmed.append(one)
                else:
                    decided[becomes.decision].append((one.id, becomes.why))
            for decision, ones in decided.items():
                ids, whys = zip(*ones, strict=True)
                await drift.decide(conn, ids, decision, whys, dry_run=dry_run)
        for one in confirmed:
            await self._repair(one)
        return len(found)

    async def _repair(self, one: Undecided) -> None:
        """Repair one finding and note it, both or neither.

        Raises:
            Paused: the stop sign of this release is set, and nothing was repaired.
        """
        what = one.difference
        try:
            async with transaction(self._pool) as conn:
                await stop_signs.obey(conn)
                if not await drift.hold(conn, one.id):
                    return
                repair = await self._repaired(conn, one)
                await _note(conn, one, repair)
        except RuleBroken as error:
            repair = Repair("left", f"The record refused it, so it is left as it is: {error}.")
            await self._note_left(one, repair)
        except CannotLook as error:
            repair = Repair("left", f"It could not be looked at again: {error}.")
            await self._note_left(one, repair)
        metrics.DRIFT_DECIDED.labels(what.platform, what.subject, repair.decision).inc()
        log.info(
            "drift.decided",
            run=self._run.id,
            decision=repair.decision,
            what=sentence(what),
            why=repair.why,
        )

    async def _note_left(self, one: Undecided, repair: Repair) -> None:
        async with transaction(self._pool) as conn:
            await _note(conn, one, repair)

    async def _repaired(self, conn: asyncpg.Connection, one: Undecided) -> Repair:
        what = one.difference
        subject = self._subjects.get((what.platform, what.subject))
        if subject is None:
            return Repair("left", "The process that has this pass cannot look at it again.")
        return await subject.repair(conn, finding_of(self._run.id, one.id, what))


async def _note(conn: asyncpg.Connection, one: Undecided, repair: Repair) -> None:
    why = f"{sentence(one.difference)} {repair.why}"
    await drift.decide(
        conn, [one.id], repair.decision, [why], idempotency_key=repair.idempotency_key
    )
