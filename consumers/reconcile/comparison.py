"""The comparison of pages as they come from the stream; any process compares those of any pass."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
import structlog

import schemas
from bus import DeadLetters, Entry, GroupMissing, Reader
from consumers.runtime import metrics
from consumers.runtime.operator_commands import command
from consumers.runtime.resources import Resources
from consumers.runtime.runner import unless_stopped
from consumers.runtime.stream_rebuild import make_ready
from consumers.runtime.transactions import transaction
from db.reconcile import agreeing_rows, comparison_queries, drift, pages
from db.reconcile.drift import Difference
from db.reconcile.pages import KnownPage, PageId
from schemas import SnapshotPage

from .decisions.differences import agreements, compare
from .decisions.page_refusals import ServedCommunity, refusal
from .decisions.verdicts import held_for, held_sentence
from .subjects.stores import identity

log = structlog.get_logger("twinstream.reconcile")

#: Pages read from the stream at once.
PAGES_AT_ONCE = 4
#: How long a read waits for pages, in milliseconds at most: the role has other work in its step.
BLOCK_MS_MAX = 100
#: Findings of one pass that are held by themselves and logged one by one by a process.
HELD_LOGGED_MAX = 5
MORE_HELD = (
    f"more findings of this pass are held: {command('doctor')} counts them, and says how to import"
    " or accept them"
)


class Findings(NamedTuple):
    """The differences that a page added to `drift`."""

    drifted: list[Difference]
    """Differences that the pass judges."""
    held: list[Difference]
    """Differences that are held by themselves."""


class PageComparer:
    """Reads pages and records the differences that they show. A page read twice counts once."""

    def __init__(self, resources: Resources, consumer: str) -> None:
        limits = resources.community.consumers
        self._resources = resources
        self._age_s_max = resources.community.reconcile.page_age_ms_max / 1_000
        self._community = ServedCommunity(
            resources.community.telegram.chat_id, resources.community.discord.guild_id
        )
        settings = resources.community.stores.by_platform()
        self._stores = {platform: identity(setting) for platform, setting in settings.items()}
        self._held_log = _HeldLog()
        self._dead_letters = DeadLetters(resources.redis, resources.keys)
        self._reader = Reader(
            resources.reading_redis,
            resources.keys.snapshots,
            consumer=consumer,
            batch_entries=PAGES_AT_ONCE,
            block_ms=min(limits.block_ms, BLOCK_MS_MAX),
            claim_idle_ms=limits.claim_idle_ms,
        )

    async def step(self) -> int | None:
        """Compare the next few pages. Returns how many there were, None if the stream was lost."""
        try:
            entries = await unless_stopped(self._resources.stop, self._reader.read()) or []
        except GroupMissing:
            await make_ready(self._resources.redis, self._resources.keys.snapshots)
            return None
        await self.compare(entries)
        return len(entries)

    async def compare(self, entries: Sequence[Entry]) -> None:
        """Compare these pages, and acknowledge each once its differences are committed."""
        for entry in entries:
            try:
                page = schemas.decode_page(entry.payload or b"")
            except schemas.SchemaError as error:
                await self._bury(entry, reason=str(error))
                continue
            await self._compare(page)
            await self._reader.acknowledge([entry.id])

    async def _bury(self, entry: Entry, *, reason: str) -> None:
        log.error("page.buried", entry_id=entry.id, reason=reason)
        burial = await self._dead_letters.bury(entry, group=self._reader.group, reason=reason)
        if burial is not None and burial.why_no_copy is not None:
            log.warning("dead_letter.not_copied", entries=1, why=burial.why_no_copy)

    async def _compare(self, page: SnapshotPage) -> None:
        page_id = PageId(page.run, page.platform, page.subject, page.page)
        async with transaction(self._resources.pool) as conn:
            known = await pages.find_page(conn, page_id)
            if known is None:
                return  # the pass has ended
            if known.compared_at is not None or known.record.checksum != page.checksum:
                return  # it came twice, or a page of this number was taken again since
            now = await comparison_queries.moment(conn)
            why = refusal(page, known.record, self._community, now, age_s_max=self._age_s_max)
            found = await self._record(conn, page, known) if why is None else Findings([], [])
            await pages.mark_compared(conn, page_id, refused=why)
        if why is not None:
            log.error("page.refused", run=page.run, page=page.page, why=why)
        # After the commit: a page whose transaction was rolled back is compared again.
        _count(found)
        self._held_log.add(page, found.held)

    async def _record(
        self, conn: asyncpg.Connection, page: SnapshotPage, known: KnownPage
    ) -> Findings:
        """Write the differences that a page shows to `drift`."""
        differences = await self._differences(conn, page, known)
        # An operator who asks, or has looked, is shown every difference, held by itself or not.
        is_asked = known.dry_run or known.accepted
        held = [one for one in differences if not is_asked and one.held_for is not None]
        drifted = [one for one in differences if is_asked or one.held_for is None]
        await drift.add(conn, page.run, drifted)
        fresh = await drift.keep_held(conn, page.run, held, [held_sentence(one) for one in held])
        if not known.dry_run:
            ids = [row.id for row in page.rows]
            await drift.forget_gone(conn, page.run, page.platform, page.subject, ids)
        return Findings(drifted, fresh)

    async def _differences(
        self, conn: asyncpg.Connection, page: SnapshotPage, known: KnownPage
    ) -> list[Difference]:
        """Compare a page, and learn from it which rows of a platform's own table agree."""
        store = self._stores[page.platform]
        if not known.dry_run:
            await agreeing_rows.note(conn, page.platform, store, agreements(page))
        found = compare(page)
        agreed = await agreeing_rows.agreed(
            conn, page.platform, store, {one.subject_id for one in found}
        )
        return [one._replace(held_for=held_for(one, agreed)) for one in found]


def _count(found: Findings) -> None:
    """Count what a page added to `drift`."""
    for one in (*found.drifted, *found.held):
        metrics.DRIFT_FOUND.labels(one.platform, one.subject).inc()
    for one in found.held:
        metrics.DRIFT_DECIDED.labels(one.platform, one.subject, "held").inc()


class _HeldLog:
    """Logs the findings that are held by themselves: the first ones of a pass, then that there are
    more.

    A table that is connected with a community in it has a million of them, on thousands of pages.
    """

    def __init__(self) -> None:
        self._run = 0
        self._logged = 0

    def add(self, page: SnapshotPage, held: Sequence[Difference]) -> None:
        if page.run != self._run:
            self._run, self._logged = page.run, 0
        for one in held:
            if self._logged < HELD_LOGGED_MAX:
                log.warning("finding.held", run=page.run, why=held_sentence(one))
            elif self._logged == HELD_LOGGED_MAX:
                log.warning("findings.held", run=page.run, why=MORE_HELD)
            self._logged += 1
