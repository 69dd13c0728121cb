"""A private CA, and both servers behind fronts that speak TLS with its certificates."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from launch.servers import Server
from tests.support.tls import Authority, Certificate, tls_front

HOST = "127.0.0.1"


class Authorities(NamedTuple):
    """A CA that clients trust, and one that they do not."""

    ours: Authority
    other: Authority


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    folder = tmp_path_factory.mktemp("authorities")
    return Authorities(Authority(folder, "ours"), Authority(folder, "other"))


@pytest.fixture(scope="session")
def certificate(authorities: Authorities) -> Certificate:
    """Of our CA, for the host of the servers."""
    return authorities.ours.issue(HOST)


def through(url: str, port: int, options: str = "", scheme: str = "") -> str:
    """Return an address of a server with the port of its front."""
    there = urlsplit(url)
    login = there.netloc.rpartition("@")[0]
    return there._replace(
        scheme=scheme or there.scheme, netloc=f"{login}@{HOST}:{port}", query=options
    ).geturl()


@pytest.fixture
async def postgres_front(postgres: Server, certificate: Certificate) -> AsyncIterator[int]:
    port = urlsplit(postgres.url).port
    assert port is not None
    async with tls_front(port, certificate, postgres=True) as front:
        yield front


@pytest.fixture
async def redis_front(redis_server: Server, certificate: Certificate) -> AsyncIterator[int]:
    port = urlsplit(redis_server.url).port
    assert port is not None
    async with tls_front(port, certificate) as front:
        yield front


@pytest.fixture
def trusted(authorities: Authorities) -> Path:
    """The file of the CA that clients trust."""
    return authorities.ours.certificate


@pytest.fixture
def tls_database_url(database_url: str, postgres_front: int, trusted: Path) -> str:
    return through(database_url, postgres_front, f"sslmode=verify-full&sslrootcert={trusted}")


@pytest.fixture
def tls_redis_url(redis_server: Server, redis_front: int, trusted: Path) -> str:
    return through(redis_server.url, redis_front, f"ssl_ca_certs={trusted}", "rediss")
