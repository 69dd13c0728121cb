"""Comparing pages as they come from the stream: any process may, whoever's the pass is."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
import structlog

import schemas
from bus import DeadLetters, Entry, GroupMissing, Reader
from consumers.runtime import metrics
from consumers.runtime.rebuild import make_ready
from consumers.runtime.resources import Parts
from consumers.runtime.runner import unless_stopped
from consumers.runtime.transactions import transaction
from db.reconcile import agreements as store_agreements
from db.reconcile import drift, pages, views
from db.reconcile.drift import Difference
from db.reconcile.pages import KnownPage
from schemas import SnapshotPage

from .rules import Place, agreements, compare, held_for, held_sentence, refusal
from .subjects.stores import identity

log = structlog.get_logger("twinstream.reconcile")

PAGES_AT_ONCE = 4
BLOCK_MS_MAX = 100
#: Findings of a page that are held by themselves and told of one by one; a table that was connected
#: with a community in it has thousands.
HELD_LOGGED_MAX = 5


class Noted(NamedTuple):
    """What a page added to `drift`: differences to be judged, and findings that are held."""

    drifted: list[Difference]
    held: list[Difference]


class Comparing:
    """Reads pages and notes what they show to differ. Reading a page twice notes it once."""

    def __init__(self, parts: Parts, consumer: str) -> None:
        limits = parts.community.consumers
        self._parts = parts
        self._age_s_max = parts.community.reconcile.page_age_ms_max / 1_000
        self._place = Place(parts.community.telegram.chat_id, parts.community.discord.guild_id)
        settings = parts.community.stores.by_platform()
        self._stores = {platform: identity(setting) for platform, setting in settings.items()}
        self._dead_letters = DeadLetters(parts.redis, parts.keys)
        self._reader = Reader(
            parts.reading_redis,
            parts.keys.snapshots,
            consumer=consumer,
            batch_entries=PAGES_AT_ONCE,
            block_ms=min(limits.block_ms, BLOCK_MS_MAX),
            claim_idle_ms=limits.claim_idle_ms,
        )

    async def step(self) -> int | None:
        """Compare the next few pages. Returns how many there were, None if the stream was lost."""
        try:
            entries = await unless_stopped(self._parts.stop, self._reader.read()) or []
        except GroupMissing:
            await make_ready(self._parts.redis, self._parts.keys.snapshots)
            return None
        await self.compare(entries)
        return len(entries)

    async def compare(self, entries: Sequence[Entry]) -> None:
        """Compare these pages, and acknowledge each once what it shows is committed."""
        for entry in entries:
            try:
                page = schemas.decode_page(entry.payload or b"")
            except schemas.SchemaError as error:
                log.error("reconcile.page_buried", entry_id=entry.id, reason=str(error))
                burial = await self._dead_letters.bury(
                    entry, group=self._reader.group, reason=str(error)
                )
                if burial is not None and burial.why_no_copy is not None:
                    log.warning("dead_letter.not_copied", entry_id=entry.id, why=burial.why_no_copy)
                continue
            await self._compare(page)
            await self._reader.acknowledge([entry.id])

    async def _compare(self, page: SnapshotPage) -> None:
        place = (page.run, page.platform, page.subject, page.page)
        async with transaction(self._parts.pool) as conn:
            known = await pages.find_page(conn, *place)
            if known is None:
                return  # of a pass that has ended
            record = known.record
            if record.compared_at is not None or record.checksum != page.checksum:
                return  # a page of this number was taken anew since
            now = await views.moment(conn)
            why = refusal(page, record, self._place, now, age_s_max=self._age_s_max)
            noted = await self._note(conn, page, known) if why is None else Noted([], [])
            await pages.mark_compared(conn, *place, refused=why)
        if why is not None:
            log.error("reconcile.page_refused", run=page.run, page=page.page, why=why)
        # Counted after the commit: a page whose transaction was rolled back is compared again.
        for one in (*noted.drifted, *noted.held):
            metrics.DRIFT_FOUND.labels(one.platform, one.subject).inc()
        for one in noted.held:
            metrics.DRIFT_DECIDED.labels(one.platform, one.subject, "held").inc()
        for one in noted.held[:HELD_LOGGED_MAX]:
            log.warning("finding.held", run=page.run, why=held_sentence(one))
        if len(noted.held) > HELD_LOGGED_MAX:
            log.warning("findings.held", run=page.run, findings=len(noted.held), page=page.page)

    async def _note(self, conn: asyncpg.Connection, page: SnapshotPage, known: KnownPage) -> Noted:
        """Write what a page shows to `drift`."""
        store = self._stores[page.platform]
        if not known.dry_run:
            await store_agreements.note(conn, page.platform, store, agreements(page))
        found = compare(page)
        agreed = await store_agreements.agreed(
            conn, page.platform, store, {one.subject_id for one in found}
        )
        found = [one._replace(held_for=held_for(one, agreed)) for one in found]
        # An operator who looks, or has looked, is shown every difference, held or not.
        is_asked = known.dry_run or known.accepted
        held = [] if is_asked else [one for one in found if one.held_for is not None]
        drifted = [one for one in found if is_asked or one.held_for is None]
        await drift.add(conn, page.run, drifted)
        fresh = await drift.keep_held(conn, page.run, held, [held_sentence(one) for one in held])
        if not known.dry_run:
            ids = [row.id for row in page.rows]
            await drift.forget_gone(conn, page.run, page.platform, page.subject, ids)
        return Noted(drifted, fresh)
