"""The pages of a pass: what was put on the stream, and what has been compared of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


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
    compared_at: datetime | None
    refused: str | None


class KnownPage(NamedTuple):
    """A page that waits to be compared, and what its pass is for."""

    record: PageRecord
    dry_run: bool
    accepted: bool


_PAGE = ", ".join(PageRecord._fields)


async def pages(
    conn: asyncpg.Connection, run_id: int, platform: Platform, subject: str
) -> list[PageRecord]:
    """Return a subject's pages in this pass, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            f"SELECT {_PAGE} FROM snapshots"  # noqa: S608 - as above
            " WHERE run_id = $1 AND platform = $2 AND subject = $3 ORDER BY page",
            run_id,
            platform,
            subject,
        )
    return [PageRecord(*row) for row in rows]


async def add_page(conn: asyncpg.Connection, run_id: int, owner: str, page: PageRecord) -> bool:
    """Note a page that is about to go on the stream. False: the pass is not this owner's any more.

    A page of this number that was noted before, and got no further, is replaced.
    """
    with mapped_errors():
        added: int | None = await conn.fetchval(
            """
            INSERT INTO snapshots AS s (run_id, platform, subject, page, part, after_id, upto_id,
                looked_at, rows, is_last, checksum, taken_at)
            SELECT r.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
            FROM reconcile_runs AS r
            WHERE r.id = $1 AND r.owner = $2 AND r.status = 'running'
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
            *page[:11],
        )
    return added is not None


async def forget_uncompared(conn: asyncpg.Connection, run_id: int, owner: str) -> None:
    """Forget the pages from the first on that was not compared, so that they are taken again.

    For an owner who takes over, and cannot know which of them are on the stream.
    """
    with mapped_errors():
        await conn.execute(
            """
            WITH held AS (
                SELECT id FROM reconcile_runs
                WHERE id = $1 AND owner = $2 AND status = 'running' FOR UPDATE
            ), lost AS (
                DELETE FROM snapshots AS s USING held, (
                    SELECT platform, subject, min(page) AS page FROM snapshots
                    WHERE run_id = $1 AND compared_at IS NULL GROUP BY platform, subject
                ) AS f
                WHERE s.run_id = held.id AND s.platform = f.platform AND s.subject = f.subject
                    AND s.page >= f.page
            )
            UPDATE reconcile_runs AS r SET pages = NULL FROM held WHERE r.id = held.id
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
    """Note that a subject cannot be looked at in this pass, and decide nothing of it."""
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO snapshots (run_id, platform, subject, page, part, after_id, upto_id,
                looked_at, rows, is_last, checksum, taken_at, compared_at, refused)
            SELECT r.id, $3, $4, (
                    SELECT coalesce(max(s.page) + 1, 0) FROM snapshots AS s
                    WHERE s.run_id = r.id AND s.platform = $3 AND s.subject = $4
                ), 'left out', 0, 0, 0, 0, false, '', now(), now(), $5
            FROM reconcile_runs AS r
            WHERE r.id = $1 AND r.owner = $2 AND r.status = 'running'
            """,
            run_id,
            owner,
            platform,
            subject,
            why,
        )


async def all_taken(conn: asyncpg.Connection, run_id: int, owner: str) -> None:
    """Note that every page is taken, so that a missing one can be told."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE reconcile_runs SET
                pages = (SELECT count(*) FROM snapshots WHERE run_id = $1)
            WHERE id = $1 AND owner = $2 AND status = 'running'
            """,
            run_id,
            owner,
        )


async def find_page(
    conn: asyncpg.Connection, run_id: int, platform: Platform, subject: str, page: int
) -> KnownPage | None:
    """Return and lock a page of a running pass.

    None if there is none such, or the pass has ended. It cannot end until the caller's transaction
    does.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            f"""
            SELECT {", ".join(f"s.{column}" for column in PageRecord._fields)},
                r.dry_run, r.accepted
            FROM reconcile_runs AS r JOIN snapshots AS s ON s.run_id = r.id
            WHERE r.id = $1 AND r.status = 'running'
                AND s.platform = $2 AND s.subject = $3 AND s.page = $4
            FOR SHARE OF r FOR NO KEY UPDATE OF s
            """,  # noqa: S608 - as above
            run_id,
            platform,
            subject,
            page,
        )
    return None if row is None else KnownPage(PageRecord(*tuple(row)[:-2]), *tuple(row)[-2:])


async def mark_compared(
    conn: asyncpg.Connection,
    run_id: int,
    platform: Platform,
    subject: str,
    page: int,
    *,
    refused: str | None = None,
) -> None:
    """Note that a page was compared, or why it was refused."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE snapshots SET compared_at = now(), refused = $5
            WHERE run_id = $1 AND platform = $2 AND subject = $3 AND page = $4
            """,
            run_id,
            platform,
            subject,
            page,
            refused,
        )


async def progress(conn: asyncpg.Connection, run_id: int) -> tuple[int, str | None]:
    """Count the pages that were taken and not compared yet; say why one was refused, if any was."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT count(*) FILTER (WHERE compared_at IS NULL),
                min(platform || ' ' || subject || ', page ' || page || ': ' || refused)
                    FILTER (WHERE part <> 'left out')
            FROM snapshots
            WHERE run_id = $1 AND (compared_at IS NULL OR refused IS NOT NULL)
            """,
            run_id,
        )
    return row[0], row[1]


async def subjects_of(
    conn: asyncpg.Connection, run_id: int
) -> dict[tuple[Platform, str], str | None]:
    """Return the platforms and subjects that a pass looked at, each with why it was left out."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, subject, min(refused) FILTER (WHERE part = 'left out')
            FROM snapshots WHERE run_id = $1 GROUP BY platform, subject ORDER BY platform, subject
            """,
            run_id,
        )
    return {(platform, subject): why for platform, subject, why in rows}


async def count(conn: asyncpg.Connection, run_id: int) -> int:
    """Count the pages that there are of a pass."""
    with mapped_errors():
        number: int = await conn.fetchval(
            "SELECT count(*) FROM snapshots WHERE run_id = $1", run_id
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
