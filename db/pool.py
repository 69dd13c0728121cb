"""Opening a pool of connections to Postgres."""

import asyncpg

from .errors import StorageUnavailable, mapped_errors

POOL_SIZE_MAX = 10
COMMAND_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0


async def open_pool(database_url: str, *, name: str, size_max: int = POOL_SIZE_MAX) -> asyncpg.Pool:
    """Open a pool whose connections are named `name` in `pg_stat_activity`.

    Raises:
        StorageUnavailable: Postgres cannot be reached, or refuses this user or database.
    """
    try:
        with mapped_errors():
            pool = await asyncpg.create_pool(
                database_url,
                min_size=1,
                max_size=size_max,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                server_settings={"application_name": f"twinstream/{name}", "timezone": "UTC"},
            )
    except (ValueError, asyncpg.PostgresError) as error:
        raise StorageUnavailable(f"DATABASE_URL cannot be used: {error}") from error
    return pool
