"""Comparing pages as they come from the stream: any process may, whoever's the pass is."""

from collections.abc import Sequence

import structlog

import schemas
from bus import DeadLetters, Entry, GroupMissing, Reader, ensure_group
from consumers import metrics
from consumers.loop import unless_stopped
from consumers.parts import Parts
from consumers.transactions import transaction
from db import drift, reconcile_pages, snapshots
from schemas import SnapshotPage

from .decisions import Place, compare, refusal

log = structlog.get_logger("twinstream.reconcile")

PAGES_AT_ONCE = 4
BLOCK_MS_MAX = 100


class Comparing:
    """Reads pages and notes what they show to differ. Reading a page twice notes it once."""

    def __init__(self, parts: Parts, consumer: str) -> None:
        limits = parts.community.consumers
        self._parts = parts
        self._age_s_max = parts.community.reconcile.page_age_ms_max / 1_000
        self._place = Place(parts.community.telegram.chat_id, parts.community.discord.guild_id)
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
            await ensure_group(self._parts.redis, self._parts.keys.snapshots)
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
                await self._dead_letters.bury(entry, group=self._reader.group, reason=str(error))
                continue
            await self._compare(page)
            await self._reader.acknowledge([entry.id])

    async def _compare(self, page: SnapshotPage) -> None:
        place = (page.run, page.platform, page.subject, page.page)
        async with transaction(self._parts.pool) as conn:
            known = await reconcile_pages.find_page(conn, *place)
            if known is None:
                return  # of a pass that has ended
            record, dry_run = known
            if record.compared_at is not None or record.checksum != page.checksum:
                return  # a page of this number was taken anew since
            now = await snapshots.moment(conn)
            why = refusal(page, record, self._place, now, age_s_max=self._age_s_max)
            if why is None:
                found = compare(page)
                await drift.add(conn, page.run, found)
                if not dry_run:
                    ids = [row.id for row in page.rows]
                    await drift.forget_gone(conn, page.run, page.platform, page.subject, ids)
            await reconcile_pages.mark_compared(conn, *place, refused=why)
        if why is not None:
            log.error("reconcile.page_refused", run=page.run, page=page.page, why=why)
            return
        # Counted after the commit: a page whose transaction was rolled back is compared again.
        for one in found:
            metrics.DRIFT_FOUND.labels(one.platform, one.subject).inc()
