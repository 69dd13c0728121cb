"""The state in which accounts should be observed on a platform, for comparison with an observation.

A bot or reconcile asks the record before it looks at the platform, and again afterwards. Only an
account that stood still in between can differ because of a change by hand.

A difference is never written to the platform here. `put_back`, `show_again` and `seen_again` forget
what was shown, and a worker visits the account.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT, LIVE, RECONCILE, presence


class Appearance(NamedTuple):
    """The state in which one account should be observed, if nothing is about to change."""

    account_id: int
    member_id: int
    numbers: dict[str, int]
    """Surface to the number that was shown last."""
    is_still: bool
    """Everything wanted was shown before the given moment, and no worker has the account."""
    is_absent: bool
    """The platform said that the account is not there, to a visit or to a bot."""


class Shown(NamedTuple):
    """The numbers of an account that were shown before a given moment and are still wanted."""

    numbers: Mapping[str, int]
    settled: bool
    """Whether `numbers` is complete: no surface waits to be shown."""
    absent: bool
    """Whether the record says that the account is not there."""
    recorded: frozenset[str] = frozenset()
    """Every surface that the record has of the account; none for a member who reached nothing."""


class Count(NamedTuple):
    """How many accounts have the same surface wanted and shown in the same way."""

    surface: str
    wanted: int
    shown: int | None
    is_still: bool
    is_absent: bool
    accounts: int


async def clock(conn: asyncpg.Connection | asyncpg.Pool) -> datetime:
    """Return the time of Postgres's clock, by which the record is dated."""
    with mapped_errors():
        now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


async def accounts_after(
    conn: asyncpg.Connection, platform: Platform, after: int, limit: int
) -> list[int]:
    """Return up to `limit` accounts above `after` that have a surface, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.account_id FROM twinstream.accounts AS a
            WHERE a.platform = $1 AND a.account_id > $2 AND EXISTS (
                SELECT FROM twinstream.surfaces AS f
                WHERE f.member_id = a.member_id AND f.platform = a.platform
            )
            ORDER BY a.account_id LIMIT $3
            """,
            platform,
            after,
            limit,
        )
    return [account_id for (account_id,) in rows]


async def appearances(
    conn: asyncpg.Connection | asyncpg.Pool,
    platform: Platform,
    account_ids: Collection[int],
    moment: datetime,
) -> dict[int, Appearance]:
    """Return by account what an observation after `moment` should find.

    Accounts that never had a surface are left out.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.account_id, f.member_id, array_agg(f.surface ORDER BY f.surface) AS surfaces,
                array_agg(f.shown ORDER BY f.surface) AS numbers,
                bool_and(f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3
                    AND coalesce(f.taken_until <= clock_timestamp(), true)) AS is_still,
                coalesce(bool_or(f.parked = $4), false) OR a.left_out IS NOT DISTINCT FROM 'gone'
                    AS is_absent
            FROM twinstream.accounts AS a
            JOIN twinstream.surfaces AS f ON f.member_id = a.member_id AND f.platform = a.platform
            WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
            GROUP BY a.platform, a.account_id, f.member_id
            """,
            platform,
            list(account_ids),
            moment,
            ABSENT,
        )
    return {row["account_id"]: _appearance(row) for row in rows}


def _appearance(row: asyncpg.Record) -> Appearance:
    numbers = zip(row["surfaces"], row["numbers"], strict=True)
    return Appearance(
        account_id=row["account_id"],
        member_id=row["member_id"],
        numbers={surface: number for surface, number in numbers if number is not None},
        is_still=row["is_still"],
        is_absent=row["is_absent"],
    )


