"""What people should see and what they do see: two columns, and the difference is the work.

A worker takes whole members, never single surfaces, so that nobody else writes to the same member's
roles at the same time: the platforms lose writes that run side by side.

Between taking a member and noting the outcome nobody knows what they see: the write may be done and
its answer lost, or the worker gone. So what was shown counts as unknown from then on, and a wish
for the old state is work as well.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT, BACKFILL, EXEMPT, LIVE, PERSONAL, wishes
from .wishes import MAY_BE_SEEN


class Showing(NamedTuple):
    """One member whose surfaces on one platform are to be brought to the wanted state."""

    member_id: int
    platform: Platform
    account_id: int
    wanted: Mapping[str, int]
    """Surface to number: `rank` to a rank, `achievement:<name>` to 1 (held) or 0 (not)."""
    shown: Mapping[str, int | None]
    """Surface to the number that was shown last; None if that is not known (any more)."""
    unconfirmed: Mapping[str, frozenset[int]]
    """Surface to the numbers that earlier visits may have left there, where that is not known.

    It holds 0 if there may be nothing at all, and is empty if nobody has been there yet.
    """
    wanted_key: str
    """The idempotency key of the event behind the newest change, for the audit log."""
    put_back: bool
    """Whether what was shown was forgotten: people changed it by hand, or the member rejoined."""
    priority: int
    attempts: int
    wanted_at: Mapping[str, datetime]
    """Surface to the moment since when it is wanted, so that a later wish is not overlooked."""
    taken_until: datetime
    """When the lease ends. Once somebody else has taken the member, this holder notes no more."""


async def take(
    pool: asyncpg.Pool,
    platform: Platform,
    *,
    limit: int,
    lease_s: float,
    least_urgent: int = BACKFILL,
) -> list[Showing]:
    """Take up to `limit` members with something to show: the most urgent, then the longest waiting.

    Those of a lower urgency than `least_urgent` are left. The members are this caller's for
    `lease_s` seconds, with all that comes to be wanted meanwhile; if it dies, somebody else takes
    them after that.
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
                f"""
                WITH due AS (
                    SELECT d.member_id, d.account_id, d.priority, d.since
                    FROM generate_series(0, $4::integer) AS p (priority)
                    CROSS JOIN LATERAL (
                        SELECT f.member_id, a.account_id, f.priority,
                            greatest(f.wanted_at, f.retry_at, f.taken_until) AS since
                        FROM surfaces AS f
                        JOIN accounts AS a
                            ON a.member_id = f.member_id AND a.platform = f.platform
                        WHERE f.platform = $1 AND f.priority = p.priority
                            AND f.wanted IS DISTINCT FROM f.shown
                            AND greatest(f.wanted_at, f.retry_at, f.taken_until)
                                <= statement_timestamp()
                            AND NOT EXISTS (
                                SELECT FROM surfaces AS g
                                WHERE g.member_id = f.member_id AND g.platform = f.platform
                                    AND g.taken_until > statement_timestamp()
                            )
                            AND NOT EXISTS (
                                SELECT FROM surfaces AS g
                                WHERE g.member_id = f.member_id AND g.platform = f.platform
                                    AND g.parked = '{ABSENT}'
                            )
                        ORDER BY greatest(f.wanted_at, f.retry_at, f.taken_until) LIMIT $2
                    ) AS d
                    ORDER BY d.priority, d.since LIMIT $2
                ), members_due AS (
                    SELECT member_id, account_id, min(priority) AS urgency, min(since) AS since
                    FROM due GROUP BY member_id, account_id
                ), held AS (
                    SELECT f.member_id, f.surface, f.shown, f.unconfirmed, d.account_id, d.urgency,
                        d.since
                    FROM members_due AS d
                    JOIN surfaces AS f ON f.member_id = d.member_id AND f.platform = $1
                    ORDER BY f.member_id, f.surface
                    FOR NO KEY UPDATE OF f
                )
                UPDATE surfaces AS f
                SET taken_until = statement_timestamp() + make_interval(secs => $3),
                    shown = CASE WHEN f.shown = f.wanted THEN f.shown END,
                    unconfirmed = CASE WHEN f.shown IS DISTINCT FROM f.wanted
                        THEN array(SELECT DISTINCT unnest({MAY_BE_SEEN} || f.wanted)) END
                FROM held AS h
                WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
                RETURNING f.member_id, h.account_id, f.surface, f.wanted, h.shown, h.unconfirmed,
                    f.wanted_key, f.wanted_at, f.forgotten, f.taken_until, f.attempts, h.urgency,
                    h.since
                """,  # noqa: S608 - this module's own constants
                platform,
                limit,
                lease_s,
                least_urgent,
            )
    by_member: dict[int, list[asyncpg.Record]] = {}
    for row in sorted(rows, key=lambda row: (row["urgency"], row["since"], row["member_id"])):
        by_member.setdefault(row["member_id"], []).append(row)
    return [_showing(platform, member) for member in by_member.values()]


