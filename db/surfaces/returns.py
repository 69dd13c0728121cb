"""What an account should be seen with, and having it shown again when it is not.

Nothing is written to a platform here: what was shown is forgotten, and a worker finds the
difference.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from . import ABSENT, LIVE, RECONCILE
from .wishes import MAY_BE_SEEN, want_again


class Shown(NamedTuple):
    """What an account shows, as far as it was shown before a given moment and is still wanted."""

    numbers: Mapping[str, int]
    settled: bool
    """Whether `numbers` is all there is: nothing is still to be shown."""
    absent: bool
    """Whether the account is thought not to be there."""


async def shown_before(
    conn: asyncpg.Connection, platform: Platform, account_id: int, moment: datetime
) -> Shown:
    """Return what somebody who looked at `moment` should have seen of this account."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT f.surface, f.shown, f.parked,
                f.wanted IS NOT DISTINCT FROM f.shown AND f.shown_at < $3 AS settled
            FROM surfaces AS f
            JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            platform,
            account_id,
            moment,
        )
    return Shown(
        numbers={row["surface"]: row["shown"] for row in rows if row["settled"]},
        settled=bool(rows) and all(row["settled"] for row in rows),
        absent=any(row["parked"] == ABSENT for row in rows),
    )


async def put_back(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget what was shown to this account: people changed it by hand."""
    await _forget(conn, platform, account_id, only_absent=False, priority=RECONCILE)


async def show_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Forget what was shown to this account: it joined anew, so it shows nothing yet."""
    await _forget(conn, platform, account_id, only_absent=False)


async def seen_again(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Show again to an account that was parked as absent: it has been heard of. Else do nothing.

    Nobody knows whether it was away, and lost what it showed.
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
    # What a visit that is under way may still leave there is not forgotten.
    with mapped_errors():
        await conn.execute(
            f"""
            WITH theirs AS (
                SELECT f.member_id, f.surface
                FROM surfaces AS f
                JOIN accounts AS a ON a.member_id = f.member_id AND a.platform = f.platform
                WHERE a.platform = $1 AND a.account_id = $2 AND (NOT $3 OR f.parked = '{ABSENT}')
                ORDER BY f.surface
                FOR NO KEY UPDATE OF f
            )
            UPDATE surfaces AS f SET {want_again(priority="$4")}, shown = NULL, forgotten = true,
                unconfirmed = CASE WHEN $3 OR f.taken_until > now()
                    THEN array(SELECT DISTINCT unnest({MAY_BE_SEEN} || 0)) END
            FROM theirs AS t
            WHERE f.member_id = t.member_id AND f.platform = $1 AND f.surface = t.surface
            """,  # noqa: S608 - a constant
            platform,
            account_id,
            only_absent,
            priority,
        )
