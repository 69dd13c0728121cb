"""The pages of a pass, in the table `snapshots`: which are on the stream, which are compared."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class PageId(NamedTuple):
    """The key of a page."""

    run_id: int
    platform: Platform
    subject: str
    page: int
    """Its number among the subject's pages in this pass, from 0."""


class PageRecord(NamedTuple):
    """One page as it was put on the stream."""

    platform: Platform
    subject: str
    page: int
    part: str
    after_id: int
    upto_id: int
    looked_at: int
    rows: int
    is_last: bool
    checksum: str
    taken_at: datetime


class KnownPage(NamedTuple):
    """A page that the caller has locked, and what its pass is for."""

    record: PageRecord
    compared_at: datetime | None
    dry_run: bool
    accepted: bool


class Progress(NamedTuple):
    """How far a pass is with its pages."""

    waiting: int
    """Pages that are recorded and not compared yet."""
    refused: str | None
    """Why a page was refused, and which, if one was."""


_RECORD = ", ".join(f"s.{column}" for column in PageRecord._fields)


async def pages(
    conn: asyncpg.Connection, run_id: int, platform: Platform, subject: str
) -> list[PageRecord]:
    """Return a subject's pages in this pass, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            f"SELECT {_RECORD} FROM twinstream.snapshots AS s"  # noqa: S608 - this module's own columns
            " WHERE s.run_id = $1 AND s.platform = $2 AND s.subject = $3 ORDER BY s.page",
            run_id,
            platform,
            subject,
        )
    return [PageRecord(**row) for row in rows]


async def add_page(conn: asyncpg.Connection, run_id: int, owner: str, page: PageRecord) -> bool:
    """Record a page that is about to go on the stream. False: this owner has lost the pass.

    A page of this number that was recorded before, and not compared since, is replaced.
    """
    with mapped_errors():
        added: int | None = await conn.fetchval(
            """
            INSERT INTO twinstream.snapshots
                AS s (run_id, platform, subject, page, part, after_id, upto_id,
                looked_at, rows, is_last, checksum, taken_at)
            SELECT r.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
            FROM twinstream.reconcile_runs AS r
            -- The owner of a lost pass records nothing any more.
            WHERE r.id = $1 AND r.owner = $2 AND r.status = 'running'
            -- A page that was compared stays: what it showed is in `drift` already.
            ON CONFLICT ON CONSTRAINT snapshot_once DO UPDATE SET
                part = excluded.part, after_id = excluded.after_id, upto_id = excluded.upto_id,
                looked_at = excluded.looked_at, rows = excluded.rows,
                is_last = excluded.is_last, checksum = excluded.checksum,
                taken_at = excluded.taken_at
            WHERE s.compared_at IS NULL
            RETURNING 1
            """,
            run_id,
            owner,
            page.platform,
            page.subject,
            page.page,
            page.part,
            page.after_id,
            page.upto_id,
            page.looked_at,
            page.rows,
            page.is_last,
            page.checksum,
            page.taken_at,
        )
    return added is not None


async def forget_uncompared(conn: asyncpg.Connection, run_id: int, owner: str) -> None:
    """Delete each subject's pages from the first uncompared one on, so that they are taken again.

    For an owner who cannot know which of them are on the stream: it took the pass over, or Redis
    lost the stream.
    """
    with mapped_errors():
        await conn.execute(
            """
            -- Locks the pass, and selects nothing once this owner has lost it.
            WITH owned AS (
                SELECT id FROM twinstream.reconcile_runs
                WHERE id = $1 AND owner = $2 AND status = 'running' FOR UPDATE
            ),
            -- Later pages go too, even compared ones: a page taken again may end at another id,
            -- and the next one has to begin there.
            lost AS (
                DELETE FROM twinstream.snapshots AS s USING owned, (
                    SELECT platform, subject, min(page) AS page FROM twinstream.snapshots
                    WHERE run_id = $1 AND compared_at IS NULL GROUP BY platform, subject
                ) AS f
                WHERE s.run_id = owned.id AND s.platform = f.platform AND s.subject = f.subject
                    AND s.page >= f.page
            )
            UPDATE twinstream.reconcile_runs AS r SET pages = NULL FROM owned WHERE r.id = owned.id
            """,
            run_id,
            owner,
        )


async def leave_out(
    conn: asyncpg.Connection,
    run_id: int,
    owner: str,
    platform: Platform,
    subject: str,
    *,
    why: str,
) -> None:
    """Record that a subject cannot be read in this pass, so that none of its findings is decided.

    The record is a page of the part `left out`, behind those that the subject has already.
    """
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO twinstream.snapshots (run_id, platform, subject, page, part, after_id,
                upto_id, looked_at, rows, is_last, checksum, taken_at, compared_at, refused)
            SELECT r.id, $3, $4, (
                    SELECT coalesce(max(s.page) + 1, 0) FROM twinstream.snapshots AS s
                    WHERE s.run_id = r.id AND s.platform = $3 AND s.subject = $4
                ), 'left out', 0, 0, 0, 0, false, '', now(), now(), $5
            FROM twinstream.reconcile_runs AS r
            WHERE r.id = $1 AND r.owner = $2 AND r.status = 'running'
            """,
            run_id,
            owner,
            platform,
            subject,
            why,
        )


