"""The stop sign: a row that makes the processes of a release stop linking and reconciling.

The migration of a release that changes how accounts are linked or how reconcile works sets the sign
for the release before it, because processes of that release may still run.
"""

from typing import Final

import asyncpg

from .errors import DbError, mapped_errors
from .release_number import SERIES

#: The row that this release obeys. A sign is for all releases that differ in the last number only.
OBEYED: Final = SERIES
#: The reason of the signs that `make migrate` sets for the release before this one and for this
#: one, and that `make contract` removes.
MOVING: Final = (
    "the move to release 0.2 is not finished; once no process of release 0.1 is left,"
    " `make contract` finishes it"
)
#: The rule by which functions of Postgres refuse while the sign is set; DETAIL is the reason.
RULE: Final = "stop_sign_is_not_set"


class Paused(DbError):
    """The stop sign of this release is set: try again once it is removed, or run a newer one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the stop sign of release {OBEYED} is set: {reason}")
        self.reason = reason


async def read_under_lock(conn: asyncpg.Connection) -> str | None:
    """Return why the sign is set, or None. The answer holds until the caller's transaction ends.

    Call it first in a transaction. A transaction that sets the sign locks the table in
    EXCLUSIVE MODE, so it waits for the callers that saw no sign, and later callers wait for it.
    LOCK TABLE takes no snapshot, so the SELECT sees a sign that was committed while we waited for
    the lock, whatever the isolation of the transaction.
    """
    with mapped_errors():
        await conn.execute("LOCK TABLE twinstream.stop_signs IN ROW SHARE MODE")
        return await read(conn)


async def obey(conn: asyncpg.Connection) -> None:
    """Refuse to go on in this transaction if the sign is set; see `read_under_lock`.

    Raises:
        Paused: the sign is set.
    """
    reason = await read_under_lock(conn)
    if reason is not None:
        raise Paused(reason)


async def read(conn: asyncpg.Connection) -> str | None:
    """Return why the sign is set, or None, to report it. A decision needs `read_under_lock`."""
    with mapped_errors():
        reason: str | None = await conn.fetchval(
            "SELECT reason FROM twinstream.stop_signs WHERE release = $1", OBEYED
        )
    return reason
