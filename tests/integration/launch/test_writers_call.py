"""`make migrate` lets logins that worked with the tables of 0.1 call the functions of 0.2."""

import asyncpg

from launch.migrate import migrate

RECORD = "twinstream.record(text[],boolean,boolean,text)"


async def test_a_login_that_may_write_the_ledger_may_call_the_functions(
    database_url: str, pool: asyncpg.Pool
):
    login = "writer_of_release_0_1"
    await pool.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'secret'")
    try:
        await pool.execute(f"GRANT INSERT ON twinstream.transactions TO {login}")

        migrate(database_url)

        assert await pool.fetchval(
            "SELECT has_function_privilege($1, $2, 'EXECUTE')", login, RECORD
        )
    finally:
        await pool.execute(f"DROP OWNED BY {login}; DROP ROLE {login}")