async def all_taken(conn: asyncpg.Connection, run_id: int, owner: str) -> None:
    """Record how many pages the pass has, so that a missing one is noticed."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.reconcile_runs SET
                pages = (SELECT count(*) FROM twinstream.snapshots WHERE run_id = $1)
            WHERE id = $1 AND owner = $2 AND status = 'running'
            """,
            run_id,
            owner,
        )


async def find_page(conn: asyncpg.Connection, page_id: PageId) -> KnownPage | None:
    """Return and lock a page of a running pass.

    None if there is no such page, or the pass has ended. The pass cannot end before the caller's
    transaction does.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            f"""
            SELECT {_RECORD}, s.compared_at, r.dry_run, r.accepted
            FROM twinstream.reconcile_runs AS r JOIN twinstream.snapshots AS s ON s.run_id = r.id
            WHERE r.id = $1 AND r.status = 'running'
                AND s.platform = $2 AND s.subject = $3 AND s.page = $4
            FOR SHARE OF r FOR NO KEY UPDATE OF s
            """,  # noqa: S608 - this module's own columns
            *page_id,
        )
    if row is None:
        return None
    record = PageRecord(**{column: row[column] for column in PageRecord._fields})
    return KnownPage(record, row["compared_at"], row["dry_run"], row["accepted"])


async def mark_compared(
    conn: asyncpg.Connection, page_id: PageId, *, refused: str | None = None
) -> None:
    """Record that a page was compared, or why it was refused."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.snapshots SET compared_at = now(), refused = $5
            WHERE run_id = $1 AND platform = $2 AND subject = $3 AND page = $4
            """,
            *page_id,
            refused,
        )


async def progress(conn: asyncpg.Connection, run_id: int) -> Progress:
    """Return how far a pass is with its pages. A subject that was left out is no refused page."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT count(*) FILTER (WHERE compared_at IS NULL) AS waiting,
                min(platform || ' ' || subject || ', page ' || page || ': ' || refused)
                    FILTER (WHERE part <> 'left out') AS refused
            FROM twinstream.snapshots
            WHERE run_id = $1 AND (compared_at IS NULL OR refused IS NOT NULL)
            """,
            run_id,
        )
    return Progress(**row)


async def subjects_of(
    conn: asyncpg.Connection, run_id: int
) -> dict[tuple[Platform, str], str | None]:
    """Return the platforms and subjects that a pass looked at, each with why it was left out."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, subject, min(refused) FILTER (WHERE part = 'left out') AS why
            FROM twinstream.snapshots WHERE run_id = $1 GROUP BY platform, subject
            ORDER BY platform, subject
            """,
            run_id,
        )
    return {(row["platform"], row["subject"]): row["why"] for row in rows}


async def count(conn: asyncpg.Connection, run_id: int) -> int:
    """Count the recorded pages of a pass."""
    with mapped_errors():
        number: int = await conn.fetchval(
            "SELECT count(*) FROM twinstream.snapshots WHERE run_id = $1", run_id
        )
    return number


def gap_in(recorded: Sequence[PageRecord]) -> str | None:
    """Say where a subject's pages do not follow one another; None if they do. Pure."""
    before: PageRecord | None = None
    for page in recorded:
        if page.page != (0 if before is None else before.page + 1):
            return f"page {page.page} follows page {'none' if before is None else before.page}"
        if before is not None and before.part == page.part and before.upto_id != page.after_id:
            return (
                f"page {page.page} begins after {page.after_id},"
                f" but the one before it ends at {before.upto_id}"
            )
        before = page
    return None
