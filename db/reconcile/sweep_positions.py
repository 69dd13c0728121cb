"""The sweep over the whole community: each pass continues where the last one ended, and it repeats.

A sweep exists per platform and subject, in the table `reconcile_walks`.
"""

from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Sweep(NamedTuple):
    """How far the sweep over one platform and subject has come."""

    after_id: int
    """The last id that was looked at; the sweep continues above it. 0 at the beginning."""
    passed: int
    """How many ids it has looked at since it began at the first id."""
    passed_last_time: int
    """How many ids the last complete sweep looked at; 0 if there was none."""
    age_s: float
    """How long ago it began at the first id, in seconds."""


class Slice(NamedTuple):
    """The part of a sweep that one pass has looked at."""

    platform: Platform
    subject: str
    after_id: int
    upto_id: int
    ids: int
    came_round: bool
    """Whether it reached the last id."""


class Position(NamedTuple):
    """Where a sweep stands after a slice: what `reconcile_walks` keeps."""

    after_id: int
    passed: int
    passed_last_time: int
    starts_over: bool
    """Whether the sweep began at the first id with this slice, so that its age starts at zero."""


async def find_sweep(conn: asyncpg.Connection, platform: Platform, subject: str) -> Sweep:
    """Return how far the sweep has come; a sweep that never began is at its beginning."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT after_id, passed, passed_last_time,
                extract(epoch FROM now() - began_at)::float8 AS age_s
            FROM twinstream.reconcile_walks WHERE platform = $1 AND subject = $2
            """,
            platform,
            subject,
        )
    return Sweep(0, 0, 0, 0.0) if row is None else Sweep(**row)


async def move_on(conn: asyncpg.Connection, run_id: int) -> None:
    """Move each sweep behind the slice that this pass has compared.

    A subject that the pass had to leave out stays where it is.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, subject, min(after_id) AS after_id, max(upto_id) AS upto_id,
                sum(looked_at)::bigint AS ids, bool_or(is_last) AS came_round
            FROM twinstream.snapshots WHERE run_id = $1 AND part IN ('slice', 'left out')
            GROUP BY platform, subject HAVING bool_and(part <> 'left out')
            ORDER BY platform, subject
            """,
            run_id,
        )
        for row in rows:
            done = Slice(**row)
            position = moved(await find_sweep(conn, done.platform, done.subject), done)
            await conn.execute(
                """
                INSERT INTO twinstream.reconcile_walks AS w
                    (platform, subject, after_id, passed, passed_last_time, began_at)
                VALUES ($1, $2, $3, $4, $5, now())
                ON CONFLICT ON CONSTRAINT reconcile_walk_once DO UPDATE SET
                    after_id = excluded.after_id, passed = excluded.passed,
                    passed_last_time = excluded.passed_last_time,
                    began_at = CASE WHEN $6 THEN now() ELSE w.began_at END
                """,
                done.platform,
                done.subject,
                position.after_id,
                position.passed,
                position.passed_last_time,
                position.starts_over,
            )


def moved(before: Sweep, done: Slice) -> Position:
    """Return where a sweep stands after a slice. Pure."""
    passed = done.ids + (before.passed if done.after_id else 0)
    if done.came_round:
        return Position(0, 0, passed, starts_over=True)
    starts_over = done.after_id == 0
    last_time = before.passed_last_time
    if starts_over and before.after_id:
        # No id was left above the place where the sweep stood, so it was complete there.
        last_time = before.passed
    return Position(done.upto_id, passed, last_time, starts_over)
