"""What passes found: each difference is a row, with what was decided about it and why."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

Decision = Literal["watched", "held", "repaired", "gone", "left", "stopped"]
HeldFor = Literal["history", "number"]
"""Why a finding is held by itself: the row never agreed with the ledger, or the amount is none that
an event can carry."""
#: Findings that one statement decides: nobody waits long for it.
DECIDED_AT_ONCE_MAX = 5_000
#: A member who was watched and not looked at again for so long is not watched any more.
WATCHED_S_MAX = 2 * 24 * 3_600

#: Two rows tell of the same difference. Numbers may move together, while events come in. What is
#: held by itself stays the same finding, whatever the number is by now.
_SAME = """
    n.platform = o.platform AND n.subject = o.subject AND n.subject_id = o.subject_id
    AND n.field = o.field AND (
        (n.held_for IS NOT NULL AND o.held_for IS NOT NULL)
        OR (
            n.difference IS NOT DISTINCT FROM o.difference
            AND (
                n.difference IS NOT NULL OR n.field = 'row'
                OR (n.seen, n.expected) = (o.seen, o.expected)
            )
        )
    )
"""


class Difference(NamedTuple):
    """One field of one member in which a platform differs from the record."""

    platform: Platform
    subject: str
    subject_id: int
    member_id: int | None
    account_id: int | None
    field: str
    seen: str
    expected: str
    difference: int | None
    in_flight: str
    held_for: HeldFor | None = None


class Undecided(NamedTuple):
    """A finding that is still to be decided about."""

    id: int
    difference: Difference
    before: str | None
    """What the last pass that looked there decided, if it found the same: watched or held."""


class Tally(NamedTuple):
    """What would change on one platform and subject."""

    platform: Platform
    subject: str
    looked_at: int
    differing: int
    xp: int
    balance: int


class DriftRow(NamedTuple):
    """One row, for people."""

    id: int
    run_id: int
    platform: Platform
    subject: str
    field: str
    member_id: int | None
    account_id: int | None
    seen: str
    expected: str
    difference: int | None
    in_flight: str
    decision: str
    why: str
    found_at: datetime


#: The types of a difference's fields, in their order.
_TYPES: Final = (
    *("text", "text", "bigint", "bigint", "bigint"),
    *("text", "text", "text", "numeric", "text", "text"),
)


async def add(conn: asyncpg.Connection, run_id: int, found: Sequence[Difference]) -> None:
    """Note what a page showed. Doing so twice notes it once."""
    if not found:
        return
    with mapped_errors():
        await conn.execute(
            f"""
            INSERT INTO drift (run_id, {", ".join(Difference._fields)})
            SELECT $1, * FROM unnest({_arrays(2)})
            ON CONFLICT ON CONSTRAINT drift_once DO NOTHING
            """,  # noqa: S608 - the columns are this module's own
            run_id,
            *map(list, zip(*found, strict=True)),
        )


async def keep_held(
    conn: asyncpg.Connection, run_id: int, found: Sequence[Difference], why: Sequence[str]
) -> list[Difference]:
    """Hold what is held by itself. Returns what was not held before.

    It stays one finding until an operator decides or it is gone: a pass that sees it again notes
    what it is by now.
    """
    if not found:
        return []
    columns = ", ".join(Difference._fields)
    with mapped_errors():
        rows = await conn.fetch(
            f"""
            WITH found AS (
                SELECT * FROM unnest({_arrays(3)}, $2::text[]) AS u ({columns}, why)
            ), seen_again AS (
                UPDATE drift AS o SET decision = 'held', why = n.why, held_for = n.held_for,
                    seen = n.seen, expected = n.expected, difference = n.difference,
                    in_flight = n.in_flight, member_id = n.member_id, seen_again_by = $1,
                    decided_at = now()
                FROM found AS n
                WHERE o.platform = n.platform AND o.subject = n.subject
                    AND o.subject_id = n.subject_id AND o.field = n.field
                    AND o.decision IN ('watched', 'held')
                RETURNING o.platform, o.subject, o.subject_id, o.field
            )
            INSERT INTO drift (run_id, {columns}, why, decision, decided_at)
            SELECT $1, n.*, 'held', now() FROM found AS n
            WHERE (n.platform, n.subject, n.subject_id, n.field) NOT IN (
                SELECT * FROM seen_again
            )
            ON CONFLICT ON CONSTRAINT drift_once DO NOTHING
            RETURNING subject_id, field
            """,  # noqa: S608 - as above
            run_id,
            list(why),
            *map(list, zip(*found, strict=True)),
        )
    fresh = {tuple(row) for row in rows}
    return [one for one in found if (one.subject_id, one.field) in fresh]


def _arrays(first: int) -> str:
    """Name the parameters that carry differences, from the one of this number on."""
    return ", ".join(f"${first + i}::{kind}[]" for i, kind in enumerate(_TYPES))


async def forget_gone(
    conn: asyncpg.Connection, run_id: int, platform: Platform, subject: str, ids: Sequence[int]
) -> None:
    """Note of those who were looked at that what was watched there is not there any more."""
    with mapped_errors():
        await conn.execute(
            f"""
            UPDATE drift AS o SET decision = 'gone', decided_at = now(),
                why = 'pass ' || $1::text || ' did not find it again'
            WHERE o.platform = $2 AND o.subject = $3 AND o.subject_id = ANY ($4::bigint[])
                AND o.decision IN ('watched', 'held') AND o.run_id < $1
                AND o.seen_again_by IS DISTINCT FROM $1
                AND NOT EXISTS (SELECT FROM drift AS n WHERE n.run_id = $1 AND {_SAME})
            """,  # noqa: S608 - as above
            run_id,
            platform,
            subject,
            list(ids),
        )


async def watched_after(
    conn: asyncpg.Connection, platform: Platform, subject: str, after: int, limit: int
) -> list[int]:
    """Return the next ids above `after` of those who are watched, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT subject_id FROM drift
            WHERE platform = $1 AND subject = $2 AND subject_id > $3
                AND decision = 'watched'
            ORDER BY subject_id LIMIT $4
            """,
            platform,
            subject,
            after,
            limit,
        )
    return [subject_id for (subject_id,) in rows]


async def held_after(
    conn: asyncpg.Connection, platform: Platform, subject: str, after: int, limit: int
) -> list[int]:
    """Return the next ids above `after` of those who are held by themselves, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT subject_id FROM drift
            WHERE platform = $1 AND subject = $2 AND subject_id > $3
                AND decision = 'held' AND held_for IS NOT NULL
            ORDER BY subject_id LIMIT $4
            """,
            platform,
            subject,
            after,
            limit,
        )
    return [subject_id for (subject_id,) in rows]


async def held_count(conn: asyncpg.Connection) -> int:
    """Count the findings that are held by themselves, and wait for an operator."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT count(*) FROM drift WHERE decision = 'held' AND held_for IS NOT NULL"
        )
    return count