def _showing(platform: Platform, rows: list[asyncpg.Record]) -> Showing:
    newest = max(rows, key=lambda row: row["wanted_at"])
    return Showing(
        member_id=newest["member_id"],
        platform=platform,
        account_id=newest["account_id"],
        wanted={row["surface"]: row["wanted"] for row in rows},
        shown={row["surface"]: row["shown"] for row in rows},
        unconfirmed={row["surface"]: frozenset(row["unconfirmed"] or ()) for row in rows},
        wanted_key=newest["wanted_key"] or "",
        put_back=newest["forgotten"],
        priority=newest["urgency"],
        attempts=max(row["attempts"] for row in rows),
        wanted_at={row["surface"]: row["wanted_at"] for row in rows},
        taken_until=newest["taken_until"],
    )


async def mark_shown(pool: asyncpg.Pool, showing: Showing) -> bool:
    """Note that people see what was wanted when `showing` was taken, and give the member back.

    What has been wanted since then, be it the same once more, stays to be shown. A number that is
    higher than any before is to be announced, if it was wanted live. Returns False, and notes
    nothing, if the lease ended and somebody else took the member: see `doubt`.
    """
    return await _note(
        pool,
        showing,
        f"""
        taken_until = NULL, attempts = 0, error = NULL, retry_at = NULL, parked = NULL,
        shown_at = now(),
        shown = CASE WHEN h.unchanged THEN h.number ELSE f.shown END,
        unconfirmed = CASE WHEN NOT h.unchanged THEN f.unconfirmed END,
        forgotten = f.forgotten AND NOT h.unchanged,
        announce = f.announce OR (f.priority = {LIVE} AND h.unchanged AND h.number > f.announced),
        announced = CASE WHEN h.unchanged
            THEN greatest(f.announced, h.number) ELSE f.announced END
        """,
    )


async def doubt(pool: asyncpg.Pool, showing: Showing) -> None:
    """Give a member back whose visit came to an end that could not be noted.

    Nobody knows what people see. If somebody else has taken the member since, that visit may have
    been overwritten. So what they note counts no more, and the member is visited again.
    """
    await _note(
        pool,
        showing,
        f"""
        shown = NULL, {wishes.ONCE_MORE}, taken_until = nullif(f.taken_until, $3),
        unconfirmed = array(SELECT DISTINCT unnest({MAY_BE_SEEN} || coalesce(h.number, 0)))
        """,
        of=_THEIRS,
    )


async def postpone(pool: asyncpg.Pool, showing: Showing, *, delay_s: float, error: str) -> bool:
    """Leave the member alone for `delay_s` seconds; `error` says why, for whoever looks.

    A wish that is newer than `showing` is tried at once, unless the member was found to be absent
    meanwhile. Returns False as `mark_shown` does.
    """
    return await _note(
        pool,
        showing,
        f"""
        taken_until = NULL, error = $8,
        attempts = CASE WHEN h.unchanged THEN f.attempts + 1 ELSE 0 END,
        retry_at = CASE
            WHEN h.unchanged THEN now() + make_interval(secs => $7)
            WHEN f.parked = '{ABSENT}' THEN f.retry_at
        END,
        parked = CASE WHEN h.unchanged OR f.parked = '{ABSENT}' THEN f.parked END
        """,
        delay_s,
        error,
    )


async def release(pool: asyncpg.Pool, showing: Showing) -> None:
    """Give back a member who was taken and not visited: all is known of them that was before."""
    await _note(
        pool,
        showing,
        """
        taken_until = NULL,
        shown = CASE WHEN h.unchanged THEN ($7::integer[])[h.place] ELSE f.shown END,
        unconfirmed = CASE WHEN h.unchanged
            THEN nullif(($8::text[])[h.place]::integer[], '{}') ELSE f.unconfirmed END
        """,
        [showing.shown[name] for name in showing.wanted],
        # Arrays of different lengths travel as Postgres writes them.
        [f"{{{','.join(map(str, showing.unconfirmed[name]))}}}" for name in showing.wanted],
    )


