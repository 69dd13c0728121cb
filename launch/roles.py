"""The roles of Postgres, and a login for each of our processes (db/roles.sql, docs/operate.md)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from .errors import LaunchError
from .postgres_schema import SEARCH_PATH
from .scram import verifier

ROLES: Final = Path("db/roles.sql")
#: The duties of our processes, by which the table `roles` names their roles.
DUTIES: Final = ("consumers", "telegram_bot", "discord_bot")


async def make(conn: asyncpg.Connection, prefix: str | None = None) -> list[str]:
    """Make the roles, or grant them what has been added. Returns what Postgres remarks.

    Raises:
        LaunchError: this login may not do it, or the roles have another prefix.
    """
    remarks: list[str] = []

    def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
        remarks.append(message.message)

    conn.add_log_listener(listen)
    try:
        await conn.execute("SELECT set_config('twinstream.role_prefix', $1, false)", prefix or "")
        await conn.execute(ROLES.read_text(encoding="utf-8"))
    except asyncpg.InsufficientPrivilegeError as error:
        raise LaunchError(
            f"this login may not make the roles ({error.message}): docs/operate.md says which step"
            " needs which right"
        ) from None
    except asyncpg.RaiseError as error:
        raise LaunchError(f"{error.message}. {error.hint}") from None
    finally:
        conn.remove_log_listener(listen)
    return remarks


async def renew(conn: asyncpg.Connection) -> None:
    """Grant the roles what a migration has added, if there are any."""
    if await conn.fetchval("SELECT EXISTS (SELECT FROM twinstream.roles)"):
        await make(conn)


async def make_logins(conn: asyncpg.Connection, passwords: Mapping[str, str]) -> dict[str, str]:
    """Make a login for each of these duties, or give it another password. Returns their names.

    Raises:
        LaunchError: this login may not do it.
    """
    roles = dict(await conn.fetch("SELECT duty, role FROM twinstream.roles"))
    logins = {duty: f"{roles[duty]}_login" for duty in passwords}
    try:
        for duty, login in logins.items():
            await _make_login(conn, login, roles[duty], verifier(passwords[duty]))
    except asyncpg.InsufficientPrivilegeError as error:
        raise LaunchError(
            f"this login may not make logins ({error.message}): give it CREATEROLE, or let an"
            " administrator make them"
        ) from None
    return logins


async def _make_login(conn: asyncpg.Connection, login: str, role: str, stored: str) -> None:
    known = await conn.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", login)
    statements: list[str] = await conn.fetchval(
        """
        SELECT ARRAY[
            format($1 || ' ROLE %I LOGIN PASSWORD %L', $2::text, $4::text),
            format('GRANT %I TO %I', $3::text, $2),
            format('ALTER ROLE %I IN DATABASE %I SET search_path = ' || $5, $2, current_database())
        ]
        """,
        "ALTER" if known else "CREATE",
        login,
        role,
        stored,
        SEARCH_PATH,
    )
    for statement in statements:
        await conn.execute(statement)


def address_of(database_url: str, login: str, password: str) -> str:
    """Return the address of the same database for another login. Pure."""
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{login}:{password}@{place}").geturl()
