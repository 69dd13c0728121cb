"""A visit: one attempt to bring what a member sees on a platform to what is wanted.

Wanted and shown are two columns, and their difference is the work. A worker takes whole members,
never single surfaces, so that no two workers write to one member's roles at the same time: the
platforms lose writes that run side by side.

Between taking a member and noting the outcome, the record does not know what the member sees: the
write may be done and its answer lost, or the worker may be dead. So `shown` is unknown from the
moment of taking, the numbers that may be seen are `unconfirmed`, and a wish for the old number is
work as well.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT, BACKFILL, EXEMPT, LIVE, PERSONAL, presence, wishes
from .wishes import MAY_BE_SEEN


class Visit(NamedTuple):
    """One member taken for a visit: the surfaces of one platform, as they were at that moment."""

    member_id: int
    platform: Platform
    account_id: int
    wanted: Mapping[str, int]
    """Surface to number: `rank` to a rank, `achievement:<name>` to 1 (held) or 0 (not)."""
    shown: Mapping[str, int | None]
    """Surface to the number that was shown last; None if that is unknown."""
    unconfirmed: Mapping[str, frozenset[int]]
    """Surface to the numbers that earlier visits may have left, where that is unknown.

    It holds 0 if there may be nothing at all, and is empty before the first visit.
    """
    wanted_key: str
    """The idempotency key of the event behind the newest change, for the audit log."""
    put_back: bool
    """Whether what was shown was forgotten: people changed it by hand, or the member rejoined."""
    priority: int
    attempts: int
    wanted_at: Mapping[str, datetime]
    """Surface to the time of the wish, by which a later wish is told from this one."""
    taken_until: datetime
    """When the lease ends. After another worker has taken the member, this one notes nothing."""


async def take(
    pool: asyncpg.Pool,
    platform: Platform,
    *,
    limit: int,
    lease_s: float,
    least_urgent: int = BACKFILL,
) -> list[Visit]:
    """Take up to `limit` members who are due: the most urgent, then the longest waiting.

    Members of a lower urgency than `least_urgent` are left. The caller has the members for
    `lease_s` seconds, with every wish that comes meanwhile; after that another worker may take
    them.
    """
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction(isolation="read_committed"):
            # One worker takes at a time, so that two never take different rows of one member.
            await conn.execute(
                "SELECT pg_advisory_xact_lock(hashtext('twinstream.surfaces'), hashtext($1))",
                platform,
            )
            rows = await conn.fetch(
                f"""
                WITH due AS (
                    -- One scan of the index `surfaces_due` per priority, each cut off at the limit:
                    -- a backlog of low urgency is not read over.
                    SELECT d.member_id, d.account_id, d.priority, d.since
                    FROM generate_series(0, $4::integer) AS p (priority)
                    CROSS JOIN LATERAL (
                        SELECT f.member_id, a.account_id, f.priority,
                            greatest(f.wanted_at, f.retry_at, f.taken_until) AS since
                        FROM twinstream.surfaces AS f
                        JOIN twinstream.accounts AS a
                            ON a.member_id = f.member_id AND a.platform = f.platform
                        WHERE f.platform = $1 AND f.priority = p.priority
                            AND f.wanted IS DISTINCT FROM f.shown
                            AND greatest(f.wanted_at, f.retry_at, f.taken_until)
                                <= statement_timestamp()
                            -- A member is with one worker at most, and an absent one with none,
                            -- whichever of the surfaces is due.
                            AND NOT EXISTS (
                                SELECT FROM twinstream.surfaces AS g
                                WHERE g.member_id = f.member_id AND g.platform = f.platform
                                    AND g.taken_until > statement_timestamp()
                            )
                            AND NOT EXISTS (
                                SELECT FROM twinstream.surfaces AS g
                                WHERE g.member_id = f.member_id AND g.platform = f.platform
                                    AND g.parked = '{ABSENT}'
                            )
                        ORDER BY greatest(f.wanted_at, f.retry_at, f.taken_until) LIMIT $2
                    ) AS d
                    ORDER BY d.priority, d.since LIMIT $2
                ), members_due AS (
                    -- The most urgent surface takes the others of its member along.
                    SELECT member_id, account_id, min(priority) AS urgency, min(since) AS since
                    FROM due GROUP BY member_id, account_id
                ), locked AS (
                    -- Every surface of the member, in the order in which the ledger locks them.
                    SELECT f.member_id, f.surface, f.shown, f.unconfirmed, d.account_id, d.urgency,
                        d.since
                    FROM members_due AS d
                    JOIN twinstream.surfaces AS f ON f.member_id = d.member_id AND f.platform = $1
                    ORDER BY f.member_id, f.surface
                    FOR NO KEY UPDATE OF f
                )
                UPDATE twinstream.surfaces AS f
                SET taken_until = statement_timestamp() + make_interval(secs => $3),
                    shown = CASE WHEN f.shown = f.wanted THEN f.shown END,
                    unconfirmed = CASE WHEN f.shown IS DISTINCT FROM f.wanted
                        THEN array(SELECT DISTINCT unnest({MAY_BE_SEEN} || f.wanted)) END
                FROM locked AS h
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
    return [_visit(platform, member) for member in by_member.values()]


