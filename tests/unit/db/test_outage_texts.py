"""Texts about a Postgres that cannot be reached: they name the server and no insides of asyncpg."""

import socket

import asyncpg
import pytest

from db import StorageUnavailable, open_pool
from db.error_causes.outage_texts import outage_text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "connection refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0),"
                " [Errno 111] Connect call failed ('127.0.0.1', 5432)"
            ),
            "connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "the name of its host is not known"),
        (TimeoutError(), "it did not answer in time"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was lost"),
        (
            asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in"),
            "the connection was lost",
        ),
        (asyncpg.InterfaceError("connection is closed"), "the connection was lost"),
        (
            asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
            "the connection was lost",
        ),
    ],
)
def test_an_outage_is_told_in_plain_words(error: Exception, text: str) -> None:
    assert outage_text(error) == f"Postgres cannot be reached: {text}"


def test_postgres_own_words_stay() -> None:
    error = asyncpg.AdminShutdownError("terminating connection due to administrator command")

    assert outage_text(error) == "terminating connection due to administrator command"


async def test_a_server_that_is_away_is_named_without_the_password() -> None:
    with pytest.raises(StorageUnavailable) as away:
        await open_pool("postgresql://me:correct-horse@127.0.0.1:1/name", name="test")

    assert "Postgres at 127.0.0.1:1 (DATABASE_URL) cannot be reached: connection refused" in str(
        away.value
    )
    assert "correct-horse" not in str(away.value)
