"""The texts about a Postgres that cannot be reached: what happened, without asyncpg's insides."""

import os
import re
import socket
from typing import Final

import asyncpg

from .tls_texts import tls_text, with_tls_hint

#: How asyncio words one failed attempt to connect.
_ERRNO: Final = re.compile(r"\[Errno (-?\d+)\]")
#: asyncpg's texts about a connection that is gone, some of them about its own state machine.
_GONE: Final = ("closed", "connection_lost", "cannot switch to state", "another operation")
LOST: Final = "the connection was lost"


def outage_text(error: Exception) -> str:
    """Say why Postgres does not serve us. Pure.

    The text of an error that Postgres itself sent stays as it is, apart from a hint.
    """
    if isinstance(error, asyncpg.PostgresError) and not isinstance(
        error, asyncpg.PostgresConnectionError
    ):
        return with_tls_hint(str(error)) or type(error).__name__
    if isinstance(error, OSError):
        return f"Postgres cannot be reached: {_network_text(error)}"
    said = str(error)
    if isinstance(error, asyncpg.InternalClientError) or any(word in said for word in _GONE):
        return f"Postgres cannot be reached: {LOST}"
    return said or type(error).__name__


def _network_text(error: OSError) -> str:
    if why := tls_text(str(error)):
        return why
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "the name of its host is not known"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return LOST
    # asyncio joins the errors of several addresses in one text, and repeats the address in each.
    numbers = {int(number) for number in _ERRNO.findall(str(error))}
    if error.errno is not None:
        numbers.add(error.errno)
    texts = sorted(os.strerror(number).lower() for number in numbers if number > 0)
    return ", ".join(texts) or str(error) or type(error).__name__
