"""The schema that all our objects live in, and moving there what release 0.1 kept elsewhere.

Other programs keep tables of their own in the same database, some with names that ours have too.
A schema of our own keeps the two apart. Release 0.1 put its objects where the search path of its
address pointed, which is `public` by default.

Processes of release 0.1 may run meanwhile. Their statements name no schema, so they find the moved
objects through the search path of their login, which a session reads when it begins.
"""

from typing import Final

import asyncpg

from db.pool import versions
from db.release_number import SERIES
from db.stop_signs import MOVING

from . import old_sessions
from .errors import LaunchError

SCHEMA: Final = "twinstream"
#: The search path of people who type SQL, as our own login. Ours comes last: in a database that is
#: shared with a bot, the bot's tables keep their names. Our own statements name the schema.
SEARCH_PATH: Final = '"$user", public, twinstream'
#: The oldest major version of Postgres that has all that our statements use.
POSTGRES_MIN: Final = 14
#: The release whose objects are moved.
OLD_SERIES: Final = "0.1"
#: Seconds that the move waits for a lock before it lets the bots go on and tries again: a bot's
#: statement, which waits behind it, has 30.
LOCK_TIMEOUT_S: Final = 2
#: How often the move tries to get its locks. A transaction that outlasts all of them, such as a
#: backup, has to end first.
TRIES_MAX: Final = 30

#: The first schema on the search path that holds tables of ours: two rules that no other has.
_FOUND: Final = """
    SELECT p.schema FROM unnest(current_schemas(false)) WITH ORDINALITY AS p (schema, place)
    WHERE p.schema <> 'twinstream' AND 2 = (
        SELECT count(*) FROM pg_constraint AS rule
        WHERE rule.connamespace = p.schema::regnamespace
            AND rule.conname IN ('transaction_has_one_effect', 'account_one_per_platform')
    )
    ORDER BY p.place LIMIT 1
"""
#: The objects of release 0.1. Indexes, constraints and identity sequences follow their table; later
#: objects are created in the schema.
_TABLES: Final = (
    *("accounts", "achievements", "cleanup_rounds", "drift", "entry_attempts", "link_attempts"),
    *("link_codes", "members", "notices", "ranks", "reconcile_runs", "reconcile_touched"),
    *("reconcile_walks", "snapshots", "stop_signs", "store_agreements", "store_debts"),
    *("surfaces", "sync_events", "sync_state", "transactions"),
)
#: By name, with the types of their arguments: a bot may have functions of the same names.
_FUNCTIONS: Final = {"ladder": "", "rank_of": "bigint", "rank_on": "bigint, bigint[]"}


async def prepare(conn: asyncpg.Connection, database_url: str) -> None:
    """Create the schema, and move into it what release 0.1 kept elsewhere.

    Sessions of release 0.1 are ended, because they began with a search path that does not lead to
    the schema; its processes connect again and go on. From then on no process links accounts or
    reconciles, until the contract (`contract`).

    Raises:
        LaunchError: a process of release 0.1 would not find the objects any more, or another
            transaction holds a table for too long.
    """
    # Without IF NOT EXISTS: a login that may not create schemas can use one that is there.
    if not await conn.fetchval("SELECT to_regnamespace('twinstream') IS NOT NULL"):
        await conn.execute("CREATE SCHEMA twinstream")
    for login in {await conn.fetchval("SELECT current_user"), *await old_sessions.logins(conn)}:
        await _show_to_people(conn, login)
    source: str | None = await conn.fetchval(_FOUND)
    if source is not None:
        await _require_path(database_url)
        await _move_in_time(conn, source)


async def set_stop_signs(conn: asyncpg.Connection, schema: str = SCHEMA) -> None:
    """Let no process of either release link accounts or reconcile, until the contract.

    The caller owns the transaction. The lock waits for links that are being made.
    """
    await conn.execute(f"LOCK TABLE {schema}.stop_signs IN EXCLUSIVE MODE")
    await conn.execute(
        f"""
        INSERT INTO {schema}.stop_signs (release, reason)
        SELECT release, $2 FROM unnest($1::text[]) AS u (release)
        ON CONFLICT (release) DO NOTHING
        """,  # noqa: S608 - a schema's quoted name
        [OLD_SERIES, SERIES],
        MOVING,
    )


async def let_writers_call(conn: asyncpg.Connection) -> None:
    """Let the logins that may write the ledger call the functions that do so from release 0.2 on.

    An operator who grants roles has decided already who may, so nothing is granted then.
    """
    await conn.execute(
        """
        DO $$
        DECLARE
            login regrole;
        BEGIN
            IF to_regclass('twinstream.roles') IS NULL THEN
                RETURN;
            END IF;
            IF EXISTS (SELECT FROM twinstream.roles) THEN
                RETURN;
            END IF;
            FOR login IN
                SELECT DISTINCT a.grantee FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
                WHERE c.oid = 'twinstream.transactions'::regclass AND a.privilege_type = 'INSERT'
                    AND a.grantee NOT IN (0, c.relowner)
            LOOP
                EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream TO %s', login);
            END LOOP;
        END $$
        """
    )


