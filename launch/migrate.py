"""Bringing a database to the newest schema, with dbmate."""

import os
import subprocess
import sysconfig
from pathlib import Path
from urllib.parse import urlsplit

from config import masking, secrets_in
from db import DbError
from db.url import check, hide_password

from . import postgres_schema
from .errors import LaunchError
from .psql import without_password
from .servers import postgres_tool

MIGRATIONS = Path("db/migrations")
SCHEMA = Path("db/schema.sql")


def migrate(database_url: str) -> str:
    """Create the database if there is none, and apply all pending migrations.

    All objects live in the schema `twinstream`. What release 0.1.0 kept in another schema is moved
    there first. dbmate records the migrations in `twinstream.schema_migrations`. Returns the output
    of dbmate.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: a migration failed (it was rolled back), or Postgres cannot be reached.
    """
    check(database_url)
    try:
        _prepare_schema(database_url)
    except (DbError, ValueError) as error:  # asyncpg's own error for an option is a ValueError
        # Without the cause, because its text may hold parts of the address.
        raise LaunchError(
            f"the database could not be migrated: {hide_password(str(error), database_url)}"
        ) from None
    return _dbmate(database_url, "up")


def _prepare_schema(database_url: str) -> None:
    try:
        postgres_schema.prepare(database_url)
    except postgres_schema.NoSuchDatabase:
        _dbmate(database_url, "create")
        postgres_schema.prepare(database_url)


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
        "-- The schema that db/migrations/ make, for reading. `make schema` writes this file.\n\n"
        f"{body}\n"
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
