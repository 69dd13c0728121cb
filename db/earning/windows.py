"""Open windows in Postgres: adding what was earned, and closing what is due or asked for."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from ..errors import DbError, mapped_errors
from ..platforms import PLATFORMS, Platform
from ..stores import store_debts
from ..stores.port import Store

#: Windows of one platform that one transaction of the consumers closes: about 50 ms of work.
CLOSED_MAX: Final = 200

#: Seconds between two closings of a person's windows because the person asks. The ledger keeps
#: each for ever.
ASKED_REST_S: Final = 3_600.0

_EARN: Final = """
    SELECT * FROM twinstream.earn(
        $1, $2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[], $6::date[], $7::float8[],
        $8::bigint[], $9, $10::text[], $11, $12
    )
"""


class Earning(NamedTuple):
    """Something that an account did and that may count."""

    account_id: int
    reason: str
    """The reason of the event that the window becomes: words joined by `_`, such as `messages`."""
    xp: int
    """Its worth, 1 to 10**9, with all multipliers."""
    happened_at: datetime.datetime
    """When the platform says that it happened. It guards against repeats: the clock of this process
    does not serve."""
    cooldown_s: float
    """Seconds since the person's last one for the same reason, at least."""
    xp_per_day_max: int
    """The most that the person may earn for the reason on one day, on both platforms."""


class Earned(NamedTuple):
    """The outcome of an earning."""

    xp: int
    """The XP that counted. 0: it was a repetition, too early, or beyond the limit of the day."""
    last_at: datetime.datetime | None
    """The moment of what counted last for this reason of this person; None for nothing yet."""
    day_xp: int
    """The XP that the person has earned for this reason on the day on which it happened."""


class Rules(NamedTuple):
    """The rules that all earnings of a community share."""

    window_s: float
    """Seconds after which an open window is closed."""
    zone: datetime.tzinfo
    """The zone in which the community's days begin."""
    stores: tuple[Platform, ...] = ()
    """The platforms whose bots keep members in a table of their own."""


class DueClosed(NamedTuple):
    """The outcome of closing what was due."""

    closed: int
    """How many windows became an event."""
    refused: Mapping[int, str]
    """Why the record refuses the windows of an account, by the account."""


async def earn(
    conn: asyncpg.Connection,
    platform: Platform,
    earnings: Sequence[Earning],
    rules: Rules,
    *,
    store: Store | None = None,
    waits_for_locks: bool = False,
    forget_secret: str | None = None,
) -> list[Earned | None]:
    """Add what accounts earned to their windows, in one round trip where there is no store.

    The result is None where another transaction holds the person: call again. With `store`, the
    platform's own table is paid what closed windows brought; the caller owns the transaction.

    Raises:
        RuleBroken: an earning has another form than it must have; nothing was added.
        Contention, StorageUnavailable: nothing was added; call again.
    """
    with mapped_errors():
        rows = await conn.fetch(
            _EARN,
            platform,
            [one.account_id for one in earnings],
            [one.reason for one in earnings],
            [one.xp for one in earnings],
            [one.happened_at for one in earnings],
            [one.happened_at.astimezone(rules.zone).date() for one in earnings],
            [one.cooldown_s for one in earnings],
            [one.xp_per_day_max for one in earnings],
            float(rules.window_s),
            list(rules.stores),
            waits_for_locks,
            forget_secret,
        )
    await _pay(conn, platform, store, {row["member_id"] for row in rows if row["closed"]})
    return [
        None if row["xp"] is None else Earned(row["xp"], row["last_at"], row["day_xp"])
        for row in rows
    ]


async def close_of(
    conn: asyncpg.Connection,
    platform: Platform,
    account_id: int,
    *,
    stores: Sequence[Platform] = (),
    store: Store | None = None,
    rest_s: float = ASKED_REST_S,
) -> bool:
    """Close the windows of the person behind an account, on both platforms.

    None is closed if one of them was within the last `rest_s` seconds. The origin's books have the
    amounts at once, the other platform's once the event has arrived.
    With `store` the caller owns the transaction. Returns whether there were any.

    Raises:
        Contention, StorageUnavailable: nothing was closed.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.close_windows_of($1, $2, $3::text[], $4)",
            platform,
            account_id,
            list(stores),
            rest_s,
        )
    members = {row[0] for row in rows}
    await _pay(conn, platform, store, members)
    return bool(members)


async def close_due(
    conn: asyncpg.Connection,
    platform: Platform,
    *,
    window_s: float,
    stores: Mapping[Platform, Store],
    limit: int = CLOSED_MAX,
    passed_over: Sequence[int] = (),
) -> DueClosed:
    """Close windows of one platform that are old enough.

    People whom other transactions hold are passed over; the next call finds them. So are the
    accounts `passed_over`. Windows that the record refuses stay open, and the others are closed.
    The caller owns the transaction.
    """
    with mapped_errors():
        row = await conn.fetchrow(
            "SELECT * FROM twinstream.close_due_windows($1, $2, $3, $4::text[], $5::bigint[])",
            platform,
            float(window_s),
            limit,
            list(stores),
            list(passed_over),
        )
    await _pay(conn, platform, stores.get(platform), set(row["members"]))
    return DueClosed(row["closed"], dict(zip(row["refused"], row["reasons"], strict=True)))


async def open_windows(conn: asyncpg.Connection) -> dict[Platform, tuple[float, float]]:
    """Return for each platform how many windows are open, and the age of the oldest in seconds."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT p.platform, count(w.opened_at)::float8, greatest(
                0, coalesce(extract(epoch FROM now() - min(w.opened_at)), 0)
            )::float8
            FROM unnest($1::text[]) AS p (platform) LEFT JOIN twinstream.earning_windows AS w
                ON w.platform = p.platform AND w.opened_at IS NOT NULL
            GROUP BY p.platform
            """,
            list(PLATFORMS),
        )
    return {platform: (count, age_s) for platform, count, age_s in rows}


async def _pay(
    conn: asyncpg.Connection, platform: Platform, store: Store | None, members: set[int]
) -> None:
    """Pay the platform's own table what it is owed for these members by now.

    A row that is refused keeps its debt, which the consumers pay once the row is right.
    """
    if store is None or not members:
        return
    try:
        async with conn.transaction():
            due = dict.fromkeys(sorted(members), store_debts.NOTHING)
            await store_debts.apply(conn, platform, store, due, check_deferred=False)
    except DbError:
        if conn.is_closed():
            raise