def require_version(conn: asyncpg.Connection) -> None:
    """Refuse a server that is older than our statements.

    Raises:
        LaunchError: it is.
    """
    found = conn.get_server_version().major
    if found < POSTGRES_MIN:
        raise LaunchError(
            f"this is Postgres {found}, and twinstream needs {POSTGRES_MIN} or newer:"
            " upgrade the server first"
        )


async def _require_path(database_url: str) -> None:
    """Look at the search path of a new session, as the processes of release 0.1 get one."""
    conn = await asyncpg.connect(database_url)
    try:
        path = await conn.fetchval("SHOW search_path")
        is_shown = await conn.fetchval("SELECT 'twinstream' = ANY (current_schemas(false))")
    finally:
        await conn.close()
    if not is_shown:
        raise LaunchError(
            f"processes of release {OLD_SERIES} would not find their tables any more, because the"
            f" search path of this login or address is {path}: add twinstream at its end (ALTER"
            " ROLE ... SET search_path, or the option of the address), then migrate again"
        )


async def _move_in_time(conn: asyncpg.Connection, source: str) -> None:
    """Move the objects, and get out of the way of the bots while a table cannot be locked."""
    began_at = await conn.fetchval("SELECT clock_timestamp()")
    for _ in range(TRIES_MAX):
        await old_sessions.end(conn, before=began_at)
        try:
            async with conn.transaction():
                await conn.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
                await _move(conn, source)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            continue
        return
    raise LaunchError(
        f"another transaction holds a table in {source}, such as a backup or a long query: wait"
        " for its end, then migrate again"
    )


async def _move(conn: asyncpg.Connection, source: str) -> None:
    quoted: str = await conn.fetchval("SELECT quote_ident($1)", source)
    await set_stop_signs(conn, quoted)
    names = ", ".join(f"{quoted}.{name}" for name in _TABLES)
    await conn.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    for name in _TABLES:
        await conn.execute(f"ALTER TABLE {quoted}.{name} SET SCHEMA twinstream")
    for name, types in _FUNCTIONS.items():
        await conn.execute(f"ALTER FUNCTION {quoted}.{name}({types}) SET SCHEMA twinstream")
    await _move_migrations(conn, quoted)


async def _move_migrations(conn: asyncpg.Connection, quoted: str) -> None:
    """Move our `schema_migrations`. One that holds another program's migrations too is copied from.

    A view stays in its place, so that the `migrate` of release 0.1 finds nothing to do: without, it
    would make all its tables anew there. The view takes no rows.
    """
    theirs = await conn.fetchval(
        f"SELECT count(*) FROM {quoted}.schema_migrations WHERE version <> ALL ($1::text[])",  # noqa: S608 - a schema's quoted name
        versions(),
    )
    if theirs:
        await conn.execute(
            "CREATE TABLE twinstream.schema_migrations"
            f" (LIKE {quoted}.schema_migrations INCLUDING ALL)"
        )
        await conn.execute(
            f"""
            INSERT INTO twinstream.schema_migrations
            SELECT version FROM {quoted}.schema_migrations WHERE version = ANY ($1::text[])
            """,  # noqa: S608 - a schema's quoted name
            versions(),
        )
        return
    await conn.execute(f"ALTER TABLE {quoted}.schema_migrations SET SCHEMA twinstream")
    await conn.execute(
        f"CREATE VIEW {quoted}.schema_migrations AS"  # noqa: S608 - a schema's quoted name
        " SELECT DISTINCT version FROM twinstream.schema_migrations"
    )


async def _show_to_people(conn: asyncpg.Connection, login: str) -> None:
    """Let a login find our tables without their schema, unless it has a search path already."""
    is_set = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM pg_db_role_setting AS s CROSS JOIN unnest(s.setconfig) AS u (setting)
            WHERE setting LIKE 'search_path=%'
                AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
                AND s.setdatabase IN (
                    0, (SELECT oid FROM pg_database WHERE datname = current_database())
                )
        )
        """,
        login,
    )
    if is_set:
        return
    names: asyncpg.Record = await conn.fetchrow(
        "SELECT quote_ident($1) AS login, quote_ident(current_database()) AS database", login
    )
    statements = [
        f"GRANT USAGE ON SCHEMA twinstream TO {names['login']}",
        (
            f"ALTER ROLE {names['login']} IN DATABASE {names['database']}"
            f" SET search_path = {SEARCH_PATH}"
        ),
    ]
    if await conn.fetchval("SELECT has_schema_privilege($1, 'twinstream', 'USAGE')", login):
        statements = statements[1:]
    try:
        for statement in statements:
            await conn.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise LaunchError(
            f"{login} would not find the tables of twinstream ({error}): as a superuser, run"
            f" {'; '.join(statements)}; then migrate again"
        ) from None
