"""Taking the snapshots of a pass: each page is read in one view, noted, and put on the stream."""

import contextlib
import math
from collections.abc import AsyncIterator, Sequence

import asyncpg
import structlog

import schemas
from bus import GroupMissing, StreamExhausted, StreamMissing
from config import ReconcileSetting
from consumers.runtime.rebuild import make_ready
from consumers.runtime.resources import Parts
from consumers.runtime.transactions import transaction
from db.errors import mapped_errors
from db.reconcile import drift, pages, runs, sweeps, views
from db.reconcile.pages import PageRecord
from db.reconcile.runs import Run
from db.reconcile.sweeps import Walk
from schemas import SnapshotPage
from schemas.snapshots import PAGE_BYTES_MAX, Part

from .port import CannotLook, Subject

log = structlog.get_logger("twinstream.reconcile")

#: The slice is so much larger than the time asks for, so that the round is done before its end.
HASTE = 1.1
#: When so much of the time for a round has passed, the rest of it is looked at whatever it takes.
ROUND_LATE = 0.9


class LostPass(Exception):
    """The pass has ended, or is in somebody else's hands by now."""


class Taking:
    """Takes the pages of one pass, in the order of its subjects."""

    def __init__(self, parts: Parts, subjects: Sequence[Subject], run: Run, owner: str) -> None:
        self._parts = parts
        self._limits = parts.community.reconcile
        self._run = run
        self._owner = owner
        self._pages = self._all_pages(subjects)
        #: A page that is noted and not known to be on the stream.
        self._unpublished: bytes | None = None

    async def take(self) -> bool:
        """Put the next page on the stream. False: there are no more.

        Raises:
            LostPass: the pass is not ours any more.
        """
        if self._unpublished is None:
            page = await anext(self._pages, None)
            if page is None:
                return False
            self._unpublished = await self._note(page)
        try:
            await self._parts.publisher.publish_page(self._unpublished)
        except (StreamMissing, GroupMissing, StreamExhausted):
            await make_ready(self._parts.redis, self._parts.keys.snapshots)
            await self._parts.publisher.publish_page(self._unpublished)
        self._unpublished = None
        return True

    async def _note(self, page: SnapshotPage) -> bytes:
        record = PageRecord(
            page.platform,
            page.subject,
            page.page,
            page.part,
            page.after,
            page.upto,
            page.looked_at,
            page.count,
            page.is_last,
            page.checksum,
            page.taken_at,
            None,
            None,
        )
        async with transaction(self._parts.pool) as conn:
            if not await pages.add_page(conn, self._run.id, self._owner, record):
                raise LostPass
        return schemas.encode_page(page)

    async def _all_pages(self, subjects: Sequence[Subject]) -> AsyncIterator[SnapshotPage]:
        for subject in subjects:
            try:
                async for page in self._pages_of(subject):
                    yield page
            except CannotLook as error:
                log.warning(
                    "reconcile.left_out",
                    run=self._run.id,
                    platform=subject.platform,
                    subject=subject.name,
                    why=str(error),
                )
                async with transaction(self._parts.pool) as conn:
                    await pages.leave_out(
                        conn,
                        self._run.id,
                        self._owner,
                        subject.platform,
                        subject.name,
                        why=str(error),
                    )

    async def _pages_of(self, subject: Subject) -> AsyncIterator[SnapshotPage]:
        """Yield a subject's pages, behind those that were compared before this process had it."""
        async with transaction(self._parts.pool) as conn:
            known = await pages.pages(conn, self._run.id, subject.platform, subject.name)
            walk = await sweeps.walk(conn, subject.platform, subject.name)
        number = len(known)
        last = known[-1] if known else None
        if last is not None and last.part == "left out":
            return
        parts = _parts_of(self._run, subject)
        if last is not None:
            parts = parts[[*map(str, parts)].index(last.part) :]
        for part in parts:
            goes_on = last is not None and last.part == part
            begin = begin_after(self._run, subject, part, walk)
            after = last.upto_id if last is not None and goes_on else begin
            left = rows_max(self._run, subject, part, walk, self._limits)
            if left is not None:
                left -= sum(page.looked_at for page in known if page.part == part)
            if last is not None and goes_on and last.is_last:
                continue
            while left is None or left > 0:
                page = await self._read(subject, part, number, after, left)
                if page is None and part == "slice" and after > 0 and not goes_on:
                    after = 0  # everybody behind this place is gone: begin anew
                    goes_on = True
                    continue
                if page is None:
                    break
                yield page
                number, after, goes_on = number + 1, page.upto, True
                left = left - page.looked_at if left is not None else None
                if page.is_last:
                    break

    async def _read(
        self, subject: Subject, part: Part, number: int, after: int, left: int | None
    ) -> SnapshotPage | None:
        """Read the next page, in one view of the record; None if nobody comes after `after`."""
        limit = min(subject.page_rows, left) if left is not None else subject.page_rows
        async with _one_view(self._parts.pool) as conn:
            while True:
                # One more than wanted tells whether anybody comes after the page.
                ids = await self._ids(conn, subject, part, after, limit + 1)
                if not ids:
                    return None
                is_last, ids = len(ids) <= limit, ids[:limit]
                wanted = ids
                if part == "touched" and subject.name != "books":
                    wanted = await views.accounts_of(conn, subject.platform, ids)
                rows = await subject.read(conn, wanted) if wanted else ()
                page = schemas.seal(
                    SnapshotPage(
                        run=self._run.id,
                        platform=subject.platform,
                        subject=subject.name,
                        part=part,
                        page=number,
                        after=after,
                        upto=ids[-1],
                        looked_at=len(ids),
                        is_last=is_last,
                        count=len(rows),
                        taken_at=await views.moment(conn),
                        chat_id=self._parts.community.telegram.chat_id,
                        guild_id=self._parts.community.discord.guild_id,
                        rows=tuple(rows),
                    )
                )
                if limit == 1 or len(schemas.encode_page(page)) <= PAGE_BYTES_MAX:
                    return page
                limit = max(1, limit // 2)

    async def _ids(
        self, conn: asyncpg.Connection, subject: Subject, part: Part, after: int, limit: int
    ) -> Sequence[int]:
        if part == "touched":
            return await runs.touched_after(conn, self._run.id, after, limit)
        if part == "watched":
            return await drift.watched_after(conn, subject.platform, subject.name, after, limit)
        return await subject.ids_after(conn, after, limit)


def _parts_of(run: Run, subject: Subject) -> list[Part]:
    if run.member_id is not None:
        return ["touched"]
    if run.everybody:
        return ["slice"] if subject.slice_rows_max is None else ["watched", "slice"]
    return ["touched", "watched", "slice"]


def begin_after(run: Run, subject: Subject, part: Part, walk: Walk) -> int:
    """A pass over everybody begins with the first; what cannot be whole goes on where it ended."""
    is_whole = run.everybody and subject.slice_rows_max is None
    return walk.after_id if part == "slice" and not is_whole else 0


def rows_max(
    run: Run, subject: Subject, part: Part, walk: Walk, limits: ReconcileSetting
) -> int | None:
    """Say how many of a part a pass looks at; None for all of them. Pure.

    Where looks are dear, some of those who were touched are left to the slices.
    """
    if part == "slice":
        return slice_size(run, subject, walk, limits)
    return subject.slice_rows_max if part == "touched" and run.member_id is None else None


def slice_size(run: Run, subject: Subject, walk: Walk, limits: ReconcileSetting) -> int | None:
    """Say how many of those whom nothing touched a pass looks at; None for all of them. Pure.

    An alarm is about what members wear, so as many of them as may be are looked at there.
    """
    most = subject.slice_rows_max
    late = walk.age_s * 1_000 > limits.whole_within_ms * ROUND_LATE
    alarmed = run.cause == "alarm" and most is not None
    if run.everybody or late or alarmed:
        return most
    known = max(walk.passed_last_time, walk.passed)
    share = limits.interval_ms / limits.whole_within_ms * HASTE
    size = max(math.ceil(known * share), subject.page_rows)
    return size if most is None else min(size, most)


@contextlib.asynccontextmanager
async def _one_view(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    with mapped_errors():
        async with (
            pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield conn