async def tallies(conn: asyncpg.Connection, run_id: int) -> list[Tally]:
    """Add up what a pass found, for each platform and subject that it has pages of.

    What is held by itself does not count: nothing of it would change.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH looked AS (
                SELECT platform, subject, sum(looked_at)::bigint AS looked_at
                FROM snapshots WHERE run_id = $1 GROUP BY platform, subject
            )
            SELECT l.platform, l.subject, l.looked_at, count(DISTINCT d.subject_id),
                coalesce(sum(abs(d.difference)) FILTER (WHERE d.field LIKE '%xp'), 0),
                coalesce(sum(abs(d.difference)) FILTER (WHERE d.field LIKE '%balance'), 0)
            FROM looked AS l
            LEFT JOIN drift AS d ON d.run_id = $1
                AND d.platform = l.platform AND d.subject = l.subject AND d.held_for IS NULL
            GROUP BY l.platform, l.subject, l.looked_at ORDER BY l.platform, l.subject
            """,
            run_id,
        )
    found = [Tally(*row) for row in rows]
    return [one._replace(xp=int(one.xp), balance=int(one.balance)) for one in found]


async def undecided(conn: asyncpg.Connection, run_id: int, *, limit: int) -> list[Undecided]:
    """Return the next findings of a pass that nothing was decided about yet."""
    with mapped_errors():
        rows = await conn.fetch(
            f"""
            SELECT n.id, {", ".join(f"n.{field}" for field in Difference._fields)},
                (
                    SELECT min(o.decision) FROM drift AS o
                    WHERE o.run_id < n.run_id AND o.decision IN ('watched', 'held') AND {_SAME}
                )
            FROM drift AS n WHERE n.run_id = $1 AND n.decision = 'found' ORDER BY n.id LIMIT $2
            """,  # noqa: S608 - as above
            run_id,
            limit,
        )
    return [Undecided(row[0], _difference(row[1:-1]), row[-1]) for row in rows]


