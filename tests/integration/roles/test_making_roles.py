"""Making the roles as an owner that is no superuser, and what single processes are given."""

import subprocess
from collections.abc import AsyncIterator

import asyncpg
import pytest

from launch.errors import LaunchError
from launch.migrate import make_own_logins, make_roles, migrate
from launch.psql import without_password
from launch.roles import DUTIES as PROCESSES
from launch.roles import address_of
from launch.servers import Server, postgres_tool
from tests.support.logins import DUTIES, PASSWORD, SETTLING
from tests.support.processes import BARE_ENVIRONMENT, run


@pytest.fixture
async def admin(postgres: Server) -> AsyncIterator[asyncpg.Connection]:
    """An administrator's connection."""
    conn = await asyncpg.connect(postgres.url)
    yield conn
    await conn.close()


async def owned_by(admin: asyncpg.Connection, postgres: Server, login: str, rights: str) -> str:
    """Create a login and an empty database of its own. Returns the address for it."""
    await admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}' {rights}")
    await admin.execute(f"CREATE DATABASE {login} OWNER {login} TEMPLATE template0")
    return address_of(postgres.url.replace("/template", f"/{login}"), login, PASSWORD)


async def test_an_owner_with_createrole_makes_the_roles_and_goes_on_migrating(
    admin, postgres, role_prefix
):
    url = await owned_by(admin, postgres, f"{role_prefix}_app", "CREATEROLE")
    migrate(url)

    told = make_roles(url, prefix=role_prefix, passwords={"telegram_bot": PASSWORD})
    make_roles(url, prefix=None)
    migrate(url)

    assert PASSWORD not in "".join(told)
    bot = await asyncpg.connect(address_of(url, f"{role_prefix}_telegram_bot_login", PASSWORD))
    try:
        assert await bot.fetchval("SELECT created FROM record_xp('telegram', 1, 5, 'game', '1')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bot.fetch("SELECT * FROM members")
    finally:
        await bot.close()
    owner = await asyncpg.connect(url)
    try:
        await owner.execute("ALTER TABLE members ADD COLUMN added bigint")
        assert await owner.fetchval("SELECT created FROM record_xp('discord', 1, 5, 'game', '1')")
    finally:
        await owner.close()


async def test_an_owner_without_createrole_uses_roles_that_an_administrator_made(
    admin, postgres, role_prefix
):
    app = f"{role_prefix}_app"
    url = await owned_by(admin, postgres, app, "")
    migrate(url)
    with pytest.raises(LaunchError, match=r"may not make the roles .*docs/operate\.md"):
        make_roles(url, prefix=role_prefix)
    for duty in (*DUTIES, *SETTLING):
        await admin.execute(f"CREATE ROLE {role_prefix}_{duty} NOLOGIN")
    await admin.execute(f"GRANT {role_prefix}_owner TO {app}")
    bot = f"{role_prefix}_bot"
    await admin.execute(f"CREATE ROLE {bot} LOGIN; GRANT {role_prefix}_telegram_bot TO {bot}")

    told = make_roles(url, prefix=role_prefix)

    assert told[0].startswith(f"as {bot}, name the schema in what you type")
    owner = await asyncpg.connect(url)
    try:
        assert await owner.fetchval(
            "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'twinstream'"
        ) == (f"{role_prefix}_owner")
    finally:
        await owner.close()


async def test_a_database_that_was_not_migrated_is_refused(admin, postgres, role_prefix):
    url = await owned_by(admin, postgres, f"{role_prefix}_app", "CREATEROLE")

    with pytest.raises(LaunchError, match="make migrate"):
        make_roles(url, prefix=role_prefix)


async def test_a_superuser_makes_the_roles_of_a_database_of_another_owner(
    admin, postgres, role_prefix
):
    """Its owner migrates as before."""
    app = f"{role_prefix}_app"
    url = await owned_by(admin, postgres, app, "")
    migrate(url)

    make_roles(postgres.url.replace("/template", f"/{app}"), prefix=role_prefix)

    migrate(url)


def make_roles_by_command(
    url: str, prefix: str, *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    environ = {
        **BARE_ENVIRONMENT,
        "DATABASE_URL": url,
        "TWINSTREAM_ROLE_PREFIX": prefix,
        "COLUMNS": "200",
        **more,
    }
    return run("launch", "roles", *words, environ=environ)


async def test_the_command_makes_logins_with_the_passwords_of_the_environment(
    database_url, role_prefix
):
    passwords = {
        f"POSTGRES_{process}_PASSWORD": f"secret{process.lower()}"
        for process in ("CONSUMERS", "TELEGRAM", "DISCORD")
    }

    refused = make_roles_by_command(database_url, role_prefix, "--logins")
    made = make_roles_by_command(database_url, role_prefix, "--logins", **passwords)

    assert refused.returncode == 2
    assert "POSTGRES_DISCORD_PASSWORD" in refused.stderr
    assert made.returncode == 0, made.stderr
    assert "secret" not in made.stdout + made.stderr
    login = f"{role_prefix}_telegram_bot_login"
    conn = await asyncpg.connect(address_of(database_url, login, "secrettelegram"))
    await conn.close()


def test_psql_runs_the_same_file(database_url, role_prefix, checkout):
    url, password = without_password(database_url)
    for options in (f"-c twinstream.role_prefix={role_prefix}", ""):
        done = subprocess.run(
            [str(postgres_tool("psql")), url, "-v", "ON_ERROR_STOP=1", "-qf", "db/roles.sql"],
            cwd=checkout,
            env={**BARE_ENVIRONMENT, **password, "PGOPTIONS": options},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    told = make_roles(database_url, prefix=role_prefix)
    assert f"{role_prefix}_owner" in told[-1]


async def test_each_process_gets_a_login_with_a_new_password_each_time(database_url):
    first = make_own_logins(database_url)
    second = make_own_logins(database_url)

    assert first.keys() == set(PROCESSES)
    for duty, url in second.items():
        assert url != first[duty]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(first[duty])
        conn = await asyncpg.connect(url)
        try:
            assert await conn.fetchval("SELECT count(*) FROM leaderboard") == 0
        finally:
            await conn.close()


def test_the_dump_of_a_database_holds_no_password(database_url, role_prefix):
    """A stolen backup logs in nowhere."""
    passwords = {
        f"POSTGRES_{process}_PASSWORD": f"secret{process.lower()}"
        for process in ("CONSUMERS", "TELEGRAM", "DISCORD")
    }
    made = make_roles_by_command(database_url, role_prefix, "--logins", **passwords)
    assert made.returncode == 0, made.stderr
    url, login = without_password(database_url)

    dumped = subprocess.run(
        [postgres_tool("pg_dump"), url],
        env=login,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    assert "transactions" in dumped.stdout
    for secret in (*passwords.values(), *login.values(), "SCRAM-SHA-256"):
        assert secret not in dumped.stdout
