"""A database for the simulation, which resets it for each seed."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from launch.servers import Server
from simulation.postgres import RealPostgres


@pytest.fixture(scope="session")
def real_postgres(postgres: Server) -> Iterator[RealPostgres]:
    async def administer(statement: str) -> None:
        admin = await asyncpg.connect(postgres.url.replace("/template", "/postgres"))
        await admin.execute(statement)
        await admin.close()

    asyncio.run(administer("CREATE DATABASE simulation TEMPLATE template STRATEGY file_copy"))
    real = RealPostgres(postgres.url.replace("/template", "/simulation"))
    yield real
    real.close()
    asyncio.run(administer("DROP DATABASE simulation WITH (FORCE)"))
