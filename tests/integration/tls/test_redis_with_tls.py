"""A Redis that speaks TLS itself: the programs in the wheels are built without it."""

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus import BusError, Keys, Publisher, connect, ping
from launch.servers import free_port
from tests.integration.tls.conftest import HOST, Authorities
from tests.support.settling import until, xp_payload
from tests.support.tls import Certificate

PASSWORD = "secret"


@pytest.fixture
async def redis_port(
    authorities: Authorities, certificate: Certificate, tmp_path: Path
) -> AsyncIterator[int]:
    """A `redis-server` of the machine that speaks TLS only. Without one, the test is skipped."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server on the PATH")
    port = free_port()
    arguments = {
        "bind": HOST,
        "port": "0",
        "tls-port": str(port),
        "tls-cert-file": str(certificate.certificate),
        "tls-key-file": str(certificate.key),
        "tls-ca-cert-file": str(authorities.ours.certificate),
        "tls-auth-clients": "no",
        "requirepass": PASSWORD,
        "dir": str(tmp_path),
        "save": "",
    }
    words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    process = await asyncio.create_subprocess_exec(
        *(program, *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )

    async def listens() -> bool:
        if process.returncode is not None:
            assert process.stdout is not None
            said = (await process.stdout.read()).decode(errors="replace")
            # One that is built without TLS does not know the settings.
            assert "tls-port" in said, said
            pytest.skip("the redis-server on the PATH is built without TLS")
        with contextlib.suppress(OSError):
            context = ssl.create_default_context(cafile=authorities.ours.certificate)
            _, writer = await asyncio.open_connection(HOST, port, ssl=context)
            writer.close()
            return True
        return False

    try:
        await until(listens, what="the Redis with TLS")
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def url(port: int, ca: Path) -> str:
    return f"rediss://:{PASSWORD}@{HOST}:{port}/0?ssl_ca_certs={ca}"


async def test_an_event_reaches_a_redis_whose_ca_is_trusted(
    redis_port: int, authorities: Authorities
) -> None:
    keys = Keys()
    redis = connect(url(redis_port, authorities.ours.certificate), name="test")
    try:
        await redis.xgroup_create(keys.stream("telegram"), "to-discord", mkstream=True)
        [entry_id] = await Publisher(redis, keys).publish("telegram", [xp_payload(7)])
        found = await redis.xrange(keys.stream("telegram"))
    finally:
        await redis.aclose()
    assert entry_id in str(found)


async def test_a_redis_whose_ca_is_not_trusted_is_refused(
    redis_port: int, authorities: Authorities
) -> None:
    redis = connect(url(redis_port, authorities.other.certificate), name="test")
    try:
        with pytest.raises(BusError, match="its certificate is not from a CA that is trusted"):
            await ping(redis)
    finally:
        await redis.aclose()
