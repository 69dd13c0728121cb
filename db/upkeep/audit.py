"""The audit: whether everything adds up, computed again from the ledger in one view of the record.

It trusts no sum that was computed before. Postgres adds up, so the audit takes as little memory for
a million members as for one. Events on their way are accounted for, so an audit under load finds as
little as one at night.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..errors import StoreUnfit, mapped_errors
from ..platforms import Platform
from ..stores import row_reading
from ..stores.port import Holding, Store
from . import status
from .audit_queries import BY_LEDGER, STORE_SIDE

EXAMPLES_MAX: Final = 20
#: Rows of a platform's own table that are read together.
PAGE_ROWS: Final = 5_000
#: Seconds for one statement. Ten million rows take less than a minute.
STATEMENT_S_MAX: Final = 3_600.0
#: Memory of one sort or hash, of which a statement may have a few; the rest goes to disk.
_WORK_MEMORY: Final = "64MB"


class Discrepancy(NamedTuple):
    """One sum or state that does not agree with the ledger."""

    what: str
    seen: str
    expected: str


class Check(NamedTuple):
    """One claim that the audit checked, with what disproves it."""

    name: str
    looked_at: int
    different: int
    examples: Sequence[Discrepancy]
    """The first mismatches, as many as the caller asked for."""


class Audit(NamedTuple):
    """The state of the record at one moment."""

    taken_at: datetime
    checks: Sequence[Check]
    on_their_way: int
    """Events that have not arrived yet: pending or published."""
    buried: int
    """Events that do not arrive unless an operator sends them again."""

    @property
    def differences(self) -> int:
        """Count the mismatches of all checks."""
        return sum(check.different for check in self.checks)


def _ignore(_: str) -> None:
    pass


async def audit(
    conn: asyncpg.Connection,
    stores: Mapping[Platform, Store],
    *,
    examples_max: int = EXAMPLES_MAX,
    tell: Callable[[str], None] = _ignore,
) -> Audit:
    """Check everything, on a connection that is in no transaction. Nothing is changed or locked.

    `tell` is called with the name of each check as it begins. The audit may run on a replica.

    Raises:
        StoreUnfit: a store does not return its rows in account order.
        StorageUnavailable: Postgres is away, or a store cannot be read.
    """
    with mapped_errors():
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            await conn.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
            taken_at = await conn.fetchval("SELECT now()")
            checks = []
            for name, query in BY_LEDGER.items():
                tell(name)
                checks.append(await _check(conn, name, query, examples_max))
            for platform, store in stores.items():
                tell(f"store of {platform}")
                checks.append(await _check_store(conn, platform, store, examples_max))
            counts = await status.uncompleted_events(conn)
    on_their_way = counts["pending"] + counts["published"]
    return Audit(taken_at, checks, on_their_way, counts["failed"])


async def _check(conn: asyncpg.Connection, name: str, query: str, examples_max: int) -> Check:
    """Count first, and fetch examples only if something differs, so that memory stays small."""
    looked_at, different = await conn.fetchrow(
        f"SELECT count(*), count(*) FILTER (WHERE differs) FROM ({query}) AS q",  # noqa: S608 - constants
        timeout=STATEMENT_S_MAX,
    )
    examples = []
    if different:
        examples = await conn.fetch(
            f"SELECT what, seen, expected FROM ({query}) AS q WHERE differs"  # noqa: S608 - constants
            " ORDER BY what LIMIT $1",
            examples_max,
            timeout=STATEMENT_S_MAX,
        )
    return Check(name, looked_at, different, [Discrepancy(*row) for row in examples])


class _Expected(NamedTuple):
    """The amounts that the ledger expects in one account's row of a platform's own table."""

    account_id: int
    xp: int
    balance: int


async def _check_store(
    conn: asyncpg.Connection, platform: Platform, store: Store, examples_max: int
) -> Check:
    """Go through the table and the ledger side by side, in account order."""
    ours, theirs = _ledger_side(conn, platform), _holdings(conn, platform, store)
    looked_at = different = 0
    examples: list[Discrepancy] = []
    mine, other = await anext(ours, None), await anext(theirs, None)
    while mine is not None or other is not None:
        place = min(one.account_id for one in (mine, other) if one is not None)
        row = mine if mine is not None and mine.account_id == place else None
        held = other if other is not None and other.account_id == place else None
        looked_at += 1
        found = store_difference(platform, row, held)
        if found is not None:
            different += 1
            examples += [found][: examples_max - len(examples)]
        mine = mine if row is None else await anext(ours, None)
        other = other if held is None else await anext(theirs, None)
    return Check(f"store of {platform}", looked_at, different, examples)


def store_difference(
    platform: Platform, row: _Expected | None, held: Holding | None
) -> Discrepancy | None:
    """Compare one account's row with what the ledger expects there. Pure.

    A missing row is "not there yet" and counts as zero, and amounts that arrived for it are owed. A
    row of Discord's table for an account without any event belongs to its bot alone.
    """
    if row is None and platform != "telegram":
        return None
    expected = (0, 0) if row is None else (row.xp, row.balance)
    seen = (0, 0) if held is None else (held.xp, held.balance)
    if seen == expected:
        return None
    account_ids = [one.account_id for one in (row, held) if one is not None]
    return Discrepancy(
        f"account {account_ids[0]} on {platform}",
        "no row" if held is None else _amounts(*seen),
        _amounts(*expected),
    )


def _amounts(xp: int | str, balance: int | str) -> str:
    return f"{xp} XP, {balance} balance"


async def _ledger_side(conn: asyncpg.Connection, platform: Platform) -> AsyncIterator[_Expected]:
    cursor = await conn.cursor(STORE_SIDE, platform, timeout=STATEMENT_S_MAX)
    while rows := await cursor.fetch(PAGE_ROWS, timeout=STATEMENT_S_MAX):
        for row in rows:
            yield _Expected(row[0], int(row[1]), int(row[2]))


async def _holdings(
    conn: asyncpg.Connection, platform: Platform, store: Store
) -> AsyncIterator[Holding]:
    after = 0
    while rows := await row_reading.read(conn, platform, store, after, PAGE_ROWS):
        for holding in rows:
            if holding.account_id <= after:
                raise StoreUnfit(
                    f"the store returned account {holding.account_id} after {after}:"
                    " `snapshot` must return rows above `after`, in account order"
                )
            after = holding.account_id
            yield holding
