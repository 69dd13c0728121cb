"""Passes over the community: one runs at a time, owned by one process while its lease lasts.

A process that finds a pass whose lease has expired takes it over. Every function that changes a
pass asks for its owner, so a process that was suspended for too long changes nothing any more.
"""

from datetime import datetime
from typing import Literal, NamedTuple

import asyncpg

from .. import stop_signs
from ..errors import mapped_errors
from . import sweep_positions

Cause = Literal["interval", "asked", "alarm"]

#: The longest possible open transaction, in seconds. A ledger row bears the time at which its
#: transaction began, and is visible once that commits; so older rows are visible or rolled back.
#: Postgres ends an idle transaction sooner (connections.IDLE_IN_TRANSACTION_TIMEOUT_S).
OPEN_TRANSACTION_S_MAX = 120


class Run(NamedTuple):
    """One pass."""

    id: int
    cause: Cause
    member_id: int | None
    everybody: bool
    dry_run: bool
    accepted: bool
    started_at: datetime
    pages: int | None
    """How many pages it has in all; None while they are being taken."""


class RunReport(NamedTuple):
    """How far a pass is, or how it ended."""

    id: int
    status: str
    stopped_because: str | None
    left_out: list[str]
    started_at: datetime
    finished_at: datetime | None
    members: int
    findings: int
    repairs: int
    pages: int | None
    taken: int
    """Pages that are recorded, those of subjects that were left out included."""
    compared: int


_RUN = ", ".join(Run._fields)


async def is_due(conn: asyncpg.Connection, *, interval_s: float) -> bool:
    """Tell whether the last pass over the community began at least `interval_s` ago."""
    with mapped_errors():
        due: bool = await conn.fetchval(
            """
            SELECT coalesce((
                -- A pass of the future began before the clock was set back.
                SELECT started_at <= now() - make_interval(secs => $1) OR started_at > now()
                FROM twinstream.reconcile_runs
                WHERE member_id IS NULL AND NOT dry_run ORDER BY id DESC LIMIT 1
            ), true)
            """,
            interval_s,
        )
    return due


async def begin(
    conn: asyncpg.Connection,
    *,
    cause: Cause,
    owner: str,
    lease_s: float,
    member_id: int | None = None,
    everybody: bool = False,
    dry_run: bool = False,
    accepted: bool = False,
) -> Run | None:
    """Begin a pass, or return None while another is running. The caller owns the transaction.

    By default a pass is over the members touched since the last one, beside those watched and a
    slice of all others. The very first pass is over everybody.

    Raises:
        Paused: the stop sign of this release is set.
    """
    await stop_signs.obey(conn)
    with mapped_errors():
        before = await conn.fetchval(
            """
            SELECT touched_upto FROM twinstream.reconcile_runs
            WHERE status = 'finished' AND member_id IS NULL AND NOT dry_run
            ORDER BY id DESC LIMIT 1
            """
        )
        row = await conn.fetchrow(
            f"""
            INSERT INTO twinstream.reconcile_runs
                (cause, owner, lease_until, member_id, everybody, dry_run, accepted, touched_upto)
            VALUES ($1, $2, now() + make_interval(secs => $3), $4, $5, $6, $7, coalesce((
                SELECT id FROM twinstream.transactions
                WHERE created_at < now() - make_interval(secs => $8)
                ORDER BY id DESC LIMIT 1
            ), 0))
            -- Not of any conflict: a number that is taken means that the sequence is behind.
            ON CONFLICT ((true)) WHERE status = 'running' DO NOTHING
            RETURNING {_RUN}
            """,  # noqa: S608 - this module's own columns
            cause,
            owner,
            lease_s,
            member_id,
            member_id is None and (everybody or before is None),
            dry_run,
            accepted,
            OPEN_TRANSACTION_S_MAX,
        )
        if row is None:
            return None
        run = Run(**row)
        if not run.everybody:
            await _touch(conn, run, before or 0)
    return run


async def _touch(conn: asyncpg.Connection, run: Run, after: int) -> None:
    if run.member_id is not None:
        await conn.execute(
            "INSERT INTO twinstream.reconcile_touched VALUES ($1, $2)", run.id, run.member_id
        )
        return
    await conn.execute(
        """
        INSERT INTO twinstream.reconcile_touched (run_id, member_id)
        SELECT DISTINCT $1::bigint, a.member_id
        FROM (
            SELECT DISTINCT source, account_id FROM twinstream.transactions WHERE id > $2
        ) AS t
        JOIN twinstream.accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        """,
        run.id,
        after,
    )


