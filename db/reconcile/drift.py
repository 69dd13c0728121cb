"""The findings of passes: one row per difference, with what was decided about it and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from .compared_fields import BALANCE_AMOUNTS, XP_AMOUNTS, Field

Decision = Literal["watched", "held", "repaired", "gone", "left", "stopped"]
HeldFor = Literal["history", "number"]
"""Why a finding is held by itself: the row never agreed with the ledger, or no event can carry the
amount."""
#: Findings decided by one statement: few enough that no other transaction waits long for its locks.
DECIDED_AT_ONCE_MAX = 5_000
#: How long a finding stays watched that no pass could look at again, in seconds: two days, twice
#: the time within which a sweep looks at everybody by default.
WATCHED_S_MAX = 2 * 24 * 3_600

#: SQL: whether the rows `n` and `o` report the same difference. The numbers on both sides may move
#: together while events come in. A finding that is held by itself stays the same one whatever its
#: number is by now.
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
    """The member for books, the account for every other subject."""
    member_id: int | None
    account_id: int | None
    field: Field
    seen: str
    expected: str
    amount: int | None
    """Seen less expected, where both are numbers; the column `difference`."""
    in_flight: str
    held_for: HeldFor | None = None
    """Why the finding is held by itself until an operator accepts it, if it is."""


class Finding(NamedTuple):
    """A difference that a pass found, and that is still undecided."""

    run_id: int
    id: int
    difference: Difference
    before: str | None = None
    """`watched` or `held`: what an earlier pass decided about the same difference, if one did."""


class Tally(NamedTuple):
    """The changes on one platform and subject if everything found there were repaired."""

    platform: Platform
    subject: str
    looked_at: int
    differing: int
    xp: int
    balance: int


class Held(NamedTuple):
    """Findings of one kind that wait for an operator."""

    platform: Platform
    subject: str
    held_for: HeldFor | None
    """Why each is held by itself; None where too much differed at once."""
    findings: int


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
    display_name: str | None = None
    """The name that the account had last."""


#: The columns of a difference, with their types.
_COLUMNS: Final[Mapping[str, str]] = {
    "platform": "text",
    "subject": "text",
    "subject_id": "bigint",
    "member_id": "bigint",
    "account_id": "bigint",
    "field": "text",
    "seen": "text",
    "expected": "text",
    "difference": "numeric",
    "in_flight": "text",
    "held_for": "text",
}
_NAMES: Final = ", ".join(_COLUMNS)


def _parameters(first: int) -> str:
    """Name the parameters that carry differences, one array per column, from `$first` on."""
    return ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_COLUMNS.values(), first))


def _arrays(found: Sequence[Difference]) -> list[list[object]]:
    """Return the arguments for `_parameters`: one list per column."""
    rows = [_columns_of(one) for one in found]
    return [[row[column] for row in rows] for column in _COLUMNS]


def _columns_of(one: Difference) -> dict[str, object]:
    columns = one._asdict()
    return columns | {"field": one.field.text, "difference": columns.pop("amount")}


def _difference(row: asyncpg.Record) -> Difference:
    """Read a difference from a row with all of its columns."""
    return Difference(
        platform=row["platform"],
        subject=row["subject"],
        subject_id=row["subject_id"],
        member_id=row["member_id"],
        account_id=row["account_id"],
        field=Field.parse(row["field"]),
        seen=row["seen"],
        expected=row["expected"],
        amount=None if row["difference"] is None else int(row["difference"]),
        in_flight=row["in_flight"],
        held_for=row["held_for"],
    )


async def add(conn: asyncpg.Connection, run_id: int, found: Sequence[Difference]) -> None:
    """Record the differences that a page showed. A page that comes twice is recorded once."""
    if not found:
        return
    with mapped_errors():
        await conn.execute(
            f"""
            INSERT INTO twinstream.drift (run_id, {_NAMES})
            SELECT $1, * FROM unnest({_parameters(2)})
            ON CONFLICT ON CONSTRAINT drift_once DO NOTHING
            """,  # noqa: S608 - this module's own columns
            run_id,
            *_arrays(found),
        )


async def keep_held(
    conn: asyncpg.Connection, run_id: int, found: Sequence[Difference], why: Sequence[str]
) -> list[Difference]:
    """Hold differences by themselves. Returns those that were not held before.

    Such a difference stays one finding until an operator decides or it is gone: a pass that sees it
    again updates its numbers.
    """
    if not found:
        return []
    with mapped_errors():
        rows = await conn.fetch(
            f"""
            -- Two statements use the differences, so the parameters are unnested once.
            WITH found AS (
                SELECT * FROM unnest({_parameters(3)}, $2::text[]) AS u ({_NAMES}, why)
            ),
            -- An operator decides about one finding, however often it is seen: so a finding that an
            -- earlier pass holds or watches stays that pass's, with the numbers of today.
            -- `seen_again_by` keeps `forget_gone` from closing it.
            seen_again AS (
                UPDATE twinstream.drift AS o
                    SET decision = 'held', why = n.why, held_for = n.held_for,
                    seen = n.seen, expected = n.expected, difference = n.difference,
                    in_flight = n.in_flight, member_id = n.member_id, seen_again_by = $1,
                    decided_at = now()
                FROM found AS n
                WHERE o.platform = n.platform AND o.subject = n.subject
                    AND o.subject_id = n.subject_id AND o.field = n.field
                    AND o.decision IN ('watched', 'held')
                RETURNING o.platform, o.subject, o.subject_id, o.field
            )
            -- All others become findings of this pass; a page that comes twice adds none.
            INSERT INTO twinstream.drift (run_id, {_NAMES}, why, decision, decided_at)
            SELECT $1, n.*, 'held', now() FROM found AS n
            WHERE (n.platform, n.subject, n.subject_id, n.field) NOT IN (
                SELECT * FROM seen_again
            )
            ON CONFLICT ON CONSTRAINT drift_once DO NOTHING
            RETURNING subject_id, field
            """,  # noqa: S608 - this module's own columns
            run_id,
            list(why),
            *_arrays(found),
        )
    fresh = {(row["subject_id"], row["field"]) for row in rows}
    return [one for one in found if (one.subject_id, one.field.text) in fresh]


async def forget_gone(
    conn: asyncpg.Connection, run_id: int, platform: Platform, subject: str, ids: Sequence[int]
) -> None:
    """Close what earlier passes watch or hold of these ids, and this pass did not find again."""
    with mapped_errors():
        await conn.execute(
            f"""
            UPDATE twinstream.drift AS o SET decision = 'gone', decided_at = now(),
                why = 'pass ' || $1::text || ' did not find it again'
            WHERE o.platform = $2 AND o.subject = $3 AND o.subject_id = ANY ($4::bigint[])
                AND o.decision IN ('watched', 'held') AND o.run_id < $1
                AND o.seen_again_by IS DISTINCT FROM $1
                AND NOT EXISTS (SELECT FROM twinstream.drift AS n WHERE n.run_id = $1 AND {_SAME})
            """,  # noqa: S608 - this module's own condition
            run_id,
            platform,
            subject,
            list(ids),
        )


async def watched_after(
    conn: asyncpg.Connection, platform: Platform, subject: str, after: int, limit: int
) -> list[int]:
    """Return the next ids above `after` that have a watched finding, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT subject_id FROM twinstream.drift
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
    """Return the next ids above `after` that have a finding held by itself, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT subject_id FROM twinstream.drift
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


async def note_imported(
    conn: asyncpg.Connection,
    platform: Platform,
    subject: str,
    keys: Mapping[tuple[int, str], str],
) -> None:
    """Close what is held of these fields: an event brought what it was about.

    `keys` has the event's key for each id and field.
    """
    if not keys:
        return
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.drift AS d SET decision = 'repaired', idempotency_key = u.key,
                why = d.why || ' It was imported as the event ' || u.key || '.', decided_at = now()
            FROM unnest($3::bigint[], $4::text[], $5::text[]) AS u (subject_id, field, key)
            WHERE d.platform = $1 AND d.subject = $2 AND d.subject_id = u.subject_id
                AND d.field = u.field AND d.decision IN ('watched', 'held')
            """,
            platform,
            subject,
            [subject_id for subject_id, _ in keys],
            [field for _, field in keys],
            list(keys.values()),
        )


