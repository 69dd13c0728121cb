"""The contract: taking away what only release 0.1 needs of the database (db/contracts/0.2).

`launch migrate` expands the schema, so that processes of both releases work on it. Once the last
process of the old release is gone, `launch contract` makes it the schema of the new release.
"""

import contextlib
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from db.pool import newest_migration
from db.release_number import SERIES
from db.stop_signs import MOVING

from . import old_sessions, postgres_schema, private_files
from .errors import LaunchError
from .psql import wants_tls, without_password
from .servers import postgres_tool

#: The three steps. Each can be repeated after one that was cut off.
CLOSE, ADD_UP, OPEN = (
    Path(f"db/contracts/{SERIES}", name) for name in ("1_close.sql", "2_add_up.sql", "3_open.sql")
)
#: Seconds that the contract waits for a lock before it gives up: a bot's statement, which waits
#: behind it, has 30.
LOCK_TIMEOUT_S: Final = 5

#: The last line of `launch migrate` on a database with data of release 0.1.
NEXT: Final = (
    "Processes of release 0.1 may go on beside those of 0.2. Linking and reconcile wait until none"
    " of release 0.1 is left and `make contract` has run (docs/upgrade.md)."
)
#: The way on for an operator who has a backup already.
WITHOUT_BACKUP: Final = "or take a backup by other means and add --without-backup"


async def finish_or_wait(conn: asyncpg.Connection) -> str:
    """Contract a database that holds nothing yet; let one with data wait. Returns what is next."""
    if await is_done(conn):
        return ""
    has_data = await conn.fetchval("SELECT EXISTS (SELECT FROM twinstream.accounts)")
    if not has_data and not await old_sessions.find(conn):
        await contract(conn)
        return ""
    async with conn.transaction():
        await postgres_schema.set_stop_signs(conn)
    return NEXT


async def contract(conn: asyncpg.Connection) -> None:
    """Contract the database. If it is cut off in between, do it again.

    Raises:
        LaunchError: a session of release 0.1 lives, or another transaction holds a table.
    """
    try:
        async with conn.transaction():
            await conn.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            await refuse_old_sessions(conn)
            await conn.execute(_read(CLOSE))
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        raise LaunchError(
            "another transaction holds a table, such as a backup or a long query, so nothing was"
            " changed: wait for its end, then run the command again"
        ) from None
    await conn.execute(_read(ADD_UP))
    async with conn.transaction():
        await conn.execute(_read(OPEN))
        await conn.execute("DELETE FROM twinstream.stop_signs WHERE reason = $1", MOVING)


async def is_done(conn: asyncpg.Connection) -> bool:
    """Tell whether the contract was done.

    Raises:
        LaunchError: the database was not migrated to this release.
    """
    known = await conn.fetchval("SELECT to_regclass('twinstream.contracts') IS NOT NULL")
    applied = known and await conn.fetchval("SELECT max(version) FROM twinstream.schema_migrations")
    if not applied or applied < newest_migration():
        raise LaunchError("the database is not at this release yet: run `make migrate` first")
    done: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM twinstream.contracts WHERE release = $1)", SERIES
    )
    return done


async def refuse_old_sessions(conn: asyncpg.Connection) -> None:
    """Refuse to go on while a process of release 0.1 is connected.

    Raises:
        LaunchError: one is; the text names it.
    """
    found = await old_sessions.find(conn)
    if found:
        raise LaunchError(
            "processes of release 0.1 are connected, and could not go on after this: stop them"
            f" first: {'; '.join(map(str, found))}"
        )


def back_up(database_url: str, folder: Path) -> Path:
    """Dump the schema `twinstream` into a file in a private folder. Returns the file.

    Raises:
        LaunchError: there is no pg_dump, or it failed.
    """
    private_files.make_folder(folder)
    file = folder / f"before-{SERIES}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    url, login = without_password(database_url)
    done = subprocess.run(
        [
            *(str(_pg_dump(url)), "--format=custom", f"--schema={postgres_schema.SCHEMA}"),
            *(f"--file={file}", url),
        ],
        env={**os.environ, **login},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        file.unlink(missing_ok=True)
        raise LaunchError(
            f"the backup failed: {done.stderr.strip()}; correct that, {WITHOUT_BACKUP}"
        )
    return file


def _read(step: Path) -> str:
    return step.read_text(encoding="utf-8")


def _pg_dump(url: str) -> Path:
    """Return the pg_dump of the Postgres wheel, or the one on the PATH, which may speak TLS."""
    found = shutil.which("pg_dump")
    if not (wants_tls(url) and found):
        with contextlib.suppress(LaunchError):
            return postgres_tool("pg_dump")
    if found is None:
        raise LaunchError(
            "there is no pg_dump here, so no backup can be taken: install the client programs of"
            f" Postgres, {WITHOUT_BACKUP}"
        )
    return Path(found)
