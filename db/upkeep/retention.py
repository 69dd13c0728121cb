"""Retention: deleting old completed events and old reconcile passes, in short steps.

Once a day a round goes through the events in id order and deletes those that completed long ago.
Then it deletes old passes of reconcile, with their pages and findings. The progress of a round is
in its own row, so any process may continue it. No step holds locks for long. The ledger is never
touched, because its keys identify an event that is delivered again.

It has no index on purpose: docs/decisions/0006. Events are about as old as their ids say, so a
round reads the rows that it deletes and few others.
"""

from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors


class Step(NamedTuple):
    """The result of one step: rows deleted, and whether the round is over."""

    events: int
    passes: int
    findings: int
    is_last: bool


class Round(NamedTuple):
    """The result of a round: its duration and all rows deleted."""

    seconds: float
    events: int
    passes: int
    findings: int


async def begin_if_due(conn: asyncpg.Connection, *, interval_s: float) -> bool:
    """Begin a round if none is under way and the last one began `interval_s` ago or earlier."""
    with mapped_errors():
        begun: int | None = await conn.fetchval(
            """
            INSERT INTO twinstream.cleanup_rounds (began_at)
            SELECT now() WHERE NOT EXISTS (
                SELECT FROM twinstream.cleanup_rounds
                WHERE finished_at IS NULL OR began_at > now() - make_interval(secs => $1)
            )
            -- Not of any conflict: a number that is taken means that the sequence is behind.
            ON CONFLICT ((true)) WHERE finished_at IS NULL DO NOTHING
            RETURNING 1
            """,
            interval_s,
        )
    return begun is not None


async def step(conn: asyncpg.Connection, *, retention_s: float, limit: int) -> Step | None:
    """Read the next `limit` rows, and delete those that are older than `retention_s` seconds.

    None if no round is under way, or another process is working on it right now. Rows that another
    transaction has locked are left for the next round. The caller owns the transaction, and should
    commit at once.
    """
    with mapped_errors():
        locked = await conn.fetchrow(
            "SELECT id, events_upto FROM twinstream.cleanup_rounds WHERE finished_at IS NULL"
            " FOR UPDATE SKIP LOCKED"
        )
        if locked is None:
            return None
        round_id, events_upto = locked
        if events_upto is not None:
            return await _remove_events(conn, round_id, events_upto, retention_s, limit)
        return await _remove_pass(conn, round_id, retention_s, limit)


async def last_round(conn: asyncpg.Connection) -> Round | None:
    """Return the result of the round that ended last, or None if none ever did."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT extract(epoch FROM finished_at - began_at)::float8, events, passes, findings
            FROM twinstream.cleanup_rounds WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1
            """
        )
    return None if row is None else Round(*row)


async def _remove_events(
    conn: asyncpg.Connection, round_id: int, after: int, retention_s: float, limit: int
) -> Step:
    """Delete completed events. Pending, published and buried events stay, however old they are.

    A page that is younger than the retention is the last one: no later event is older.
    """
    seen, upto, is_young, removed = await conn.fetchrow(
        """
        WITH page AS MATERIALIZED (
            -- The rows that this step is about; it decides where the next step begins.
            SELECT id, created_at FROM twinstream.sync_events WHERE id > $1 ORDER BY id LIMIT $3
        ), old AS (
            -- By completion, not by creation: a row may have waited for weeks before it arrived.
            SELECT id FROM twinstream.sync_events
            WHERE id > $1 AND id <= (SELECT max(id) FROM page) AND status = 'completed'
                AND processed_at < now() - make_interval(secs => $2)
            ORDER BY id
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            -- By an array of ids, so that the primary key is used and no join is planned.
            DELETE FROM twinstream.sync_events WHERE id = ANY (ARRAY (SELECT id
            FROM old)) RETURNING 1
        )
        SELECT count(*), max(id), min(created_at) > now() - make_interval(secs => $2),
            (SELECT count(*) FROM gone)
        FROM page
        """,
        after,
        retention_s,
        limit,
    )
    is_last_page = seen < limit or is_young
    await conn.execute(
        "UPDATE twinstream.cleanup_rounds SET events_upto = $2, events = events + $3 WHERE id = $1",
        round_id,
        None if is_last_page else upto,
        removed,
    )
    return Step(removed, 0, 0, False)


async def _remove_pass(
    conn: asyncpg.Connection, round_id: int, retention_s: float, limit: int
) -> Step:
    """Delete the oldest pass that ended `retention_s` ago, or as much of it as one step may.

    Two kinds of passes stay: the newest that finished, because the next pass begins where it ended,
    and a pass with open findings, because the next pass is compared with it.
    """
    run_id: int | None = await conn.fetchval(
        """
        SELECT r.id FROM twinstream.reconcile_runs AS r
        WHERE r.status <> 'running' AND r.finished_at < now() - make_interval(secs => $1)
            AND r.id < (
                SELECT max(id) FROM twinstream.reconcile_runs
                WHERE status = 'finished' AND member_id IS NULL AND NOT dry_run
            )
            AND NOT EXISTS (
                SELECT FROM twinstream.drift AS d
                WHERE d.run_id = r.id AND d.decision IN ('watched', 'held')
            )
        ORDER BY r.finished_at LIMIT 1
        FOR UPDATE SKIP LOCKED
        """,
        retention_s,
    )
    if run_id is None:
        await conn.execute(
            "UPDATE twinstream.cleanup_rounds SET finished_at = now() WHERE id = $1", round_id
        )
        return Step(0, 0, 0, True)
    findings = await _remove_some(conn, "drift", run_id, limit)
    pages = await _remove_some(conn, "snapshots", run_id, limit)
    passes = 0
    if max(findings, pages) < limit:
        await conn.execute("DELETE FROM twinstream.reconcile_runs WHERE id = $1", run_id)
        passes = 1
    await conn.execute(
        "UPDATE twinstream.cleanup_rounds"
        " SET passes = passes + $2, findings = findings + $3 WHERE id = $1",
        round_id,
        passes,
        findings,
    )
    return Step(0, passes, findings, False)


async def _remove_some(conn: asyncpg.Connection, table: str, run_id: int, limit: int) -> int:
    removed = await conn.fetch(
        f"""
        DELETE FROM twinstream.{table} WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM twinstream.{table} WHERE run_id = $1 LIMIT $2
        )) RETURNING 1
        """,  # noqa: S608 - the table is this module's own constant
        run_id,
        limit,
    )
    return len(removed)
