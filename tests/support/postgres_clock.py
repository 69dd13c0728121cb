"""The clock of a test's database, which the test sets: our functions read it in place of now()."""

from datetime import datetime

import asyncpg

from simulation.database_clock import replacement

_SCHEMA = f"""
    CREATE SCHEMA test_clock;
    CREATE TABLE test_clock.reading (at timestamptz NOT NULL);
    INSERT INTO test_clock.reading SELECT pg_catalog.now();
    CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER AS
        'SELECT at FROM test_clock.reading';
    GRANT USAGE ON SCHEMA test_clock TO PUBLIC;
    {replacement("test_clock")}
    DO $do$
    BEGIN
        EXECUTE format(
            'ALTER DATABASE %I SET search_path = test_clock, pg_catalog, twinstream, public',
            current_database()
        );
    END $do$;
"""


class PostgresClock:
    """Sets the time that our functions take for now. It stands still until it is set again."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self) -> None:
        """Take the place of Postgres's clock, on connections that the pool opens from now on."""
        await self._pool.execute(_SCHEMA)
        await self._pool.expire_connections()

    async def set(self, at: datetime) -> None:
        await self._pool.execute("UPDATE test_clock.reading SET at = $1", at)
