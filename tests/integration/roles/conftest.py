"""A database with roles, and a login for each of them."""

import itertools
from collections.abc import Mapping

import asyncpg
import pytest

from launch.migrate import make_roles
from launch.roles import address_of
from tests.support.logins import DUTIES, PASSWORD, SETTLING

_prefixes = (f"test_roles_{number}" for number in itertools.count(1))


@pytest.fixture
def role_prefix() -> str:
    """A prefix that no other test's roles have: they belong to the server, which tests share."""
    return next(_prefixes)


@pytest.fixture
async def logins(database_url: str, pool: asyncpg.Pool, role_prefix: str) -> Mapping[str, str]:
    """The names of the logins by duty; `stranger` was granted nothing."""
    make_roles(database_url, prefix=role_prefix)
    names = {duty: f"{role_prefix}_{duty}_login" for duty in (*DUTIES, *SETTLING, "stranger")}
    for duty, name in names.items():
        await pool.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        if duty != "stranger":
            await pool.execute(f"GRANT {role_prefix}_{duty} TO {name}")
    return names


@pytest.fixture
def urls(database_url: str, logins: Mapping[str, str]) -> Mapping[str, str]:
    """The addresses of the database for these logins, by duty."""
    return {duty: address_of(database_url, name, PASSWORD) for duty, name in logins.items()}
