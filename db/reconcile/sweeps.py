"""The rolling look at everybody: each pass goes on where the last one ended, round and round."""

from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class Walk(NamedTuple):
    """How far the look has come on one platform and subject."""

    after_id: int
    passed: int
    """How many it has passed since it began at the first."""
    passed_last_time: int
    """How many it passed in all when it last came round; 0 if it never did."""
    age_s: float
    """How long ago it began at the first."""


class Slice(NamedTuple):
    """What a pass looked at beside those who were touched."""

    platform: Platform
    subject: str
    after_id: int
    upto_id: int
    ids: int
    came_round: bool


async def walk(conn: asyncpg.Connection, platform: Platform, subject: str) -> Walk:
    """Say how far the look has come."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT after_id, passed, passed_last_time, extract(epoch FROM now() - began_at)::float8
            FROM reconcile_walks WHERE platform = $1 AND subject = $2
            """,
            platform,
            subject,
        )
    return Walk(0, 0, 0, 0.0) if row is None else Walk(*row)


async def move_on(conn: asyncpg.Connection, run_id: int) -> None:
    """Go on behind the slices that a pass has proven."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, subject, min(after_id), max(upto_id), sum(looked_at)::bigint,
                bool_or(is_last)
            FROM snapshots WHERE run_id = $1 AND part IN ('slice', 'left out')
            GROUP BY platform, subject HAVING bool_and(part <> 'left out')
            ORDER BY platform, subject
            """,
            run_id,
        )
        for row in rows:
            done = Slice(*row)
            after, passed, last_time, is_new = moved(
                await walk(conn, done.platform, done.subject), done
            )
            await conn.execute(
                """
                INSERT INTO reconcile_walks AS w
                    (platform, subject, after_id, passed, passed_last_time, began_at)
                VALUES ($1, $2, $3, $4, $5, now())
                ON CONFLICT ON CONSTRAINT reconcile_walk_once DO UPDATE SET
                    after_id = excluded.after_id, passed = excluded.passed,
                    passed_last_time = excluded.passed_last_time,
                    began_at = CASE WHEN $6 THEN now() ELSE w.began_at END
                """,
                done.platform,
                done.subject,
                after,
                passed,
                last_time,
                is_new,
            )


def moved(before: Walk, done: Slice) -> tuple[int, int, int, bool]:
    """Return where the look goes on, how many it passed, and last time, and if it is new. Pure."""
    passed = done.ids + (before.passed if done.after_id else 0)
    if done.came_round:
        return 0, 0, passed, True
    begins_anew = done.after_id == 0
    last_time = before.passed_last_time
    if begins_anew and before.after_id:  # nobody was left behind the place where it was
        last_time = before.passed
    return done.upto_id, passed, last_time, begins_anew
