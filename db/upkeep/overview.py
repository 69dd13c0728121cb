"""Figures for the operator's screen: what flows, what waits, what is buried, parked and held.

Each query reads an index that holds nothing else, or a bounded number of rows.
"""

from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform
from ..surfaces import BACKFILL, PERSONAL

#: The newest rows that a figure "in the last minute" or "in the last hour" looks at.
NEWEST: Final = 10_000
#: Rows that are counted, because counting millions takes a second.
COUNTED_MAX: Final = 10_000
#: Seconds that a transaction of another program may keep locks before the screen names it: ours
#: take milliseconds.
LOCKED_S: Final = 10.0
#: Seconds after which a surface that was refused counts as put off: a platform that asks to wait,
#: or is away for a moment, is no trouble of the operator's.
PUT_OFF_S: Final = 120.0
#: Seconds after which a published event that is not settled counts as one that is waiting.
LATE_S: Final = 10.0

#: Locks of a table that keep its rows from being changed, or come with locks of its rows.
_HOLDING: Final = (
    "RowShareLock",
    "RowExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
#: The statement by which an operator ends a transaction that holds members.
TERMINATE: Final = "SELECT pg_terminate_backend({pid})"


class Flow(NamedTuple):
    """Ledger entries of events of one source, in the last minute."""

    source: Platform
    recorded: float
    """A minute, at the origin."""
    arrived: float
    """A minute, on the other side."""


class Unpublished(NamedTuple):
    """Events of one source that are in the record and not yet on their stream."""

    source: Platform
    events: int
    oldest_s: float


class Buried(NamedTuple):
    """Buried events of one source and reason."""

    source: Platform
    reason: str
    """The reason of the newest one; numbers in the others' may differ."""
    events: int
    newest_id: int


class PutOff(NamedTuple):
    """Surfaces of one platform that were tried, and are still not shown long after."""

    platform: Platform
    surfaces: int
    oldest_s: float
    error: str
    """The sentence of the newest refusal."""


class Parked(NamedTuple):
    """Surfaces of one platform that are not tried until their cause is gone."""

    platform: Platform
    cause: str
    surfaces: int
    error: str
    """The sentence of one of them."""
    is_personal: bool
    """Whether the cause is the member's own, so that nothing is left to do."""


class ParkedPlace(NamedTuple):
    """A place that takes no announcements until a person has changed something."""

    platform: Platform
    place: str
    """In the words of the settings, such as `topic 42`."""
    cause: str
    error: str
    """The platform's own words."""
    parked_s: float


class LastPass(NamedTuple):
    """The last pass over the community that ended."""

    id: int
    stopped_because: str | None
    ended_s: float


class HeldExample(NamedTuple):
    """One of the findings that wait for the operator."""

    platform: Platform
    subject: str
    account_id: int | None
    display_name: str | None


class Links(NamedTuple):
    """How many links were made and ended in the last hour."""

    made: int
    ended: int


class Locker(NamedTuple):
    """A transaction that has kept locks on our tables for long."""

    pid: int
    login: str
    """Empty if its role was dropped meanwhile."""
    program: str
    locked_s: float | None
    """None where this login may not see since when."""


async def flow(conn: asyncpg.Connection) -> list[Flow]:
    """Return how many events of each source a minute were recorded, and arrived."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH newest AS (
                SELECT source, platform, created_at FROM twinstream.transactions
                ORDER BY id DESC LIMIT $1
            ), span AS (
                -- More than NEWEST rows a minute: the time that so many took.
                SELECT CASE WHEN count(*) = $1
                    THEN greatest(least(60, extract(epoch FROM now() - min(created_at))), 0.1)
                    ELSE 60 END AS seconds
                FROM newest
            )
            SELECT n.source,
                (count(*) FILTER (WHERE n.platform = n.source) * 60 / s.seconds)::float8,
                (count(*) FILTER (WHERE n.platform <> n.source) * 60 / s.seconds)::float8
            FROM newest AS n CROSS JOIN span AS s
            WHERE n.created_at > now() - make_interval(secs => s.seconds::float8)
            GROUP BY n.source, s.seconds
            """,
            NEWEST,
        )
    return [Flow(*row) for row in rows]


async def unpublished(conn: asyncpg.Connection) -> list[Unpublished]:
    """Count what waits for the relay, by source."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT source, count(*), extract(epoch FROM now() - min(created_at))::float8
            FROM (
                SELECT source, created_at FROM twinstream.sync_events WHERE status = 'pending'
                ORDER BY source, id LIMIT $1
            ) AS p
            GROUP BY source ORDER BY source DESC
            """,
            COUNTED_MAX,
        )
    return [Unpublished(*row) for row in rows]


async def buried(conn: asyncpg.Connection) -> list[Buried]:
    """Count what was buried by source and reason, the most frequent first."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT source, left((array_agg(error_message ORDER BY id DESC))[1], 300), count(*),
                max(id)
            FROM (
                SELECT id, source, error_message FROM twinstream.sync_events
                WHERE status = 'failed' ORDER BY id DESC LIMIT $1
            ) AS f
            -- Reasons name keys and amounts: the words between them make the kind.
            GROUP BY source,
                regexp_replace(left(error_message, 300), '[[:alnum:]_.-]*[0-9][^ ]*', '#', 'g')
            ORDER BY 3 DESC, 4 DESC
            """,
            COUNTED_MAX,
        )
    return [Buried(*row) for row in rows]


