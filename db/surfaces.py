"""What people should see and what they do see: two columns, and the difference is the work.

A worker takes whole members, never single surfaces, so that nobody else writes to the same member's
roles at the same time: the platforms lose writes that run side by side.
"""

from collections.abc import Mapping
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


async def take(
    pool: asyncpg.Pool, platform: Platform, *, limit: int, lease_s: float
) -> list[Showing]:
    """Take up to `limit` members with something to show, the longest waiting first.

    They are this caller's for `lease_s` seconds; if it dies, somebody else takes them after that.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            # One taker at a time, so that two of them never take different rows of one member.
            await conn.execute("SELECT pg_advisory_xact_lock(hashtext('twinstream.surfaces'))")
            rows = await conn.fetch(
                """
                WITH due AS (
                    SELECT f.member_id, min(f.wanted_at) AS since
                    FROM surfaces AS f
                    WHERE f.platform = $1 AND f.wanted IS DISTINCT FROM f.shown
                        AND (f.retry_at IS NULL OR f.retry_at <= now())
                        AND (f.taken_until IS NULL OR f.taken_until <= now())
                    GROUP BY f.member_id ORDER BY since LIMIT $2
                )
                UPDATE surfaces AS f SET taken_until = now() + make_interval(secs => $3)
                FROM due JOIN accounts AS a ON a.member_id = due.member_id AND a.platform = $1
                WHERE f.member_id = due.member_id AND f.platform = $1
                RETURNING f.member_id, a.account_id, f.surface, f.wanted, f.wanted_key,
                    f.wanted_at, f.attempts, due.since
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
    )


async def mark_shown(pool: asyncpg.Pool, showing: Showing) -> None:
    """Note that people see what was wanted when `showing` was taken.

    If something else is wanted by now, the difference stays and the member is taken again.
    """
    with mapped_errors():
        await pool.execute(
            """
            UPDATE surfaces AS f SET shown = s.number, shown_at = now(), taken_until = NULL,
                attempts = 0, retry_at = NULL, error = NULL
            FROM unnest($3::text[], $4::integer[]) AS s (surface, number)
            WHERE f.member_id = $1 AND f.platform = $2 AND f.surface = s.surface
            """,
            showing.member_id,
            showing.platform,
            list(showing.wanted.keys()),
            list(showing.wanted.values()),
        )


async def postpone(pool: asyncpg.Pool, showing: Showing, *, delay_s: float, error: str) -> None:
    """Leave the member alone for `delay_s` seconds; `error` says why, for whoever looks."""
    with mapped_errors():
        await pool.execute(
            """
            UPDATE surfaces SET taken_until = NULL, attempts = attempts + 1, error = $4,
                retry_at = now() + make_interval(secs => $3)
            WHERE member_id = $1 AND platform = $2
            """,
            showing.member_id,
            showing.platform,
            delay_s,
            error,
        )


async def release(pool: asyncpg.Pool, showing: Showing, *, delay_s: float) -> None:
    """Give back a member who was taken and not visited, not to be taken for `delay_s` seconds."""
    with mapped_errors():
        await pool.execute(
            """
            UPDATE surfaces SET taken_until = NULL, retry_at = now() + make_interval(secs => $3)
            WHERE member_id = $1 AND platform = $2
            """,
            showing.member_id,
            showing.platform,
            delay_s,
        )


async def show_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget what was shown to this account: it joined anew, so it shows nothing yet."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE surfaces AS f SET shown = NULL, retry_at = NULL, error = NULL, attempts = 0
            FROM accounts AS a
            WHERE a.platform = $1 AND a.account_id = $2
                AND f.member_id = a.member_id AND f.platform = a.platform
            """,
            platform,
            account_id,
        )