async def held_count(conn: asyncpg.Connection) -> int:
    """Count the findings that are held by themselves until an operator decides."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT count(*) FROM twinstream.drift WHERE decision = 'held' AND held_for IS NOT NULL"
        )
    return count


async def held(conn: asyncpg.Connection, *, counted_max: int | None = None) -> list[Held]:
    """Count the findings that wait for an operator, by what they are about.

    With `counted_max` no more than that many are counted: a table with history may have millions.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, subject, held_for, count(*) AS findings FROM (
                SELECT platform, subject, held_for FROM twinstream.drift
                WHERE decision = 'held' LIMIT $1
            ) AS h
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """,
            counted_max,
        )
    return [Held(**row) for row in rows]


async def tallies(conn: asyncpg.Connection, run_id: int) -> list[Tally]:
    """Add up what a pass found, for each platform and subject of which it has pages.

    Findings that are held by themselves do not count: nothing of them would change.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH looked AS (
                SELECT platform, subject, sum(looked_at)::bigint AS looked_at
                FROM twinstream.snapshots WHERE run_id = $1 GROUP BY platform, subject
            )
            SELECT l.platform, l.subject, l.looked_at, count(DISTINCT d.subject_id) AS differing,
                coalesce(sum(abs(d.difference)) FILTER (WHERE d.field = ANY ($2::text[])), 0)
                    AS xp,
                coalesce(sum(abs(d.difference)) FILTER (WHERE d.field = ANY ($3::text[])), 0)
                    AS balance
            FROM looked AS l
            LEFT JOIN twinstream.drift AS d ON d.run_id = $1
                AND d.platform = l.platform AND d.subject = l.subject AND d.held_for IS NULL
            GROUP BY l.platform, l.subject, l.looked_at ORDER BY l.platform, l.subject
            """,
            run_id,
            [*XP_AMOUNTS],
            [*BALANCE_AMOUNTS],
        )
    found = [Tally(**row) for row in rows]
    return [one._replace(xp=int(one.xp), balance=int(one.balance)) for one in found]


async def undecided(conn: asyncpg.Connection, run_id: int, *, limit: int) -> list[Finding]:
    """Return the next undecided findings of a pass."""
    with mapped_errors():
        rows = await conn.fetch(
            f"""
            SELECT n.id, {", ".join(f"n.{column}" for column in _COLUMNS)},
                (
                    SELECT min(o.decision) FROM twinstream.drift AS o
                    WHERE o.run_id < n.run_id AND o.decision IN ('watched', 'held') AND {_SAME}
                ) AS before
            FROM twinstream.drift AS n WHERE n.run_id = $1 AND n.decision = 'found'
            ORDER BY n.id LIMIT $2
            """,  # noqa: S608 - this module's own columns and condition
            run_id,
            limit,
        )
    return [Finding(run_id, row["id"], _difference(row), row["before"]) for row in rows]


async def lock_finding(conn: asyncpg.Connection, finding_id: int) -> bool:
    """Lock an undecided finding of a running pass.

    False: another process has decided it meanwhile, or the pass has ended.
    """
    with mapped_errors():
        locked: int | None = await conn.fetchval(
            """
            SELECT 1 FROM twinstream.drift AS d JOIN twinstream.reconcile_runs AS r
                ON r.id = d.run_id
            WHERE d.id = $1 AND d.decision = 'found' AND r.status = 'running'
            FOR NO KEY UPDATE OF d FOR SHARE OF r
            """,
            finding_id,
        )
    return locked is not None


async def decide(
    conn: asyncpg.Connection,
    ids: Sequence[int],
    decision: Decision,
    why: Sequence[str],
    *,
    idempotency_key: str | None = None,
    dry_run: bool = False,
) -> None:
    """Record what was decided about findings, and close the earlier ones that led to it.

    A dry run closes none: what was watched or held before it stays so.
    """
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.drift AS d SET decision = $2, why = u.why, idempotency_key = $4,
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
            UPDATE twinstream.drift AS o SET decision = 'confirmed', decided_at = now(),
                why = o.why || ' Seen again by pass ' || n.run_id || ': ' || n.decision || '.'
            FROM twinstream.drift AS n
            WHERE n.id = ANY ($1::bigint[]) AND n.decision NOT IN ('found', 'stopped')
                AND o.run_id < n.run_id AND o.decision IN ('watched', 'held') AND {_SAME}
            """,  # noqa: S608 - this module's own condition
            list(ids),
        )


