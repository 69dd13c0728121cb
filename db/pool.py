"""Opening a pool of connections to Postgres, on the schema that this version needs."""

import contextlib
import importlib.resources
from collections.abc import Iterator
from typing import Final

import asyncpg
import structlog

from . import url
from .connections import (
    CONNECT_TIMEOUT_S,
    Connector,
    is_direct,
    is_read_only,
    is_refused_by_pooler,
)
from .error_causes.tls_texts import NO_CA, is_about_missing_ca, tls_text
from .errors import DbError, StorageUnavailable, mapped_errors
from .url import BadDatabaseUrl

log = structlog.get_logger("twinstream.postgres")

#: Connections of one process, at most. Postgres allows 100 in all by default.
POOL_SIZE_MAX = 10
#: The only encoding of a database that can hold all that members write.
ENCODING: Final = "UTF8"


class DatabaseUnfit(DbError):
    """The database cannot serve as it is. The text says what to do; trying again does not help."""


class SchemaOutdated(DatabaseUnfit):
    """The database is older than this version of twinstream. Migrate it, then start again."""


async def open_pool(
    database_url: str,
    *,
    name: str,
    size_max: int = POOL_SIZE_MAX,
    connect_s: float = CONNECT_TIMEOUT_S,
) -> asyncpg.Pool:
    """Open a pool whose connections are named `twinstream/0.2/<name>` in `pg_stat_activity`.

    The name tells them from connections of release 0.1, which are named `twinstream/<name>`. A
    pooler in transaction mode is noticed, or told of by the option `pgbouncer=true`. One attempt to
    connect takes `connect_s` seconds at most, unless the address says otherwise.

    Raises:
        StorageUnavailable: Postgres cannot be reached, or refuses this user or database.
        BadDatabaseUrl: the address cannot be read.
        DatabaseUnfit: the database has another encoding than UTF8.
        SchemaOutdated: a migration of this version has not been applied.
    """
    address = url.read(database_url)
    try:
        with mapped_errors(), address_errors():
            pool = await _open(address, name, size_max, connect_s)
    except StorageUnavailable as error:
        said = url.hide_password(str(error), database_url).removeprefix("Postgres ")
        problem = said if said.startswith("cannot be reached") else f"cannot be used: {said}"
        place = url.place(database_url)
        named = f"{place} (DATABASE_URL)" if place else "DATABASE_URL"
        is_told = tls_text(str(error.__cause__ or "")) is not None
        # Without the cause, which may repeat parts of the address.
        raise StorageUnavailable(
            f"Postgres at {named} {problem}{'' if is_told else url.what_to_see(database_url)}"
        ) from None
    try:
        await _require_schema(pool)
    except BaseException:
        await pool.close()
        raise
    return pool


async def _open(address: url.Address, name: str, size_max: int, connect_s: float) -> asyncpg.Pool:
    if not address.is_pooled:
        try:
            pool = await _create(address, name, size_max, connect_s, is_pooled=False)
        except asyncpg.ProtocolViolationError as error:
            if not is_refused_by_pooler(error):
                raise
        else:
            try:
                async with pool.acquire() as conn:
                    if await is_direct(conn):
                        return pool
            except BaseException:
                await pool.close()
                raise
            await pool.close()
        log.info("pooler.noticed", process=name)
    return await _create(address, name, size_max, connect_s, is_pooled=True)


async def _create(
    address: url.Address, name: str, size_max: int, connect_s: float, *, is_pooled: bool
) -> asyncpg.Pool:
    async def reset(conn: asyncpg.Connection) -> None:
        """Save the round trip after each use: our settings and locks end with their transaction.

        asyncpg itself rolls back a transaction that is still open. After a failover, or while an
        operator forbids writes, connections to a read-only server are replaced, so that the pool
        finds the server that takes writes. A pooler does not tell.
        """
        if not is_pooled and is_read_only(conn):
            await pool.expire_connections()

    pool: asyncpg.Pool = await asyncpg.create_pool(
        min_size=1,
        max_size=size_max,
        connect=Connector(address, name, is_pooled=is_pooled, connect_s=connect_s),
        reset=reset,
    )
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


@contextlib.contextmanager
def address_errors(*, setting: str = "DATABASE_URL") -> Iterator[None]:
    """Tell an address that cannot be read from a server that is away.

    asyncpg sends options that it does not know to Postgres or the pooler, as settings.
    """
    bad = BadDatabaseUrl(url.UNFIT_OPTION, setting=setting)
    # ssl.SSLCertVerificationError is a ValueError as well, and is about the server.
    # Without the causes, because their texts hold parts of the address.
    try:
        yield
    except OSError:
        raise
    except asyncpg.ClientConfigurationError as error:
        if is_about_missing_ca(error):
            raise BadDatabaseUrl(NO_CA, setting=setting, hints=()) from None
        raise bad from None
    except (ValueError, asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError):
        # asyncpg's own error for an option is a ValueError too.
        raise bad from None
    except asyncpg.ProtocolViolationError as error:
        # PgBouncer gives all its errors this code, such as that it has no room for a client.
        if "startup parameter" in str(error) and not is_refused_by_pooler(error):
            raise bad from None
        raise


async def _require_schema(pool: asyncpg.Pool) -> None:
    try:
        with mapped_errors():
            async with pool.acquire() as conn:
                require_encoding(conn)
            known = await pool.fetchval(
                "SELECT to_regclass('twinstream.schema_migrations') IS NOT NULL"
            )
            applied = known and await pool.fetchval(
                "SELECT max(version) FROM twinstream.schema_migrations"
            )
    except StorageUnavailable as error:
        if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
            raise StorageUnavailable(
                f"{error}; grant this login a role (docs/operate.md, Roles)"
            ) from error
        raise
    if not applied or applied < newest_migration():
        raise SchemaOutdated(
            f"the database has migration {applied or 'none'}, this version needs"
            f" {newest_migration()}: run `make migrate`"
        )


def require_encoding(conn: asyncpg.Connection) -> None:
    """Refuse a database that cannot hold every letter.

    Raises:
        DatabaseUnfit: it cannot.
    """
    encoding = getattr(conn.get_settings(), "server_encoding", ENCODING)
    if encoding != ENCODING:
        raise DatabaseUnfit(
            f"the database has the encoding {encoding}, and twinstream needs {ENCODING}: create"
            f" another one (CREATE DATABASE ... ENCODING '{ENCODING}' TEMPLATE template0), and name"
            " it in DATABASE_URL"
        )
