"""A database for the simulation, which resets it for each seed."""

from collections.abc import Iterator

import pytest

from simulation.postgres import RealPostgres
from tests.support.databases import Databases


@pytest.fixture(scope="session")
def real_postgres(databases: Databases) -> Iterator[RealPostgres]:
    real = RealPostgres(databases.make("simulation"))
    yield real
    real.close()
    databases.drop("simulation")