async def decide_all(conn: asyncpg.Connection, run_id: int, decision: Decision, why: str) -> int:
    """Decide the same about the next DECIDED_AT_ONCE_MAX undecided findings of a pass.

    Returns how many were decided.
    """
    found = await undecided(conn, run_id, limit=DECIDED_AT_ONCE_MAX)
    ids = [one.id for one in found]
    if ids:
        await decide(conn, ids, decision, [why] * len(ids))
    return len(ids)


async def forget_old(conn: asyncpg.Connection) -> None:
    """Close watched findings that no pass looked at again: their members or accounts are gone."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE twinstream.drift SET decision = 'gone', decided_at = now(),
                why = 'nothing is there any more that could be looked at again'
            WHERE decision = 'watched'
                AND found_at < now() - make_interval(secs => $1)
            """,
            WATCHED_S_MAX,
        )


async def forget_subject(
    conn: asyncpg.Connection, platform: Platform, subject: str, why: str
) -> int:
    """Close the next findings of a subject that passes compare no more.

    Returns how many were closed, DECIDED_AT_ONCE_MAX at most.
    """
    with mapped_errors():
        closed: int = await conn.fetchval(
            """
            WITH closed AS (
                UPDATE twinstream.drift SET decision = 'gone', why = $3, decided_at = now()
                WHERE id IN (
                    SELECT id FROM twinstream.drift
                    WHERE platform = $1 AND subject = $2 AND decision IN ('watched', 'held')
                    ORDER BY platform, subject, subject_id LIMIT $4
                )
                RETURNING 1
            )
            SELECT count(*) FROM closed
            """,
            platform,
            subject,
            why,
            DECIDED_AT_ONCE_MAX,
        )
    return closed


async def of_run(conn: asyncpg.Connection, run_id: int, *, limit: int) -> list[DriftRow]:
    """Return the findings of a pass, for people, in the order in which it found them."""
    with mapped_errors():
        rows = await conn.fetch(
            f"""
            SELECT {", ".join(f"d.{name}" for name in DriftRow._fields[:-1])}, a.display_name
            FROM twinstream.drift AS d
            LEFT JOIN twinstream.accounts AS a USING (platform, account_id)
            WHERE d.run_id = $1 ORDER BY d.id LIMIT $2
            """,  # noqa: S608 - this module's own columns
            run_id,
            limit,
        )
    found = [DriftRow(**row) for row in rows]
    # Postgres returns `numeric` as a Decimal.
    return [
        one._replace(difference=None if one.difference is None else int(one.difference))
        for one in found
    ]


async def decisions_of(conn: asyncpg.Connection, run_id: int) -> dict[str, int]:
    """Count a pass's findings by decision."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT decision, count(*) FROM twinstream.drift"
            " WHERE run_id = $1 GROUP BY decision ORDER BY 1",
            run_id,
        )
    return dict(rows)
