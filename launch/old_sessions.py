"""The sessions of release 0.1 in a database: who has them, and ending them.

They are known by their application_name, `twinstream/<process>`; those of this release are named
`twinstream/0.2/<process>`. A bot that gives the producer connections of its own is not seen here.
"""

from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from db.release_number import SERIES

from .errors import LaunchError

#: Milliseconds within which a session ends that was told to.
END_TIMEOUT_MS: Final = 5_000

_OLD: Final = f"""
    datname = current_database() AND application_name LIKE 'twinstream/%'
    AND application_name NOT LIKE 'twinstream/{SERIES}/%'
"""


class OldSession(NamedTuple):
    """A session of a process of release 0.1."""

    pid: int
    application_name: str
    address: str

    def __str__(self) -> str:
        return f"{self.application_name} (process {self.pid} of Postgres, from {self.address})"


async def find(conn: asyncpg.Connection) -> list[OldSession]:
    """Return the sessions of release 0.1 in this database."""
    rows = await conn.fetch(
        f"""
        SELECT pid, application_name, coalesce(host(client_addr), 'this machine')
        FROM pg_stat_activity WHERE {_OLD} ORDER BY backend_start
        """  # noqa: S608 - this module's own constant
    )
    return [OldSession(*row) for row in rows]


async def logins(conn: asyncpg.Connection) -> set[str]:
    """Return the logins of these sessions."""
    rows = await conn.fetch(f"SELECT DISTINCT usename FROM pg_stat_activity WHERE {_OLD}")  # noqa: S608 - this module's own constant
    return {login for (login,) in rows}


async def end(conn: asyncpg.Connection, *, before: datetime) -> None:
    """End the sessions that began before this moment. Their processes connect again by themselves.

    Raises:
        LaunchError: this login may not end them, or one does not end.
    """
    try:
        ended = await conn.fetch(
            f"""
            SELECT application_name, pg_terminate_backend(pid, $2)
            FROM pg_stat_activity WHERE {_OLD} AND backend_start < $1
            """,  # noqa: S608 - this module's own constant
            before,
            END_TIMEOUT_MS,
        )
    except asyncpg.InsufficientPrivilegeError as error:
        raise LaunchError(
            f"this login may not end the sessions of release 0.1 ({error}): migrate as their login,"
            " or as one with the role pg_signal_backend"
        ) from None
    left = [name for name, has_ended in ended if not has_ended]
    if left:
        raise LaunchError(f"a session of release 0.1 does not end: {', '.join(left)}")
