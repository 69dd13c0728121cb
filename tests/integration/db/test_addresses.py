"""Addresses with several hosts, and with options that Postgres does not know."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from db import BadDatabaseUrl, connections, open_pool
from launch.migrate import migrate
from launch.servers import HOST, Server, free_port
from tests.support.fast_storage import in_database


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A host that takes connections and never says anything, as behind a dead router."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
async def closing_port() -> AsyncIterator[int]:
    """A host that takes connections and closes them, as a proxy whose server is gone."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"N")  # no TLS here
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(close, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


def behind(url: str, *ports: int) -> str:
    """Put hosts with these ports before the host of an address."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    places = ",".join([*(f"{HOST}:{port}" for port in ports), place])
    return parts._replace(netloc=f"{login}@{places}").geturl()


@pytest.mark.parametrize(
    "option", ["channel_binding=prefer", "connect_timeout=5", "keepalives=1", "pgbouncer=true"]
)
async def test_options_of_other_clients_work(database_url: str, option: str):
    async with await open_pool(f"{database_url}?{option}", name="test") as pool:
        assert await pool.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("option", ["spelling=1", "statement_timeout=never", "role=nobody_here"])
async def test_an_option_that_postgres_refuses_is_no_outage(database_url: str, option: str):
    with pytest.raises(BadDatabaseUrl, match="unknown or has an unfit value"):
        await open_pool(f"{database_url}?{option}", name="test")


async def test_a_host_that_is_gone_silent_or_closes_is_passed_over(
    database_url: str, silent_port: int, closing_port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "HOST_TIMEOUT_S", 0.2)
    url = behind(database_url, free_port(), silent_port, closing_port)

    pool = await open_pool(url, name="test", size_max=2)

    # The next connection begins with the host that answered.
    async with pool.acquire() as one, pool.acquire() as two:
        assert await one.fetchval("SELECT 1") == await two.fetchval("SELECT 1")
    await pool.close()


@pytest.mark.nightly
async def test_an_address_with_several_hosts_and_options_can_be_migrated(postgres: Server):
    conn = await asyncpg.connect(in_database(postgres.url, "postgres"))
    try:
        url = behind(in_database(postgres.url, "several_hosts"), free_port())
        said = migrate(f"{url}?connect_timeout=5&keepalives=1&target_session_attrs=read-write")
        assert "Applied" in said
        assert migrate(f"{url}?connect_timeout=5") == ""
    finally:
        await conn.execute("DROP DATABASE IF EXISTS several_hosts WITH (FORCE)")
        await conn.close()