def _visit(platform: Platform, rows: list[asyncpg.Record]) -> Visit:
    newest = max(rows, key=lambda row: row["wanted_at"])
    return Visit(
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


async def mark_shown(pool: asyncpg.Pool, visit: Visit) -> bool:
    """Note that the member sees what was wanted when `visit` was taken, and give them back.

    A later wish, even for the same number, stays due. A number that is higher than any before is to
    be announced, if its wish was live. Returns False, and notes nothing, if the lease ended and
    another worker took the member: see `doubt`.
    """
    return await _note(
        pool,
        visit,
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


async def doubt(pool: asyncpg.Pool, visit: Visit) -> None:
    """Give a member back after a visit whose outcome could not be noted.

    The record does not know what the member sees. If another worker has taken the member since,
    this visit may have overwritten theirs. The wish is therefore renewed: the outcome that the
    other worker notes does not count, and the member is visited again.
    """
    await _note(
        pool,
        visit,
        f"""
        shown = NULL, {wishes.ONCE_MORE}, taken_until = nullif(f.taken_until, $3),
        unconfirmed = array(SELECT DISTINCT unnest({MAY_BE_SEEN} || coalesce(h.number, 0)))
        """,
        of=_THEIRS,
    )


async def postpone(
    pool: asyncpg.Pool, visit: Visit, *, delay_s: float, error: str, everyone: bool = False
) -> bool:
    """Leave the member alone for `delay_s` seconds; `error` says why, for operators.

    One that concerns everyone is no failed attempt of the member's. A wish that is newer than
    `visit` is tried at once, unless the member was found to be absent meanwhile. Returns False as
    `mark_shown` does.
    """
    return await _note(
        pool,
        visit,
        f"""
        taken_until = NULL, error = $8,
        attempts = CASE WHEN h.unchanged THEN f.attempts + $9 ELSE 0 END,
        retry_at = CASE
            WHEN h.unchanged THEN now() + make_interval(secs => $7)
            WHEN f.parked = '{ABSENT}' THEN f.retry_at
        END,
        parked = CASE WHEN h.unchanged OR f.parked = '{ABSENT}' THEN f.parked END
        """,
        delay_s,
        error,
        0 if everyone else 1,
    )


async def release(pool: asyncpg.Pool, visit: Visit) -> None:
    """Give back a member who was taken and not visited: the record knows again what it knew."""
    await _note(
        pool,
        visit,
        """
        taken_until = NULL,
        shown = CASE WHEN h.unchanged THEN ($7::integer[])[h.place] ELSE f.shown END,
        unconfirmed = CASE WHEN h.unchanged
            THEN nullif(($8::text[])[h.place]::integer[], '{}') ELSE f.unconfirmed END
        """,
        [visit.shown[name] for name in visit.wanted],
        # asyncpg has no arrays of arrays of different lengths, so each travels as a text.
        [f"{{{','.join(map(str, visit.unconfirmed[name]))}}}" for name in visit.wanted],
    )


async def park(
    pool: asyncpg.Pool,
    visit: Visit,
    *,
    cause: str,
    error: str,
    look_after_s: float | None = None,
) -> bool:
    """Leave the member alone until `cause` has ended: `unpark`, and `seen_again` for ABSENT.

    Boards leave an ABSENT account out.

    With `look_after_s` the member is also tried again after that many seconds. A number that an
    EXEMPT member reached is announced although it cannot be shown. A wish that is newer than
    `visit` is tried at once. Returns False as `mark_shown` does.
    """
    if cause == ABSENT:
        # In a transaction of its own: events lock members first, and then their surfaces.
        await presence.leave_out(pool, visit.platform, [visit.account_id], "gone")
    return await _note(
        pool,
        visit,
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
    """Free every row whose cause is not among those that still stand. Returns how many rows.

    Rows parked for a cause that concerns their member only stay parked.
    """
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            WITH freed AS (
                -- Locked in the order in which the ledger locks them.
                SELECT member_id, surface FROM twinstream.surfaces
                WHERE platform = $1 AND parked IS NOT NULL AND parked <> ALL ($2::text[])
                ORDER BY member_id, surface
                FOR NO KEY UPDATE
            ), tried AS (
                UPDATE twinstream.surfaces AS f SET parked = NULL, retry_at = NULL, error = NULL
                FROM freed AS u
                WHERE f.member_id = u.member_id AND f.platform = $1 AND f.surface = u.surface
            )
            SELECT count(*) FROM freed
            """,
            platform,
            [*standing, *PERSONAL],
        )
    return count


async def explain_parked(
    pool: asyncpg.Pool,
    platform: Platform,
    causes: Mapping[str, str],
    *,
    otherwise: str | None = None,
    limit: int,
) -> None:
    """Give up to `limit` parked rows the sentence of their cause, or else `otherwise`.

    A platform may have refused a visit before the cause was known. Rows parked for a cause that
    concerns their member only stay as they are, and so do rows that another transaction has locked.
    """
    if not causes and otherwise is None:
        return  # as at nearly every survey: nothing hinders
    with mapped_errors():
        await pool.execute(
            """
            WITH parked AS (
                -- A row that is locked is being changed. The next survey finds it again.
                SELECT f.member_id, f.surface, coalesce(s.why, $4) AS why
                FROM twinstream.surfaces AS f
                LEFT JOIN unnest($2::text[], $3::text[]) AS s (cause, why) ON s.cause = f.parked
                WHERE f.platform = $1 AND f.parked IS NOT NULL AND f.parked <> ALL ($5::text[])
                    AND f.error <> coalesce(s.why, $4)
                ORDER BY f.member_id, f.surface LIMIT $6
                FOR NO KEY UPDATE OF f SKIP LOCKED
            )
            UPDATE twinstream.surfaces AS f SET error = p.why
            FROM parked AS p
            WHERE f.member_id = p.member_id AND f.platform = $1 AND f.surface = p.surface
            """,
            platform,
            list(causes),
            list(causes.values()),
            otherwise,
            list(PERSONAL),
            limit,
        )


async def note_hindrance(pool: asyncpg.Pool, platform: Platform, why: str, *, limit: int) -> None:
    """Note why nobody is visited, on up to `limit` rows that wait and were not refused themselves.

    A ladder that changed is left out, as it is on the operator's screen.
    """
    await _note_hindrance(pool, platform, why, limit)


async def forget_hindrance(pool: asyncpg.Pool, platform: Platform) -> None:
    """Take back what `note_hindrance` noted: members are visited again."""
    await _note_hindrance(pool, platform, None, None)


async def _note_hindrance(
    pool: asyncpg.Pool, platform: Platform, why: str | None, limit: int | None
) -> None:
    with mapped_errors():
        await pool.execute(
            """
            WITH hindered AS (
                -- A row that is locked is being changed. The next survey finds it again.
                SELECT member_id, surface FROM twinstream.surfaces
                WHERE platform = $1 AND wanted IS DISTINCT FROM shown AND parked IS NULL
                    AND priority < $2 AND attempts = 0 AND error IS DISTINCT FROM $3
                ORDER BY member_id, surface LIMIT $4
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE twinstream.surfaces AS f SET error = $3
            FROM hindered AS h
            WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
            """,
            platform,
            BACKFILL,
            why,
            limit,
        )


async def waiting(pool: asyncpg.Pool, platform: Platform, *, counted_max: int | None = None) -> int:
    """Count the surfaces that are due or put off: not shown as wanted, and not parked.

    With `counted_max` no more than that many are counted.
    """
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            SELECT count(*) FROM (
                SELECT FROM twinstream.surfaces
                WHERE platform = $1 AND wanted IS DISTINCT FROM shown AND parked IS NULL
                LIMIT $2
            ) AS s
            """,
            platform,
            counted_max,
        )
    return count


async def parked(pool: asyncpg.Pool, platform: Platform) -> int:
    """Count the surfaces that are not tried until the operator has removed a cause.

    Members who are not there, or whom no bot may change, are no trouble of the operator's.
    """
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            SELECT count(*) FROM twinstream.surfaces
            WHERE platform = $1 AND parked IS NOT NULL AND parked <> ALL ($2::text[])
                AND wanted IS DISTINCT FROM shown
            """,
            platform,
            list(PERSONAL),
        )
    return count


# Locks in the order in which the ledger locks. By account, because a link may have moved the rows.
_LOCK = """
    SELECT FROM twinstream.surfaces AS f
    JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
    WHERE a.platform = $1 AND a.account_id = $2
    ORDER BY f.surface
    FOR NO KEY UPDATE OF f
"""

# The surfaces of account $2, each with the number that was wanted when it was taken (NULL for a
# surface that a link brought since), and whether the wish is still the same.
_THEIRS = """
    SELECT f.member_id, f.surface, w.number, w.place,
        coalesce(f.wanted_at = w.wanted_at, false) AS unchanged
    FROM twinstream.surfaces AS f
    JOIN twinstream.accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
    LEFT JOIN unnest($4::text[], $5::integer[], $6::timestamptz[]) WITH ORDINALITY
        AS w (surface, number, wanted_at, place) USING (surface)
    WHERE a.platform = $1 AND a.account_id = $2
"""
# Of these, the surfaces that the worker with the lease until $3 still has.
_IN_HAND = f"{_THEIRS} AND f.taken_until = $3"


async def _note(
    pool: asyncpg.Pool, visit: Visit, changes: str, *arguments: object, of: str = _IN_HAND
) -> bool:
    """Make the same changes to all surfaces of a visited member. Returns whether there are any.

    `changes` is the SQL after SET, for a row `f` of `surfaces` and the row `h` of `of`; what it
    needs besides follows as $7 and so on.
    """
    names = list(visit.wanted)
    with mapped_errors():
        async with pool.acquire() as conn, conn.transaction(isolation="read_committed"):
            # A statement does not see surfaces of a link that commits while it waits for a lock.
            # The locks are therefore taken by a statement of their own.
            await conn.execute(_LOCK, visit.platform, visit.account_id)
            tag: str = await conn.execute(
                f"""
                WITH h AS ({of})
                UPDATE twinstream.surfaces AS f SET {changes}
                FROM h
                WHERE f.member_id = h.member_id AND f.platform = $1 AND f.surface = h.surface
                """,  # noqa: S608 - this module's own constants
                visit.platform,
                visit.account_id,
                visit.taken_until,
                names,
                [visit.wanted[name] for name in names],
                [visit.wanted_at[name] for name in names],
                *arguments,
            )
    return tag != "UPDATE 0"
