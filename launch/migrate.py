"""Bringing a database to the newest schema: expanding it with dbmate, and contracting it."""

import asyncio
import os
import subprocess
import sysconfig
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg

from config import masking, secrets_in
from db import BadDatabaseUrl, DbError
from db.connections import Connector, is_direct, is_refused_by_pooler
from db.errors import mapped_errors
from db.pool import address_errors, require_encoding
from db.release_number import SERIES
from db.url import hide_password, read

from . import contract as contracts
from . import postgres_schema, private_files, roles
from .errors import LaunchError
from .psql import without_password
from .servers import postgres_tool

MIGRATIONS = Path("db/migrations")
SCHEMA = Path("db/schema.sql")

POOLED: Final = (
    "a pooler stands at DATABASE_URL, and a migration needs Postgres itself: give its own address,"
    " as in DATABASE_URL=... make migrate"
)

T = TypeVar("T")


class NoSuchDatabase(DbError):
    """Postgres answers, and has no database of this name."""


def migrate(database_url: str) -> str:
    """Create the database if there is none, expand its schema, and contract it if it is empty.

    All objects live in the schema `twinstream`. Objects that release 0.1 kept in another schema
    are moved there first, and processes of that release may go on (docs/upgrade.md). dbmate records
    the migrations in `twinstream.schema_migrations`. Returns its output, and what is next.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: a migration failed (it was rolled back), or Postgres cannot be reached.
    """
    database_url = _of_one_server(database_url)
    expanded = expand(database_url)
    following = _on_connection(database_url, contracts.finish_or_wait)
    _on_connection(database_url, roles.renew)
    return "\n".join(filter(None, (expanded, following)))


def expand(database_url: str) -> str:
    """Bring the schema to the state on which this release and the one before it work."""

    async def prepare(conn: asyncpg.Connection) -> None:
        await postgres_schema.prepare(conn, database_url)

    try:
        _on_connection(database_url, prepare)
    except NoSuchDatabase:
        _dbmate(database_url, "create")
        _on_connection(database_url, prepare)
    output = _dbmate(database_url, "up")
    _on_connection(database_url, postgres_schema.let_writers_call)
    return output


def contract(database_url: str, *, backups: Path | None, say: Callable[[str], None]) -> None:
    """Take away what only the release before this one needs, after a backup into `backups`.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: a process of that release is connected, there is no backup, or Postgres
            refuses; the database is as it was.
    """
    database_url = _of_one_server(database_url)
    if _on_connection(database_url, contracts.is_done):
        say("There is nothing to contract.")
        return
    _on_connection(database_url, contracts.refuse_old_sessions)
    if backups is not None:
        say(f"A backup is in {contracts.back_up(database_url, backups)}")
    _on_connection(database_url, contracts.contract)
    _on_connection(database_url, roles.renew)
    say(f"The database is at release {SERIES}; linking and reconcile go on.")


def make_roles(
    database_url: str, *, prefix: str | None, passwords: Mapping[str, str] | None = None
) -> list[str]:
    """Make the roles (db/roles.sql), and logins with these passwords, by duty.

    Returns what there is to say about it; no password is in it.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: the database was not migrated, or its login may not make roles.
    """
    database_url = _of_one_server(database_url)

    async def make(conn: asyncpg.Connection) -> list[str]:
        await contracts.is_done(conn)  # refuses a database that was not migrated
        remarks = await roles.make(conn, prefix)
        logins = await roles.make_logins(conn, passwords or {})
        names = await conn.fetchval("SELECT array_agg(role ORDER BY role) FROM twinstream.roles")
        return [*remarks, f"The roles are {', '.join(names)}."] + [
            f"{login} is the login of {duty}." for duty, login in logins.items()
        ]

    return _on_connection(database_url, make)


def make_own_logins(database_url: str) -> dict[str, str]:
    """Make the roles and a login for each of our processes, with new passwords.

    For a server that is ours alone. Returns the addresses by duty.
    """
    passwords = {duty: private_files.new_password() for duty in roles.DUTIES}

    async def make(conn: asyncpg.Connection) -> dict[str, str]:
        await roles.make(conn)
        return await roles.make_logins(conn, passwords)

    logins = _on_connection(database_url, make)
    return {
        duty: roles.address_of(database_url, login, passwords[duty])
        for duty, login in logins.items()
    }


