"""Databases that cannot serve as they are, and a schema that changes under load."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from db import Contention, DatabaseUnfit, open_pool
from db.errors import mapped_errors
from db.ledger import entries, events
from launch.errors import LaunchError
from launch.migrate import migrate
from launch.servers import Server
from tests.support.fast_storage import in_database
from tests.support.recorded_events import xp


@pytest.fixture
async def admin(postgres: Server) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(in_database(postgres.url, "postgres"))
    yield conn
    await conn.close()


async def test_a_database_of_another_encoding_is_refused_with_the_remedy(
    postgres: Server, admin: asyncpg.Connection
):
    url = in_database(postgres.url, "latin")
    await admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    try:
        with pytest.raises(DatabaseUnfit, match="encoding LATIN1, and twinstream needs UTF8"):
            await open_pool(url, name="test")
        with pytest.raises(LaunchError, match="encoding LATIN1"):
            migrate(url)
        conn = await asyncpg.connect(url)
        assert await conn.fetchval("SELECT to_regnamespace('twinstream')") is None
        await conn.close()
    finally:
        await admin.execute("DROP DATABASE latin WITH (FORCE)")


@pytest.mark.nightly
async def test_a_database_without_a_search_path_can_be_migrated(
    postgres: Server, admin: asyncpg.Connection
):
    url = in_database(postgres.url, "no_path")
    await admin.execute("CREATE DATABASE no_path TEMPLATE template0")
    await admin.execute("ALTER DATABASE no_path SET search_path = ''")
    try:
        assert "Applied" in migrate(url)
        assert migrate(url) == ""
        async with await open_pool(url, name="test") as pool:
            assert await pool.fetchval("SHOW search_path") == '""'
    finally:
        await admin.execute("DROP DATABASE no_path WITH (FORCE)")


async def test_a_statement_that_a_change_of_the_schema_made_invalid_is_tried_again(
    database_url: str, pool: asyncpg.Pool
):
    """Inside a transaction, a statement that was prepared before cannot be prepared anew."""
    envelopes = [xp(5, str(number)) for number in range(3)]
    keys = [one.event.idempotency_key for one in envelopes]
    async with await open_pool(database_url, name="test", size_max=1) as ours:

        async def lock(number: int) -> None:
            async with ours.acquire() as conn, conn.transaction():
                with mapped_errors():
                    await entries.lock_rows(conn, "telegram", [keys[number]])

        async with ours.acquire() as conn:
            await events.record(conn, "telegram", envelopes)
        await lock(0)
        await pool.execute("ALTER TABLE twinstream.transactions ALTER reason TYPE varchar(300)")

        with pytest.raises(Contention, match="cached statement plan is invalid"):
            await lock(1)
        await lock(1)
        await lock(2)
