"""Times that Postgres's clock wrote before it was set back, and that lie in its future since."""

from typing import Final

import asyncpg

from ..errors import mapped_errors
from . import wishes

#: Seconds by which a wish may seem to lie in the future: transactions see the time of their begin.
WISHED_S_MAX: Final = 60.0
#: Seconds that no lease on a member lasts.
LEASE_S_MAX: Final = 900.0
#: Seconds for which no visit is postponed, unless the member is parked: an hour more than the six
#: hours after which members are visited who never finish the screening of their Discord server.
RETRY_S_MAX: Final = 7 * 3_600.0
#: Seconds for which no visit is postponed, however often it was refused, but for the screening.
SELDOM_RETRY_S_MAX: Final = 900.0
#: Seconds for which the screening postpones no visit, doubled with each refusal.
FIRST_RETRY_S_MAX: Final = 120.0
#: Rows that one call changes, so that its transaction stays short.
ROWS_MAX: Final = 1_000


#: The longest delay of a row that was refused so often.
_DELAY_MAX: Final = f"""make_interval(secs => least(
    $3, greatest({SELDOM_RETRY_S_MAX}, {FIRST_RETRY_S_MAX} * 2 ^ least(attempts, 16))
))"""
#: A time that no wish, lease or delay explains. Its first part is the condition of an index.
_AHEAD: Final = f"""
    (
        wanted IS DISTINCT FROM shown
        AND greatest(wanted_at, retry_at, taken_until) > now() + make_interval(secs => $1)
        OR taken_until > now() + make_interval(secs => $2)
    ) AND (
        wanted_at > now() + make_interval(secs => $1)
        OR taken_until > now() + make_interval(secs => $2)
        OR parked IS NULL AND retry_at > now() + {_DELAY_MAX}
    )
"""


async def bring_back(conn: asyncpg.Connection) -> int:
    """Make members due now whose times no wish, lease or delay explains. Returns how many rows.

    How long a delay may be depends on how often the member's visits were refused in a row. A
    platform that asks everyone to wait longer is not asked earlier: the role remembers that.

    Their true times are unknown, and nothing else would show these members until the clock is where
    it was. A visit that is under way is repeated. Where there is such a row, the delays of all
    other members are in doubt as well, so a member who is put off is visited once too early. The
    delays go first, because the rows ahead are what tells of them: call again until it returns 0.
    The caller owns the transaction, which changes ROWS_MAX rows at most.
    """
    with mapped_errors():
        put_off = await conn.fetch(
            f"""
            UPDATE twinstream.surfaces AS f SET retry_at = now()
            FROM (
                SELECT member_id, platform, surface FROM twinstream.surfaces
                WHERE wanted IS DISTINCT FROM shown AND parked IS NULL AND retry_at > now()
                    AND retry_at <= now() + {_DELAY_MAX}
                    AND EXISTS (SELECT FROM twinstream.surfaces WHERE {_AHEAD})
                ORDER BY member_id, surface LIMIT $4
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS p
            WHERE f.member_id = p.member_id AND f.platform = p.platform AND f.surface = p.surface
            RETURNING 1
            """,  # noqa: S608 - a condition of this module
            WISHED_S_MAX,
            LEASE_S_MAX,
            RETRY_S_MAX,
            ROWS_MAX,
        )
        if put_off:
            return len(put_off)
        rows = await conn.fetch(
            f"""
            WITH ahead AS (
                SELECT member_id, platform, surface FROM twinstream.surfaces
                WHERE {_AHEAD}
                ORDER BY member_id, surface LIMIT $4
                FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE twinstream.surfaces AS f SET
                {wishes.NOT_AHEAD},
                taken_until = CASE WHEN f.taken_until > now() + make_interval(secs => $2)
                    THEN now() ELSE f.taken_until END,
                retry_at = CASE WHEN f.parked IS NULL THEN least(f.retry_at, now())
                    ELSE f.retry_at END
            FROM ahead AS a
            WHERE f.member_id = a.member_id AND f.platform = a.platform AND f.surface = a.surface
            RETURNING 1
            """,  # noqa: S608 - an assignment and a condition of this room
            WISHED_S_MAX,
            LEASE_S_MAX,
            RETRY_S_MAX,
            ROWS_MAX,
        )
    return len(rows)