def _of_one_server(database_url: str) -> str:
    """Return the address of the host that is to be migrated, as every program can read it.

    dbmate and `pg_dump` take one host, and each client knows options that others do not.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: a pooler stands there, or no host can be reached.
    """
    connector = _connector(database_url)

    async def is_reached() -> bool:
        try:
            with address_errors():
                conn = await connector()
        except asyncpg.InvalidCatalogNameError:
            return True
        except asyncpg.ProtocolViolationError as error:
            if is_refused_by_pooler(error):
                return False
            raise
        try:
            postgres_schema.require_version(conn)
            return await is_direct(conn)
        finally:
            await conn.close()

    try:
        with mapped_errors():
            reached = _run(is_reached())
    except BadDatabaseUrl:
        raise
    except DbError as error:
        raise _not_migrated(error, database_url) from None
    if not reached or read(database_url).is_pooled:
        raise LaunchError(POOLED)
    parts = urlsplit(connector.host)
    options = parts.query.split("&")
    query = "&".join(one for one in options if not one.startswith("target_session_attrs="))
    return parts._replace(query=query).geturl()


def _connector(database_url: str) -> Connector:
    return Connector(read(database_url), "migrate", is_pooled=False)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


def _not_migrated(error: Exception, database_url: str) -> LaunchError:
    # Without the cause, because its text may hold parts of the address.
    said = hide_password(str(error), database_url)
    return LaunchError(f"the database could not be migrated: {said}")


def _on_connection(database_url: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Do work on a connection to its end."""

    async def connected() -> T:
        with mapped_errors():
            try:
                with address_errors():
                    # Without a limit: a migration of many rows takes its time.
                    conn = await _connector(database_url)(command_timeout=None)
            except asyncpg.InvalidCatalogNameError as error:
                raise NoSuchDatabase(str(error)) from error
            try:
                postgres_schema.require_version(conn)
                require_encoding(conn)
                # Of two commands at a time, the second one finds the work of the first.
                await conn.execute(
                    "SELECT pg_advisory_lock(hashtextextended('twinstream.migrate', 0))"
                )
                return await work(conn)
            finally:
                await conn.close()

    try:
        return _run(connected())
    except (NoSuchDatabase, BadDatabaseUrl):
        raise
    except DbError as error:
        raise _not_migrated(error, database_url) from None


def dump_schema(database_url: str) -> str:
    """Return the schema of a migrated database, as db/schema.sql keeps it."""
    url, login = without_password(database_url)
    command = [
        *(str(postgres_tool("pg_dump")), "--schema-only", "--no-owner", "--no-privileges"),
        f"--schema={postgres_schema.SCHEMA}",
    ]
    done = subprocess.run(
        [
            *command,
            "--restrict-key=twinstream",
            "--exclude-table=twinstream.schema_migrations",
            url,
        ],
        env={**os.environ, **login},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LaunchError(f"the schema could not be dumped: {done.stderr.strip()}")
    lines = [
        line
        for line in done.stdout.splitlines()
        # Versions and settings of the dump would change without a change of the schema.
        if not line.startswith(("--", "SET ", "SELECT pg_catalog.set_config", "\\"))
    ]
    body = "\n".join(lines).strip()
    while "\n\n\n" in body:
        body = body.replace("\n\n\n", "\n\n")
    return (
        "-- The schema that db/migrations and db/contracts make, for reading."
        f" `make schema` writes it.\n\n{body}\n"
    )


def _dbmate(database_url: str, command: str) -> str:
    """Run dbmate on an address, and return its output."""
    url = _in_schema(database_url)
    done = _run_dbmate(url, command)
    if "SSL is not enabled on the server" in done.stderr and "sslmode" not in url:
        # dbmate requires TLS by default; asyncpg, which all other processes use, does not.
        done = _run_dbmate(f"{url}&sslmode=disable", command)
    if done.returncode != 0:
        output = masking(secrets_in(database_url))(done.stderr.strip())
        raise LaunchError(f"the database could not be migrated: {output}")
    return done.stdout.strip()


def _in_schema(database_url: str) -> str:
    """Return the address with our schema as the search path; migrations name none. Pure."""
    parts = urlsplit(database_url)
    options = [option for option in parts.query.split("&") if option]
    options = [option for option in options if not option.startswith("search_path=")]
    query = "&".join([*options, f"search_path={postgres_schema.SCHEMA}"])
    return parts._replace(query=query).geturl()


def _run_dbmate(url: str, command: str) -> subprocess.CompletedProcess[str]:
    dbmate = Path(sysconfig.get_path("scripts")) / "dbmate"
    if not dbmate.exists():
        raise LaunchError(f"{dbmate} is not there: install requirements.txt into this environment")
    return subprocess.run(
        [str(dbmate), f"--migrations-dir={MIGRATIONS}", "--no-dump-schema", command],
        # In the environment: every user of the machine can read the arguments of a process.
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
