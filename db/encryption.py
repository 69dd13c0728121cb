"""Whether a connection to Postgres is encrypted, and whether the server proved who it is."""

import ipaddress
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from .url import read

#: Modes that end the connection rather than go on without TLS.
_ENFORCED: Final = ("require", "verify-ca", "verify-full")


class Protection(NamedTuple):
    """How a connection is protected."""

    is_local: bool
    """It does not leave this machine."""
    is_encrypted: bool
    is_verified: bool
    """The server has shown a certificate of a trusted CA for the host of the address."""


async def protection(conn: asyncpg.Connection, database_url: str) -> Protection:
    """Say how this connection, which the address led to, is protected.

    A proxy that ends TLS before Postgres is told by the address: Postgres itself sees no TLS then.
    """
    mode = dict(parse_qsl(urlsplit(database_url).query)).get("sslmode", "prefer")
    sees_tls = await conn.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    return Protection(
        is_local=all(map(_is_local, read(database_url).hosts)),
        is_encrypted=mode in _ENFORCED or bool(sees_tls),
        is_verified=mode == "verify-full",
    )


def _is_local(address: str) -> bool:
    """Tell whether an address of one host leads to this machine. Pure."""
    parts = urlsplit(address)
    named = dict(parse_qsl(parts.query)).get("host", parts.hostname or "")
    if not named or unquote(named).startswith("/"):  # a socket
        return True
    try:
        return ipaddress.ip_address(named).is_loopback
    except ValueError:
        return named == "localhost"
