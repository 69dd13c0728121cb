"""Real servers for the tests: one Postgres and one Redis a session, a clean room for each test."""

import asyncio
import gc
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
import uvloop
from hypothesis import HealthCheck, settings

from config import telegram_library
from launch.migrate import migrate
from launch.servers import Server, start_redis
from tests.support import fast_storage, longest_files
from tests.support.databases import Databases, open_databases
from tests.support.postgres_programs import chosen_programs, start_chosen_postgres, version_of

pytest_plugins = ["tests.support.hang_guard"]

_numbers = itertools.count(1)

# pytest reads it when it makes its first temporary folder.
if (memory := fast_storage.folder_in_memory()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))

# A run starts some three hundred processes of ours: the first one compiles for all. pytest also
# keeps the tests that it has rewritten: that is half of the time before the first test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# As our processes import it, whichever test imports it first.
telegram_library.load()

# The default shows each local variable of each frame, which takes seconds for one traceback.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

# The event loop of bots and consumers.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

# Neither a deadline nor `too_slow` says anything about the code: both measure how busy the machine
# is. `make nightly` asks for the profile `nightly`.
settings.register_profile(
    "daily", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "nightly", settings.get_profile("daily"), max_examples=2_500, print_blob=True
)
settings.load_profile("daily")


def pytest_report_header() -> str:
    """Say on which Postgres the tests run."""
    return f"postgres: {version_of(chosen_programs())}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Collect no garbage while modules are imported: they stay."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make postgres-test` runs; begin with the longest files."""
    for item in items:
        if isinstance(item, pytest.Function) and "postgres" in item.fixturenames:
            item.add_marker(pytest.mark.postgres)
    items.sort(key=lambda item: longest_files.place(item.path))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let no collection of garbage look at modules and tests again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres whose default database is migrated and serves as the template of all others."""
    with start_chosen_postgres(tmp_path_factory.mktemp("postgres"), database="template") as server:
        asyncio.run(fast_storage.make_fast(server.url))
        migrate(server.url)
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey, shared by tests that keep to a prefix or a database number of their own."""
    with start_redis(tmp_path_factory.mktemp("redis"), persistent=False) as server:
        asyncio.run(fast_storage.make_punctual(server.url))
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Server) -> Iterator[Databases]:
    """Makes and drops databases, beside whatever event loop a test has."""
    with open_databases(postgres.url) as databases:
        yield databases


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    yield databases.make(name)
    databases.drop(name)


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