async def take_over(conn: asyncpg.Connection, *, owner: str, lease_s: float) -> Run | None:
    """Take the running pass if its lease has expired, or if this owner has it already."""
    with mapped_errors():
        row = await conn.fetchrow(
            f"""
            UPDATE twinstream.reconcile_runs
            SET owner = $1, lease_until = now() + make_interval(secs => $2)
            -- No process asks for so long a lease: the clock was set back since.
            WHERE status = 'running' AND (
                lease_until < now() OR lease_until > now() + 2 * make_interval(secs => $2)
                OR owner = $1
            )
            RETURNING {_RUN}
            """,  # noqa: S608 - this module's own columns
            owner,
            lease_s,
        )
    return None if row is None else Run(**row)


async def renew(conn: asyncpg.Connection, run_id: int, *, owner: str, lease_s: float) -> bool:
    """Extend the lease of a pass. False: the pass has ended, or another process owns it."""
    with mapped_errors():
        kept: int | None = await conn.fetchval(
            """
            UPDATE twinstream.reconcile_runs SET lease_until = now() + make_interval(secs => $3)
            WHERE id = $1 AND owner = $2 AND status = 'running' RETURNING 1
            """,
            run_id,
            owner,
            lease_s,
        )
    return kept is not None


async def report(conn: asyncpg.Connection, run_id: int) -> RunReport | None:
    """Return how far a pass is, or how it ended; None if there is no such pass."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT r.id, r.status, r.stopped_because, coalesce(array_agg(
                    s.platform || ' ' || s.subject || ': ' || s.refused
                    ORDER BY s.platform, s.subject
                ) FILTER (WHERE s.part = 'left out'), '{}') AS left_out, r.started_at,
                r.finished_at, r.members, r.findings, r.repairs, r.pages,
                count(s.page) AS taken, count(s.compared_at) AS compared
            FROM twinstream.reconcile_runs AS r LEFT JOIN twinstream.snapshots AS s
                ON s.run_id = r.id
            WHERE r.id = $1 GROUP BY r.id
            """,
            run_id,
        )
    return None if row is None else RunReport(**row)


async def age_of_last_s(conn: asyncpg.Connection) -> float | None:
    """Return how long ago a pass over the community was last finished, in seconds.

    None if no pass was finished yet.
    """
    with mapped_errors():
        age: float | None = await conn.fetchval(
            """
            SELECT extract(epoch FROM now() - finished_at)::float8 FROM twinstream.reconcile_runs
            WHERE status = 'finished' AND member_id IS NULL AND NOT dry_run
            ORDER BY id DESC LIMIT 1
            """
        )
    return age


async def touched_after(conn: asyncpg.Connection, run_id: int, after: int, limit: int) -> list[int]:
    """Return the next members above `after` of the pass's part `touched`, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT member_id FROM twinstream.reconcile_touched WHERE run_id = $1 AND member_id > $2
            ORDER BY member_id LIMIT $3
            """,
            run_id,
            after,
            limit,
        )
    return [member_id for (member_id,) in rows]


async def end(
    conn: asyncpg.Connection, run_id: int, owner: str, *, stopped_because: str | None = None
) -> bool:
    """End a pass. False: this owner has lost it. The caller owns the transaction.

    A pass that was not stopped, and was no dry run, also moves the sweeps over everybody on.
    """
    with mapped_errors():
        ended = await conn.fetchrow(
            """
            UPDATE twinstream.reconcile_runs AS r SET
                status = CASE WHEN $3::text IS NULL THEN 'finished' ELSE 'stopped' END,
                stopped_because = $3, finished_at = now(),
                members = coalesce((SELECT max(looked_at) FROM (
                    SELECT sum(looked_at) AS looked_at FROM twinstream.snapshots WHERE run_id = r.id
                    GROUP BY platform, subject) AS s), 0),
                findings = (SELECT count(*) FROM twinstream.drift WHERE run_id = r.id),
                repairs = (SELECT count(*) FROM twinstream.drift
                           WHERE run_id = r.id AND decision = 'repaired')
            WHERE id = $1 AND owner = $2 AND status = 'running' RETURNING dry_run
            """,
            run_id,
            owner,
            stopped_because,
        )
        if ended is None:
            return False
        if stopped_because is None and not ended["dry_run"]:
            await sweep_positions.move_on(conn, run_id)
        await conn.execute("DELETE FROM twinstream.reconcile_touched WHERE run_id = $1", run_id)
        await conn.execute(
            """
            UPDATE twinstream.drift SET decision = 'stopped', decided_at = now(),
                why = 'nothing was decided: ' || $2
            WHERE run_id = $1 AND decision = 'found'
            """,
            run_id,
            stopped_because or "",
        )
    return True
