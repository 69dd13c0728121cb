"""Bringing a database to the newest schema, with dbmate."""

import os
import subprocess
import sysconfig
from pathlib import Path

from config import masking, secrets_in
from db.url import check

from .errors import LaunchError
from .psql import without_password
from .servers import postgres_tool

MIGRATIONS = Path("db/migrations")
SCHEMA = Path("db/schema.sql")


def migrate(database_url: str) -> str:
    """Apply all pending migrations; dbmate records them in `schema_migrations`.

    Returns the output of dbmate.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: a migration failed (it was rolled back), or Postgres cannot be reached.
    """
    check(database_url)
    done = _dbmate(database_url)
    if "SSL is not enabled on the server" in done.stderr and "sslmode" not in database_url:
        # dbmate requires TLS by default; asyncpg, which all other processes use, does not.
        separator = "&" if "?" in database_url else "?"
        done = _dbmate(f"{database_url}{separator}sslmode=disable")
    if done.returncode != 0:
        output = masking(secrets_in(database_url))(done.stderr.strip())
        raise LaunchError(f"the database could not be migrated: {output}")
    return done.stdout.strip()


def dump_schema(database_url: str) -> str:
    """Return the schema of a migrated database, as db/schema.sql keeps it."""
    url, login = without_password(database_url)
    command = [str(postgres_tool("pg_dump")), "--schema-only", "--no-owner", "--no-privileges"]
    done = subprocess.run(
        [*command, "--restrict-key=twinstream", "--exclude-table=schema_migrations", url],
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


def _dbmate(database_url: str) -> subprocess.CompletedProcess[str]:
    dbmate = Path(sysconfig.get_path("scripts")) / "dbmate"
    if not dbmate.exists():
        raise LaunchError(f"{dbmate} is not there: install requirements.txt into this environment")
    return subprocess.run(
        [str(dbmate), f"--migrations-dir={MIGRATIONS}", "--no-dump-schema", "up"],
        # In the environment: every user of the machine can read the arguments of a process.
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
