"""The clock of a test's database, which the test sets: our functions read it in place of now()."""

from datetime import datetime

import asyncpg

_SCHEMA = """
    CREATE SCHEMA test_clock;
    CREATE TABLE test_clock.reading (at timestamptz NOT NULL);
    INSERT INTO test_clock.reading SELECT pg_catalog.now();
    CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER AS
        'SELECT at FROM test_clock.reading';
    GRANT USAGE ON SCHEMA test_clock TO PUBLIC;
    DO $do$
    DECLARE one record;
    BEGIN
        FOR one IN
            SELECT oid::regprocedure AS function FROM pg_proc
            WHERE pronamespace = 'twinstream'::regnamespace AND prosecdef
        LOOP
            EXECUTE format(
                'ALTER FUNCTION %s SET search_path = test_clock, pg_catalog, pg_temp', one.function
            );
        END LOOP;
        -- A default keeps the function that it was created with.
        FOR one IN
            SELECT d.adrelid::regclass AS relation, a.attname AS name
            FROM pg_attrdef AS d
            JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            WHERE pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'pg_catalog.now()')
        LOOP
            EXECUTE format(
                'ALTER TABLE %s ALTER COLUMN %I SET DEFAULT test_clock.now()',
                one.relation, one.name
            );
        END LOOP;
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
