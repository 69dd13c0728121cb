"""What people should see and what they do see: two columns, and the difference is the work.

A worker takes whole members, never single surfaces, so that nobody else writes to the same member's
roles at the same time: the platforms lose writes that run side by side.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import asyncpg

from .errors import mapped_errors
from .platforms import Platform

RANK = "rank"
ACHIEVEMENT_PREFIX = "achievement:"


class Showing(NamedTuple):
    """One member whose surfaces on one platform are to be brought to the wanted state."""

    member_id: int
    platform: Platform
    account_id: int
    wanted: Mapping[str, int]
    """Surface to number: `rank` to a rank, `achievement:<name>` to 1 (held) or 0 (not)."""
    wanted_key: str
    """The idempotency key of the event behind the newest change, for the audit log."""
    attempts: int
    wanted_at: Mapping[str, datetime]
    """Surface to the moment since when it is wanted, so that a later wish is not overlooked."""
    taken_until: datetime
    """When the lease ends. Once somebody else has taken the member, this holder notes no more."""


async def take(
    pool: asyncpg.Pool, platform: Platform, *, limit: int, lease_s: float
) -> list[Showing]:
    """Take up to `limit` members with something to show, the longest waiting first.

    They are this caller's for `lease_s` seconds, with all that comes to be wanted meanwhile; if it
    dies, somebody else takes them after that.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            # One taker at a time, so that two of them never take different rows of one member.
            await conn.execute(
                "SELECT pg_advisory_xact_lock(hashtext('twinstream.surfaces'), hashtext($1))",
                platform,
            )
            # Rows are locked in the order in which the ledger locks them.
            rows = await conn.fetch(
                """
                WITH due AS (
                    SELECT f.member_id, a.account_id,
                        greatest(f.wanted_at, f.retry_at, f.taken_until) AS since
                    FROM surfaces AS f
                    JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
                    WHERE f.platform = $1 AND f.wanted IS DISTINCT FROM f.shown
                        AND greatest(f.wanted_at, f.retry_at, f.taken_until)
                            <= statement_timestamp()
                        AND NOT EXISTS (
                            SELECT FROM surfaces AS g
                            WHERE g.member_id = f.member_id AND g.platform = f.platform
                                AND g.taken_until > statement_timestamp()
                        )
                    ORDER BY greatest(f.wanted_at, f.retry_at, f.taken_until) LIMIT $2
                ), members_due AS (
                    SELECT member_id, account_id, min(since) AS since
                    FROM due GROUP BY member_id, account_id
                ), held AS (
                    SELECT f.member_id, f.surface, d.account_id, d.since
                    FROM members_due AS d
                    JOIN surfaces AS f ON f.member_id = d.member_id AND f.platform = $1
                    ORDER BY f.member_id, f.surface
                    FOR NO KEY UPDATE OF f
                )
                UPDATE surfaces AS f
                SET taken_until = statement_timestamp() + make_interval(secs => $3)
                FROM held AS h
                WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
                RETURNING f.member_id, h.account_id, f.surface, f.wanted, f.wanted_key,
                    f.wanted_at, f.taken_until, f.attempts, h.since
                """,
                platform,
                limit,
                lease_s,
            )
    by_member: dict[int, list[asyncpg.Record]] = {}
    for row in sorted(rows, key=lambda row: (row["since"], row["member_id"])):
        by_member.setdefault(row["member_id"], []).append(row)
    return [_showing(platform, member) for member in by_member.values()]


def _showing(platform: Platform, rows: list[asyncpg.Record]) -> Showing:
    newest = max(rows, key=lambda row: row["wanted_at"])
    return Showing(
        member_id=newest["member_id"],
        platform=platform,
        account_id=newest["account_id"],
        wanted={row["surface"]: row["wanted"] for row in rows},
        wanted_key=newest["wanted_key"] or "",
        attempts=max(row["attempts"] for row in rows),
        wanted_at={row["surface"]: row["wanted_at"] for row in rows},
        taken_until=newest["taken_until"],
    )


async def mark_shown(pool: asyncpg.Pool, showing: Showing) -> None:
    """Note that people see what was wanted when `showing` was taken, and give the member back.

    What has been wanted since then, be it the same once more, stays to be shown.
    """
    with mapped_errors():
        await pool.execute(
            f"""
            WITH {_IN_HAND}
            UPDATE surfaces AS f SET taken_until = NULL, attempts = 0, error = NULL,
                retry_at = NULL, shown_at = now(),
                shown = CASE WHEN f.wanted_at = w.wanted_at THEN w.number ELSE f.shown END
            FROM in_hand AS h
            JOIN unnest($4::text[], $5::integer[], $6::timestamptz[])
                AS w (surface, number, wanted_at) USING (surface)
            WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
            """,  # noqa: S608 - this module's own constant
            showing.platform,
            showing.account_id,
            showing.taken_until,
            list(showing.wanted.keys()),
            list(showing.wanted.values()),
            [showing.wanted_at[surface] for surface in showing.wanted],
        )


async def postpone(pool: asyncpg.Pool, showing: Showing, *, delay_s: float, error: str) -> None:
    """Leave the member alone for `delay_s` seconds; `error` says why, for whoever looks.

    What came to be wanted since `showing` was taken is tried at once.
    """
    await _give_back(pool, showing, delay_s=delay_s, attempts=1, error=error)


async def release(pool: asyncpg.Pool, showing: Showing, *, delay_s: float) -> None:
    """Give back a member who was taken and not visited, not to be taken for `delay_s` seconds."""
    await _give_back(pool, showing, delay_s=delay_s, attempts=0, error=None)


async def show_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget what was shown to this account: it joined anew, so it shows nothing yet."""
    with mapped_errors():
        await conn.execute(
            """
            WITH theirs AS (
                SELECT f.member_id, f.surface
                FROM surfaces AS f
                JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
                WHERE a.platform = $1 AND a.account_id = $2
                ORDER BY f.surface
                FOR NO KEY UPDATE OF f
            )
            UPDATE surfaces AS f SET shown = NULL, wanted_at = now(), retry_at = NULL,
                error = NULL, attempts = 0
            FROM theirs AS t
            WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
            """,
            platform,
            account_id,
        )


# The surfaces of account $2 that are still in the hands of whoever took them until $3, locked in
# the order in which the ledger locks them. By account, because a link may have moved them.
_IN_HAND = """
    in_hand AS (
        SELECT f.member_id, f.surface
        FROM surfaces AS f
        JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
        WHERE a.platform = $1 AND a.account_id = $2 AND f.taken_until = $3
        ORDER BY f.surface
        FOR NO KEY UPDATE OF f
    )
"""


async def _give_back(
    pool: asyncpg.Pool, showing: Showing, *, delay_s: float, attempts: int, error: str | None
) -> None:
    with mapped_errors():
        await pool.execute(
            f"""
            WITH {_IN_HAND}
            UPDATE surfaces AS f SET taken_until = NULL, attempts = f.attempts + $5,
                retry_at = now() + make_interval(secs => $4), error = coalesce($6, f.error)
            FROM in_hand AS h
            WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
            """,  # noqa: S608 - this module's own constant
            showing.platform,
            showing.account_id,
            showing.taken_until,
            delay_s,
            attempts,
            error,
        )