async def put_off(conn: asyncpg.Connection) -> list[PutOff]:
    """Count the surfaces that a refusal has put off for long, by platform.

    A ladder that changed takes hours at the platforms' limits, so its surfaces do not count.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, count(*), extract(epoch FROM now() - min(wanted_at))::float8,
                left((array_agg(error ORDER BY retry_at DESC NULLS LAST))[1], 300)
            FROM (
                SELECT platform, priority, wanted_at, retry_at, error FROM twinstream.surfaces
                WHERE parked IS NULL AND wanted IS DISTINCT FROM shown LIMIT $1
            ) AS s
            WHERE error IS NOT NULL AND priority < $2
                AND wanted_at < now() - make_interval(secs => $3)
            GROUP BY platform ORDER BY platform DESC
            """,
            COUNTED_MAX,
            BACKFILL,
            PUT_OFF_S,
        )
    return [PutOff(*row) for row in rows]


async def parked(conn: asyncpg.Connection) -> list[Parked]:
    """Count the surfaces that are parked, by platform and cause, the most frequent first."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, parked, count(*), left(min(error), 300), parked = ANY ($2::text[])
            FROM (
                SELECT platform, parked, error FROM twinstream.surfaces
                WHERE parked IS NOT NULL AND wanted IS DISTINCT FROM shown LIMIT $1
            ) AS s
            GROUP BY platform, parked ORDER BY 3 DESC, platform DESC, parked
            """,
            COUNTED_MAX,
            list(PERSONAL),
        )
    return [Parked(*row) for row in rows]


async def parked_places(conn: asyncpg.Connection) -> list[ParkedPlace]:
    """Return the places that take no announcements, the longest first."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, place, cause, error, extract(epoch FROM now() - parked_at)::float8
            FROM twinstream.parked_places ORDER BY parked_at, platform, place
            """
        )
    return [ParkedPlace(*row) for row in rows]


async def last_pass(conn: asyncpg.Connection) -> LastPass | None:
    """Return the last pass over the community that ended, finished or stopped."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT id, stopped_because, extract(epoch FROM now() - finished_at)::float8
            FROM twinstream.reconcile_runs
            WHERE status <> 'running' AND member_id IS NULL AND NOT dry_run
            ORDER BY finished_at DESC LIMIT 1
            """
        )
    return None if row is None else LastPass(*row)


async def held_examples(conn: asyncpg.Connection) -> list[HeldExample]:
    """Return one held finding of each platform and subject."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT ON (d.platform, d.subject) d.platform, d.subject, d.account_id,
                a.display_name
            FROM (
                SELECT platform, subject, account_id FROM twinstream.drift
                WHERE decision = 'held' LIMIT $1
            ) AS d
            LEFT JOIN twinstream.accounts AS a USING (platform, account_id)
            ORDER BY d.platform, d.subject, d.account_id
            """,
            COUNTED_MAX,
        )
    return [HeldExample(*row) for row in rows]


async def links_in_last_hour(conn: asyncpg.Connection) -> Links:
    """Count the links of the last hour, among the newest."""
    with mapped_errors():
        row = await conn.fetchrow(
            """
            SELECT count(*) FILTER (WHERE linked_at > now() - interval '1 hour'),
                count(*) FILTER (WHERE coalesce(undone_at, unlinked_at) > now() - interval '1 hour')
            FROM (
                SELECT linked_at, unlinked_at, undone_at FROM twinstream.links
                ORDER BY id DESC LIMIT $1
            ) AS l
            """,
            NEWEST,
        )
    return Links(*row)


async def late_members(conn: asyncpg.Connection) -> dict[Platform, int]:
    """Count the accounts whose published events have waited for LATE_S or longer, by source."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT source, count(DISTINCT account_id) FROM (
                SELECT source, account_id FROM twinstream.sync_events
                WHERE status = 'published' AND published_at < now() - make_interval(secs => $1)
                ORDER BY published_at LIMIT $2
            ) AS e
            GROUP BY source
            """,
            LATE_S,
            COUNTED_MAX,
        )
    return dict(rows)


async def lockers(conn: asyncpg.Connection) -> list[Locker]:
    """Return the transactions that have kept locks on our tables for LOCKED_S or longer.

    The members whose rows they locked are held: their events wait.

    The start of another login's transaction can be seen by logins with `pg_read_all_stats` only;
    without it, such transactions are returned with an unknown age.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT a.pid, coalesce(a.usename, ''), a.application_name,
                extract(epoch FROM clock_timestamp() - a.xact_start)::float8
            FROM pg_stat_activity AS a
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                -- Autovacuum has no login. Other logins' kind may be hidden.
                AND a.usesysid IS NOT NULL
                AND coalesce(a.backend_type, 'client backend') = 'client backend'
                AND (a.xact_start IS NULL
                    OR a.xact_start < clock_timestamp() - make_interval(secs => $1))
                AND EXISTS (
                    -- A lock of rows appears as one of their table, which does not say which rows.
                    -- VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY lock tables in another mode,
                    -- and indexes in one of these.
                    SELECT FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
                    WHERE l.pid = a.pid AND l.granted AND l.mode = ANY ($2::text[])
                        AND c.relkind IN ('r', 'p')
                        AND c.relnamespace = 'twinstream'::regnamespace
                )
            ORDER BY 4 DESC NULLS LAST, a.pid
            """,
            LOCKED_S,
            _HOLDING,
        )
    return [Locker(*row) for row in rows]