async def note_absent(
    pool: asyncpg.Pool,
    platform: Platform,
    account_ids: Sequence[int],
    moment: datetime,
    *,
    why: str,
) -> int:
    """Park accounts that the platform, asked after `moment`, reported to be absent.

    `why` is the text for operators. `seen_again` frees an account once the platform mentions it. An
    account whose surfaces changed since `moment` is not parked. Returns how many surfaces were
    parked. Boards leave all of them out.
    """
    await presence.leave_out(pool, platform, account_ids, "gone")
    with mapped_errors():
        count: int = await pool.fetchval(
            """
            WITH theirs AS (
                -- Locked in the order in which the ledger locks them.
                SELECT f.member_id, f.surface
                FROM twinstream.accounts AS a
                JOIN twinstream.surfaces AS f ON f.member_id = a.member_id
                    AND f.platform = a.platform
                WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
                ORDER BY f.member_id, f.surface
                FOR NO KEY UPDATE OF f
            ), noted AS (
                -- Judged under the lock: a row that changed since the moment proves nothing.
                UPDATE twinstream.surfaces AS f SET parked = $4, retry_at = 'infinity', error = $5
                FROM theirs AS t
                WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
                    AND f.parked IS DISTINCT FROM $4
                    AND f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3
                    AND coalesce(f.taken_until <= clock_timestamp(), true)
                RETURNING 1
            )
            SELECT count(*) FROM noted
            """,
            platform,
            list(account_ids),
            moment,
            ABSENT,
            why,
        )
    return count


async def counts(pool: asyncpg.Pool, platform: Platform) -> list[Count]:
    """Count the surfaces of a platform by what is wanted and shown."""
    with mapped_errors():
        rows = await pool.fetch(
            """
            SELECT f.surface, f.wanted, f.shown,
                coalesce(f.taken_until <= clock_timestamp(), true) AS is_still,
                f.parked IS NOT DISTINCT FROM $2 AS is_absent, count(*) AS accounts
            FROM twinstream.surfaces AS f WHERE f.platform = $1
            GROUP BY 1, 2, 3, 4, 5
            """,
            platform,
            ABSENT,
        )
    return [Count(*row) for row in rows]


async def shown_before(
    conn: asyncpg.Connection, platform: Platform, account_id: int, moment: datetime
) -> Shown:
    """Return what an observation of this account at `moment` should have found."""
    with mapped_errors():
        found = await conn.fetch(
            """
            SELECT f.surface, f.shown, f.parked, g.is_gone,
                f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3 AS settled
            FROM (
                -- One row, so that an account without surfaces has an answer too.
                SELECT EXISTS (
                    SELECT FROM twinstream.accounts_left_out
                    WHERE platform = $1 AND account_id = $2 AND left_out = 'gone'
                ) AS is_gone
            ) AS g
            LEFT JOIN twinstream.shown_surfaces AS f ON f.platform = $1 AND f.account_id = $2
            """,
            platform,
            account_id,
            moment,
        )
    rows = [row for row in found if row["surface"] is not None]
    return Shown(
        numbers={row["surface"]: row["shown"] for row in rows if row["settled"]},
        settled=bool(rows) and all(row["settled"] for row in rows),
        absent=any(row["is_gone"] or row["parked"] == ABSENT for row in found),
        recorded=frozenset(row["surface"] for row in rows),
    )


async def put_back(conn: asyncpg.Connection, platform: Platform, account_id: int) -> bool:
    """Forget what was shown of this account, because people changed it by hand.

    A member without a rank may get a row by this, so that a visit takes what people gave them.
    Returns False, and does nothing, for an account that the record does not know.
    """
    await _forget(conn, platform, account_id, only_absent=False, priority=RECONCILE)
    with mapped_errors():
        is_known: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM twinstream.shown_surfaces"
            " WHERE platform = $1 AND account_id = $2)",
            platform,
            account_id,
        )
    return is_known


async def show_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget what was shown of this account, because it joined again and shows nothing yet."""
    await _forget(conn, platform, account_id, only_absent=False)


async def seen_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Show an account again that was absent, because the platform mentioned it; boards list it too.

    It may have lost what it showed while it was away. Any other account stays as it is.
    """
    await _forget(conn, platform, account_id, only_absent=True)


async def _forget(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    *,
    only_absent: bool,
    priority: int = LIVE,
) -> None:
    # Each caller has seen the account on its platform, so boards list it again.
    await presence.list_again(conn, platform, [account_id])
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.forget_shown($1, $2, $3, $4)",
            platform,
            account_id,
            only_absent,
            priority,
        )
