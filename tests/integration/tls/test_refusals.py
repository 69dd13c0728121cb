"""A server that fails to prove itself, and TLS where none is spoken: one sentence that helps."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog

import bus.client
from bus import BusError, connect, ping
from db import DbError, open_pool
from db.sessions.notifications import listening
from launch.errors import LaunchError
from launch.migrate import migrate
from launch.servers import Server
from tests.integration.tls.conftest import HOST, Authorities, through
from tests.support.settling import until
from tests.support.tls import tls_front

OTHER_CA = "its certificate is not from a CA that is trusted here: name the file of its CA in"
EXPIRED = "its certificate has expired: renew it on the server"
OTHER_HOST = "its certificate is for another host: name a host in"


def port_of(server: Server) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


async def redis_says(url: str) -> str:
    with pytest.raises(BusError) as refusal:
        await pinged(url)
    return str(refusal.value)


async def pinged(url: str) -> None:
    redis = connect(url, name="test")
    try:
        await ping(redis)
    finally:
        await redis.aclose()


async def postgres_says(url: str) -> str:
    with pytest.raises(DbError) as refusal:
        await open_pool(url, name="test")
    return str(refusal.value)


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [((HOST,), -1, EXPIRED), (("db.example",), 30, OTHER_HOST)],
    ids=["expired", "another host"],
)
async def test_a_certificate_that_does_not_fit_is_named_with_what_to_do(
    redis_server: Server,
    postgres: Server,
    authorities: Authorities,
    trusted: Path,
    names: tuple[str, ...],
    days: int,
    why: str,
) -> None:
    shown = authorities.ours.issue(*names, days=days)
    async with (
        tls_front(port_of(redis_server), shown) as redis_port,
        tls_front(port_of(postgres), shown, postgres=True) as postgres_port,
    ):
        redis_url = through(redis_server.url, redis_port, f"ssl_ca_certs={trusted}", "rediss")
        url = through(postgres.url, postgres_port, f"sslmode=verify-full&sslrootcert={trusted}")

        said = await redis_says(redis_url)
        assert said.startswith(f"Redis cannot be reached at {HOST}:{redis_port}: {why}")
        said = await postgres_says(url)
        place = f"{HOST}:{postgres_port} (DATABASE_URL)"
        assert said.startswith(f"Postgres at {place} cannot be reached: {why}")
        with pytest.raises(LaunchError, match=why):
            await asyncio.to_thread(migrate, url)


async def test_a_certificate_of_another_ca_is_refused(
    redis_server: Server,
    postgres: Server,
    redis_front: int,
    postgres_front: int,
    authorities: Authorities,
) -> None:
    other = authorities.other.certificate
    rediss = through(redis_server.url, redis_front, f"ssl_ca_certs={other}", "rediss")
    url = through(postgres.url, postgres_front, f"sslmode=verify-full&sslrootcert={other}")

    assert f"{OTHER_CA} REDIS_URL (?ssl_ca_certs=/path/ca.pem)" in await redis_says(rediss)
    assert f"{OTHER_CA} its address (&sslrootcert=/path/ca.pem)" in await postgres_says(url)
    # Without a CA in the address, the CAs of the machine count.
    assert OTHER_CA in await redis_says(through(redis_server.url, redis_front, "", "rediss"))


async def test_without_tls_at_a_port_that_asks_for_it(
    redis_server: Server, postgres: Server, redis_front: int, postgres_front: int
) -> None:
    assert await redis_says(through(redis_server.url, redis_front)) == (
        "Redis closed the connection at once: if its port speaks TLS, write rediss:// in REDIS_URL"
    )
    said = await postgres_says(through(postgres.url, postgres_front, "sslmode=disable"))
    assert said.endswith("that it takes connections without TLS, which sslmode=disable asks for")


async def test_with_tls_at_a_port_that_does_not_speak_it(
    redis_server: Server, postgres: Server, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Redis waits for the end of a line that never comes.
    monkeypatch.setattr(bus.client, "CONNECT_TIMEOUT_S", 0.3)
    rediss = through(redis_server.url, port_of(redis_server), f"ssl_ca_certs={trusted}", "rediss")
    url = through(postgres.url, port_of(postgres), f"sslmode=verify-full&sslrootcert={trusted}")

    assert await redis_says(rediss) == (
        "Redis did not answer in time to the TLS handshake: if its port does not speak TLS, name"
        " the port that does, or write redis:// in REDIS_URL"
    )
    assert (await postgres_says(url)).endswith(
        "it does not speak TLS: set ssl = on there, or leave sslmode out of its address where the"
        " network is trusted"
    )


async def test_a_file_of_a_ca_that_is_no_use_is_told_before_the_first_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    empty = tmp_path / "empty.pem"
    empty.touch()
    redis = "ssl_ca_certs of the Redis URL names a file that"
    postgres = "DATABASE_URL cannot be read: sslrootcert names a file that"

    for file, why in ((tmp_path / "none", "does not exist"), (empty, "holds nothing of the kind")):
        said = await redis_says(f"rediss://{HOST}:1/0?ssl_ca_certs={file}")
        assert said.startswith(f"{redis} {why}")
        said = await postgres_says(
            f"postgresql://{HOST}:1/name?sslmode=verify-full&sslrootcert={file}"
        )
        assert said.startswith(f"{postgres} {why}")
    said = await postgres_says(f"postgresql://{HOST}:1/name?sslmode=verify-full")
    assert "need the file of the CA: add &sslrootcert=" in said
    said = await postgres_says(f"postgresql://{HOST}:1/name?sslmode=verify-full&sslrootcert=system")
    assert "such as /etc/ssl/certs/ca-certificates.crt" in said


async def test_the_relays_connection_says_so_as_well(
    postgres: Server, postgres_front: int, authorities: Authorities
) -> None:
    other = authorities.other.certificate
    url = through(postgres.url, postgres_front, f"sslmode=verify-full&sslrootcert={other}")

    async def something_is_said() -> bool:
        return bool(lines)

    with structlog.testing.capture_logs() as lines:
        async with listening(url):
            await until(something_is_said, what="a line about the refused certificate")

    assert OTHER_CA in lines[0]["why"]