def _difference(values: Sequence[Any]) -> Difference:
    """Read a row. Postgres's `numeric` comes as a Decimal."""
    one = Difference(*values)
    return one._replace(difference=_whole(one.difference))


def _whole(number: Decimal | int | None) -> int | None:
    return None if number is None else int(number)


async def hold(conn: asyncpg.Connection, finding_id: int) -> bool:
    """Lock a finding that is still to be decided about. False: somebody has decided meanwhile."""
    with mapped_errors():
        held: int | None = await conn.fetchval(
            """
            SELECT 1 FROM drift AS d JOIN reconcile_runs AS r ON r.id = d.run_id
            WHERE d.id = $1 AND d.decision = 'found' AND r.status = 'running'
            FOR NO KEY UPDATE OF d FOR SHARE OF r
            """,
            finding_id,
        )
    return held is not None


async def decide(
    conn: asyncpg.Connection,
    ids: Sequence[int],
    decision: Decision,
    why: Sequence[str],
    *,
    idempotency_key: str | None = None,
    dry_run: bool = False,
) -> None:
    """Note what was decided about findings, and that what was watched before led to it.

    After a dry run everything that was watched is watched as before.
    """
    with mapped_errors():
        await conn.execute(
            """
            UPDATE drift AS d SET decision = $2, why = u.why, idempotency_key = $4,
                decided_at = now()
            FROM unnest($1::bigint[], $3::text[]) AS u (id, why)
            WHERE d.id = u.id AND d.decision = 'found'
            """,
            list(ids),
            decision,
            list(why),
            idempotency_key,
        )
        if dry_run:
            return
        await conn.execute(
            f"""
            UPDATE drift AS o SET decision = 'confirmed', decided_at = now(),
                why = o.why || ' Seen again by pass ' || n.run_id || ': ' || n.decision || '.'
            FROM drift AS n
            WHERE n.id = ANY ($1::bigint[]) AND n.decision NOT IN ('found', 'stopped')
                AND o.run_id < n.run_id AND o.decision IN ('watched', 'held') AND {_SAME}
            """,  # noqa: S608 - as above
            list(ids),
        )


async def decide_all(conn: asyncpg.Connection, run_id: int, decision: Decision, why: str) -> int:
    """Decide the same about the next few undecided findings of a pass. Returns how many."""
    found = await undecided(conn, run_id, limit=DECIDED_AT_ONCE_MAX)
    ids = [one.id for one in found]
    if ids:
        await decide(conn, ids, decision, [why] * len(ids))
    return len(ids)


async def forget_old(conn: asyncpg.Connection) -> None:
    """End the watch over those who were not looked at again, because they are no more."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE drift SET decision = 'gone', decided_at = now(),
                why = 'nothing is there any more that could be looked at again'
            WHERE decision = 'watched'
                AND found_at < now() - make_interval(secs => $1)
            """,
            WATCHED_S_MAX,
        )


async def of_run(conn: asyncpg.Connection, run_id: int, *, limit: int) -> list[DriftRow]:
    """Return what a pass found, for people, in the order in which it was found."""
    with mapped_errors():
        rows = await conn.fetch(
            f"SELECT {', '.join(DriftRow._fields)} FROM drift"  # noqa: S608 - as above
            " WHERE run_id = $1 ORDER BY id LIMIT $2",
            run_id,
            limit,
        )
    found = [DriftRow(*row) for row in rows]
    return [one._replace(difference=_whole(one.difference)) for one in found]


async def decisions_of(conn: asyncpg.Connection, run_id: int) -> dict[str, int]:
    """Count what was decided in a pass."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT decision, count(*) FROM drift WHERE run_id = $1 GROUP BY decision ORDER BY 1",
            run_id,
        )
    return dict(rows)
