"""The schema that all our objects live in, and moving there what release 0.1.0 kept elsewhere.

Other programs keep tables of their own in the same database, some with names that ours have too.
A schema of our own keeps the two apart. Release 0.1.0 put its objects where the search path of its
address pointed, which is `public` by default.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import asyncpg

from db import DbError
from db.errors import mapped_errors

SCHEMA: Final = "twinstream"
#: The search path of people who type SQL, as our own login. Ours comes last: in a database that is
#: shared with a bot, the bot's tables keep their names. Our own statements name the schema.
SEARCH_PATH: Final = '"$user", public, twinstream'

T = TypeVar("T")


class NoSuchDatabase(DbError):
    """Postgres answers, and has no database of this name."""


#: The first migration of all, and two rules that only our tables have.
_OURS: Final = """
    SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass('schema_migrations') AND n.nspname <> 'twinstream'
        AND 2 = (
            SELECT count(*) FROM pg_constraint AS rule
            WHERE rule.connamespace = n.oid
                AND rule.conname
                    IN ('transaction_has_one_effect', 'sync_event_processed_by_opposite')
        )
"""
#: Tables, views and functions that an extension does not own. Indexes, constraints and identity
#: sequences follow their table.
_OBJECTS: Final = """
    SELECT format('ALTER TABLE %s SET SCHEMA twinstream', c.oid::regclass)
    FROM pg_class AS c
    WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname = ANY ($2)
    UNION ALL
    SELECT format('ALTER FUNCTION %s SET SCHEMA twinstream', p.oid::regprocedure)
    FROM pg_proc AS p WHERE p.pronamespace = $1::regnamespace AND p.proname = ANY ($3)
"""
#: The objects of release 0.1.0. Later ones are created in the schema.
_TABLES: Final = (
    *("accounts", "achievements", "cleanup_rounds", "drift", "entry_attempts", "link_attempts"),
    *("link_codes", "members", "notices", "ranks", "reconcile_runs", "reconcile_touched"),
    *("reconcile_walks", "schema_migrations", "snapshots", "stop_signs", "store_agreements"),
    *("store_debts", "surfaces", "sync_events", "sync_state", "transactions"),
)
_FUNCTIONS: Final = ("ladder", "rank_of", "rank_on")


def prepare(database_url: str) -> bool:
    """Create the schema, and move into it what an earlier release kept elsewhere.

    A `schema_migrations` of another program stays where it is. Returns whether objects were moved.

    Raises:
        NoSuchDatabase: there is no such database yet.
        DbError: Postgres refused a statement, or cannot be reached.
    """
    return _run(_prepare(database_url))


async def _prepare(database_url: str) -> bool:
    with mapped_errors():
        try:
            conn = await asyncpg.connect(database_url)
        except asyncpg.InvalidCatalogNameError as error:
            raise NoSuchDatabase(str(error)) from error
    try:
        with mapped_errors():
            return await _move(conn)
    finally:
        await conn.close()


async def _move(conn: asyncpg.Connection) -> bool:
    async with conn.transaction():
        source: str | None = await conn.fetchval(_OURS)
        # Without IF NOT EXISTS: a login that may not create schemas can use one that is there.
        if not await conn.fetchval("SELECT to_regnamespace('twinstream') IS NOT NULL"):
            await conn.execute("CREATE SCHEMA twinstream")
        if source is not None:
            for (statement,) in await conn.fetch(_OBJECTS, source, _TABLES, _FUNCTIONS):
                await conn.execute(statement)
        await _show_to_people(conn)
    return source is not None


async def _show_to_people(conn: asyncpg.Connection) -> None:
    """Let this login find our tables without their schema, unless it has a search path already."""
    is_set = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM pg_db_role_setting AS s CROSS JOIN unnest(s.setconfig) AS u (setting)
            WHERE setting LIKE 'search_path=%'
                AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
                AND s.setdatabase IN (
                    0, (SELECT oid FROM pg_database WHERE datname = current_database())
                )
        )
        """
    )
    if not is_set:
        await conn.execute(
            f"""
            DO $$ BEGIN
                EXECUTE format(
                    'ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = {SEARCH_PATH}',
                    current_database()
                );
            END $$
            """
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
