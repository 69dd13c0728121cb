"""A login with fewer connections than the process wants: a role that is refused one waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from config import Settings
from consumers.runtime.resources import Resources
from consumers.runtime.roles import open_role
from consumers.runtime.runner import run
from tests.support.settling import until

LIMIT = 2


@pytest.fixture
async def settings(
    settings: Settings, pool: asyncpg.Pool, database_url: str, prefix: str
) -> AsyncIterator[Settings]:
    """The login of the consumers has two connections."""
    login = f"limited_{prefix.split(':')[1]}"
    await pool.execute(
        f"CREATE ROLE {login} LOGIN PASSWORD 'password' CONNECTION LIMIT {LIMIT};"
        f" GRANT postgres TO {login}"
    )
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=f"{login}:password@{place}").geturl()
    yield msgspec.structs.replace(settings, database_url=url)
    await pool.execute(f"DROP ROLE {login}")


@pytest.mark.parametrize("name", ["reconcile", "cleanup", "relay"])
async def test_a_role_that_is_refused_a_connection_waits_for_one(
    resources: Resources, stop: asyncio.Event, name: str
):
    async with contextlib.AsyncExitStack() as others:
        for _ in range(LIMIT):
            await others.enter_async_context(resources.pool.acquire())
        with capture_logs() as lines:
            running = asyncio.create_task(run(name, partial(open_role, name, resources), stop))

            async def saw(event: str) -> bool:
                assert not running.done(), "the role ended"
                return any(line["event"] == event for line in lines)

            await until(partial(saw, "role.delayed"), what="the role is refused a connection")
            await others.aclose()
            await until(partial(saw, "role.resumed"), what="the role works")
            stop.set()
            await running
    delayed = [line for line in lines if line["event"] == "role.delayed"]
    assert "too many connections for role" in delayed[0]["why"]
