"""Databases for tests, made and dropped on one connection of a worker."""

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg
import uvloop

from tests.support.fast_storage import copy_template, in_database


class Databases:
    """Makes and drops copies of the template, beside whatever event loop a test has."""

    def __init__(
        self, runner: asyncio.Runner, admin: asyncpg.Connection, postgres_url: str
    ) -> None:
        self._runner = runner
        self._admin = admin
        self._postgres_url = postgres_url

    def make(self, name: str) -> str:
        """Copy the template, and return the address of the copy."""
        self._runner.run(copy_template(self._admin, name))
        return in_database(self._postgres_url, name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self._runner.run(self._drop(name))

    async def _drop(self, name: str) -> None:
        await self._admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def open_databases(postgres_url: str) -> Iterator[Databases]:
    """Connect beside the template that `postgres_url` leads to."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        admin = runner.run(_connect(in_database(postgres_url, "postgres")))
        yield Databases(runner, admin, postgres_url)
        runner.run(admin.close())


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)