async def park(
    pool: asyncpg.Pool,
    showing: Showing,
    *,
    cause: str,
    error: str,
    look_after_s: float | None = None,
) -> bool:
    """Leave the member alone until `cause` is gone: see `unpark`, and for ABSENT `seen.seen_again`.

    With `look_after_s` they are also tried again after so many seconds. What was reached by whoever
    is EXEMPT is to be announced all the same. What came to be wanted since `showing` was taken is
    tried at once. Returns False as `mark_shown` does.
    """
    return await _note(
        pool,
        showing,
        f"""
        taken_until = NULL, attempts = 0, error = $8,
        retry_at = CASE WHEN h.unchanged THEN
            coalesce(now() + make_interval(secs => $9), 'infinity'::timestamptz) END,
        parked = CASE WHEN h.unchanged THEN $7 END,
        announce = f.announce OR
            ($7 = '{EXEMPT}' AND f.priority = {LIVE} AND h.unchanged AND h.number > f.announced),
        announced = CASE WHEN $7 = '{EXEMPT}' AND h.unchanged
            THEN greatest(f.announced, h.number) ELSE f.announced END,
        shown_at = CASE WHEN $7 = '{EXEMPT}' THEN now() ELSE f.shown_at END
        """,
        cause,
        error,
        look_after_s,
    )


async def unpark(pool: asyncpg.Pool, platform: Platform, *, standing: Collection[str]) -> int:
    """Try everybody again whose cause is not among those that still stand. Returns how many rows.

    Those whose cause is their own stay parked.
    """
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            WITH freed AS (
                SELECT member_id, surface FROM surfaces
                WHERE platform = $1 AND parked IS NOT NULL AND parked <> ALL ($2::text[])
                ORDER BY member_id, surface
                FOR NO KEY UPDATE
            ), tried AS (
                UPDATE surfaces AS f SET parked = NULL, retry_at = NULL, error = NULL
                FROM freed AS u
                WHERE f.member_id = u.member_id AND f.platform = $1 AND f.surface = u.surface
            )
            SELECT count(*) FROM freed
            """,
            platform,
            [*standing, *PERSONAL],
        )
    return count


async def waiting(pool: asyncpg.Pool, platform: Platform) -> int:
    """Count the surfaces that are not shown as wanted and not parked."""
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            SELECT count(*) FROM surfaces
            WHERE platform = $1 AND wanted IS DISTINCT FROM shown AND parked IS NULL
            """,
            platform,
        )
    return count


# In the order in which the ledger locks them. By account, because a link may have moved them.
_LOCK = """
    SELECT FROM surfaces AS f
    JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
    WHERE a.platform = $1 AND a.account_id = $2
    ORDER BY f.surface
    FOR NO KEY UPDATE OF f
"""

# The surfaces of account $2, what was wanted when they were taken (nothing, of those that a link
# brought since), and whether it is wanted unchanged.
_THEIRS = """
    SELECT f.member_id, f.surface, w.number, w.place,
        coalesce(f.wanted_at = w.wanted_at, false) AS unchanged
    FROM surfaces AS f
    JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
    LEFT JOIN unnest($4::text[], $5::integer[], $6::timestamptz[]) WITH ORDINALITY
        AS w (surface, number, wanted_at, place) USING (surface)
    WHERE a.platform = $1 AND a.account_id = $2
"""
# Those that are still in the hands of whoever took them until $3.
_IN_HAND = f"{_THEIRS} AND f.taken_until = $3"


async def _note(
    pool: asyncpg.Pool, showing: Showing, changes: str, *arguments: object, of: str = _IN_HAND
) -> bool:
    """Make the same changes to all surfaces of a visited member. Returns whether there are any.

    `changes` is the SQL after SET, for a row `f` of `surfaces` and the row `h` of `of`; what it
    needs besides follows as $7 and so on.
    """
    names = list(showing.wanted)
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction():
            # A link that commits while this waits for a lock brings surfaces which a statement
            # that began before that does not see.
            await conn.execute(_LOCK, showing.platform, showing.account_id)
            tag: str = await conn.execute(
                f"""
                WITH h AS ({of})
                UPDATE surfaces AS f SET {changes}
                FROM h
                WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
                """,  # noqa: S608 - this module's own constants
                showing.platform,
                showing.account_id,
                showing.taken_until,
                names,
                [showing.wanted[name] for name in names],
                [showing.wanted_at[name] for name in names],
                *arguments,
            )
    return tag != "UPDATE 0"
