"""Real servers for the tests: one Postgres and one Redis a session, a clean room for each test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from launch.migrate import migrate
from launch.servers import Server, start_postgres, start_redis
from tests.support import fast_storage

_numbers = itertools.count(1)

# pytest reads it when it makes its first temporary folder.
if (memory := fast_storage.folder_in_memory()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))

# Neither a deadline nor `too_slow` says anything about the code: both measure how busy the machine
# is. `make nightly` asks for the profile `nightly`.
settings.register_profile("daily", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "nightly", settings.get_profile("daily"), max_examples=2_500, print_blob=True
)
settings.load_profile("daily")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres whose default database is migrated and serves as the template of all others."""
    with start_postgres(tmp_path_factory.mktemp("postgres"), database="template") as server:
        asyncio.run(fast_storage.make_fast(server.url))
        migrate(server.url)
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey, shared by tests that keep to a prefix or a database number of their own."""
    with start_redis(tmp_path_factory.mktemp("redis"), persistent=False) as server:
        yield server


@pytest.fixture
async def database_url(postgres: Server) -> AsyncIterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    admin_url = postgres.url.replace("/template", "/postgres")
    admin = await asyncpg.connect(admin_url)
    try:
        # Copying files costs half the processor time of the default, which logs each page.
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template STRATEGY file_copy')
        yield postgres.url.replace("/template", f"/{name}")
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a fresh database."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool:
        yield pool


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test's keys in Redis have."""
    return f"test:{next(_numbers)}:"


@pytest.fixture
def checkout() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
