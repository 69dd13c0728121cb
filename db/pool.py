"""Opening a pool of connections to Postgres, on the schema that this version needs."""

import contextlib
import importlib.resources
from collections.abc import Iterator

import asyncpg

from . import url
from .errors import DbError, StorageUnavailable, mapped_errors
from .release_number import SERIES
from .url import BadDatabaseUrl

#: Connections of one process, at most. Postgres allows 100 in all by default.
POOL_SIZE_MAX = 10
#: Seconds for one statement. Ours take milliseconds, so a statement that takes longer waits for a
#: lock, or for a server that is gone.
COMMAND_TIMEOUT_S = 30.0
#: Seconds for one attempt to connect.
CONNECT_TIMEOUT_S = 10.0
#: Seconds after which Postgres ends a transaction whose process sends nothing. Otherwise a process
#: that was paused, or whose machine is gone, would keep its locks for hours.
IDLE_IN_TRANSACTION_TIMEOUT_S = 60


class SchemaOutdated(DbError):
    """The database is older than this version of twinstream. Migrate it, then start again."""


async def open_pool(database_url: str, *, name: str, size_max: int = POOL_SIZE_MAX) -> asyncpg.Pool:
    """Open a pool whose connections are named `twinstream/0.2/<name>` in `pg_stat_activity`.

    The name tells them from connections of release 0.1, which are named `twinstream/<name>`.

    Raises:
        StorageUnavailable: Postgres cannot be reached, or refuses this user or database.
        BadDatabaseUrl: the address cannot be read.
        SchemaOutdated: a migration of this version has not been applied.
    """
    url.check(database_url)
    try:
        with mapped_errors(), _address_errors():
            pool = await asyncpg.create_pool(
                database_url,
                min_size=1,
                max_size=size_max,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                reset=_reset_nothing,
                server_settings={
                    "application_name": f"twinstream/{SERIES}/{name}",
                    "timezone": "UTC",
                    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s",
                },
            )
    except StorageUnavailable as error:
        said = url.hide_password(str(error), database_url)
        raise StorageUnavailable(
            f"Postgres at DATABASE_URL cannot be used: {said}; see that it runs, and that host,"
            " port, user, password and name are right"
        ) from None  # the cause may repeat parts of the address
    try:
        await _require_schema(pool)
    except BaseException:
        await pool.close()
        raise
    return pool


def versions() -> list[str]:
    """Return the versions of the migrations in this package, the newest one last."""
    names = [
        file.name
        for file in importlib.resources.files(__package__).joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(name.partition("_")[0] for name in names)


def newest_migration() -> str:
    """Return the version of the newest migration in this package."""
    return versions()[-1]


async def _reset_nothing(_: asyncpg.Connection) -> None:
    """Save the round trip after each use: our settings and locks end with their transaction.

    asyncpg itself rolls back a transaction that is still open.
    """


@contextlib.contextmanager
def _address_errors() -> Iterator[None]:
    """Tell an address that cannot be read from a server that is away."""
    try:
        yield
    except ValueError:  # asyncpg's own error for an option is one too
        # Without the cause, because its text holds parts of the address.
        raise BadDatabaseUrl("an option after its ? is unknown or has an unfit value") from None


async def _require_schema(pool: asyncpg.Pool) -> None:
    with mapped_errors():
        known = await pool.fetchval(
            "SELECT to_regclass('twinstream.schema_migrations') IS NOT NULL"
        )
        applied = known and await pool.fetchval(
            "SELECT max(version) FROM twinstream.schema_migrations"
        )
    if not applied or applied < newest_migration():
        raise SchemaOutdated(
            f"the database has migration {applied or 'none'}, this version needs"
            f" {newest_migration()}: run `make migrate`"
        )
