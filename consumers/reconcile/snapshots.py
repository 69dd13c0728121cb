"""The snapshots of a pass: each page is read in one view, recorded, and put on the stream."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import asyncpg
import structlog

import schemas
from bus import GroupMissing, StreamExhausted, StreamMissing
from consumers.runtime.resources import Resources
from consumers.runtime.stream_rebuild import make_ready
from consumers.runtime.transactions import transaction
from db.errors import mapped_errors
from db.reconcile import comparison_queries, drift, pages, passes, sweep_positions
from db.reconcile.pages import PageRecord
from db.reconcile.passes import Run
from schemas import SnapshotPage
from schemas.snapshots import PAGE_BYTES_MAX, Part

from .decisions.page_plan import Stretch, plan
from .lease import LeaseLost
from .port import CannotRead, Subject

log = structlog.get_logger("twinstream.reconcile")


class SnapshotTaker:
    """Takes the pages of one pass, one subject after the other."""

    def __init__(
        self, resources: Resources, subjects: Sequence[Subject], run: Run, owner: str
    ) -> None:
        self._resources = resources
        self._limits = resources.community.reconcile
        self._run = run
        self._owner = owner
        self._pages = self._all_pages(subjects)
        #: A page that is recorded, and may not be on the stream yet.
        self._unpublished: bytes | None = None

    async def take(self) -> bool:
        """Put the next page on the stream. False: there are no more.

        Raises:
            LeaseLost: another process owns the pass, or it has ended.
        """
        if self._unpublished is None:
            page = await anext(self._pages, None)
            if page is None:
                return False
            self._unpublished = await self._record(page)
        try:
            await self._resources.publisher.publish_page(self._unpublished)
        except (StreamMissing, GroupMissing, StreamExhausted):
            await make_ready(self._resources.redis, self._resources.keys.snapshots)
            await self._resources.publisher.publish_page(self._unpublished)
        self._unpublished = None
        return True

    async def _record(self, page: SnapshotPage) -> bytes:
        record = PageRecord(
            platform=page.platform,
            subject=page.subject,
            page=page.page,
            part=page.part,
            after_id=page.after,
            upto_id=page.upto,
            looked_at=page.looked_at,
            rows=page.count,
            is_last=page.is_last,
            checksum=page.checksum,
            taken_at=page.taken_at,
        )
        async with transaction(self._resources.pool) as conn:
            if not await pages.add_page(conn, self._run.id, self._owner, record):
                raise LeaseLost
        return schemas.encode_page(page)

    async def _all_pages(self, subjects: Sequence[Subject]) -> AsyncIterator[SnapshotPage]:
        for subject in subjects:
            try:
                async for page in self._pages_of(subject):
                    yield page
            except CannotRead as error:
                await self._leave_out(subject, why=str(error))

    async def _leave_out(self, subject: Subject, *, why: str) -> None:
        log.warning(
            "subject.left_out",
            run=self._run.id,
            platform=subject.platform,
            subject=subject.name,
            why=why,
        )
        async with transaction(self._resources.pool) as conn:
            await pages.leave_out(
                conn, self._run.id, self._owner, subject.platform, subject.name, why=why
            )

    async def _pages_of(self, subject: Subject) -> AsyncIterator[SnapshotPage]:
        """Yield a subject's pages, behind those that the pass has already."""
        async with transaction(self._resources.pool) as conn:
            known = await pages.pages(conn, self._run.id, subject.platform, subject.name)
            sweep = await sweep_positions.find_sweep(conn, subject.platform, subject.name)
        number = len(known)
        for stretch in plan(self._run, subject, sweep, known, self._limits):
            rest: Stretch | None = stretch
            while rest is not None:
                page = await self._read(subject, rest, number)
                if page is not None:
                    yield page
                    number += 1
                rest = rest.behind(page)

    async def _read(self, subject: Subject, stretch: Stretch, number: int) -> SnapshotPage | None:
        """Read the first page of a stretch, in one view of the record; None if it has no ids."""
        limit = subject.page_rows
        if stretch.left is not None:
            limit = min(limit, stretch.left)
        async with _one_view(self._resources.pool) as conn:
            while True:
                # One id more than the page takes shows whether any follow it.
                ids = await self._ids(conn, subject, stretch.part, stretch.after, limit + 1)
                if not ids:
                    return None
                is_last, ids = len(ids) <= limit, ids[:limit]
                wanted = ids
                if stretch.part == "touched" and subject.name != "books":
                    wanted = await comparison_queries.accounts_of(conn, subject.platform, ids)
                rows = await subject.read(conn, wanted) if wanted else ()
                page = schemas.seal(
                    SnapshotPage(
                        run=self._run.id,
                        platform=subject.platform,
                        subject=subject.name,
                        part=stretch.part,
                        page=number,
                        after=stretch.after,
                        upto=ids[-1],
                        looked_at=len(ids),
                        is_last=is_last,
                        count=len(rows),
                        taken_at=await comparison_queries.moment(conn),
                        chat_id=self._resources.community.telegram.chat_id,
                        guild_id=self._resources.community.discord.guild_id,
                        rows=tuple(rows),
                    )
                )
                if limit == 1 or len(schemas.encode_page(page)) <= PAGE_BYTES_MAX:
                    return page
                # The page is longer than a reader accepts, so it is read again with half the ids.
                limit = max(1, limit // 2)

    async def _ids(
        self, conn: asyncpg.Connection, subject: Subject, part: Part, after: int, limit: int
    ) -> Sequence[int]:
        if part == "touched":
            return await passes.touched_after(conn, self._run.id, after, limit)
        if part == "watched":
            return await drift.watched_after(conn, subject.platform, subject.name, after, limit)
        return await subject.ids_after(conn, after, limit)


@contextlib.asynccontextmanager
async def _one_view(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    with mapped_errors():
        async with (
            pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield conn
