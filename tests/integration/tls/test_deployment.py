"""Everything that we run, with TLS to both servers, a CA of our own, and the addresses in files."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

import schemas
from bus import Client, Keys, Publisher, connect, ping
from bus.client import protection
from config import Settings
from consumers.operate import doctor
from consumers.operate.doctor import POSTGRES_BY_TLS, REDIS_BY_TLS
from db import Producer, encryption, open_pool
from db.url import read
from launch.migrate import migrate
from launch.servers import start_postgres
from tests.integration.tls.conftest import HOST, through
from tests.support.patience import PATIENCE_S
from tests.support.processes import CHECKOUT, SERVICE_ROLES, consumers, environment
from tests.support.settling import until
from tests.support.tls import Certificate

TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
[consumers]
block_ms = 100
# Only a notification lets the relay publish within the patience of a test.
relay_interval_ms = 3600000
relay_after_ms = 0
"""


@pytest.fixture
def secret_files(tls_database_url: str, tls_redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a process whose addresses stand in files."""
    (tmp_path / "database_url").write_text(f"{tls_database_url}\n")
    (tmp_path / "redis_url").write_text(f"{tls_redis_url}\n")
    (tmp_path / "twinstream.toml").write_text(TOML)
    return environment(
        DATABASE_URL_FILE=str(tmp_path / "database_url"),
        REDIS_URL_FILE=str(tmp_path / "redis_url"),
        TWINSTREAM_CONFIG=str(tmp_path / "twinstream.toml"),
        TWINSTREAM_RUN_DIR=str(tmp_path / "run"),
    )


async def completed(pool: asyncpg.Pool, key: str) -> bool:
    status = await pool.fetchval(
        "SELECT status FROM twinstream.sync_events WHERE idempotency_key = $1", key
    )
    return bool(status == "completed")


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    redis = connect(url, name="test")
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def bot_pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(url, name="test")
    try:
        yield pool
    finally:
        pool.terminate()


async def run(*command: str, environ: dict[str, str]) -> tuple[int, str]:
    """Run a command beside this loop, which serves the fronts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=CHECKOUT,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_an_event_goes_its_whole_way_and_operators_look_on(
    pool: asyncpg.Pool, tls_database_url: str, tls_redis_url: str, secret_files: dict[str, str]
) -> None:
    assert await asyncio.to_thread(migrate, tls_database_url) == ""
    async with (
        client(tls_redis_url) as redis,
        bot_pool(tls_database_url) as ours,
        consumers(*SERVICE_ROLES, environ=secret_files) as process,
    ):
        await process.settled()
        producer = Producer(ours, schemas, Publisher(redis, Keys()))
        event = await producer.create_xp_change_event(
            user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
        )
        await until(lambda: completed(pool, event.idempotency_key), what="the event is settled")
        # Recorded in SQL, so only a notification tells the relay.
        await pool.execute("SELECT FROM twinstream.record_xp('discord', 2002, 15, 'game', '2')")
        key = await pool.fetchval(
            "SELECT idempotency_key FROM twinstream.sync_events WHERE source = 'discord'"
        )
        await until(lambda: completed(pool, key), what="the event of SQL is settled")

        code, status = await run("consumers", "status", environ=secret_files)
        _, said = await run("launch", "redis", "XLEN sync:dead", environ=secret_files)
        _, asked = await run("launch", "psql", "SELECT 40 + 2", environ=secret_files)
        assert await process.terminate() == 0

    assert "Postgres" in status
    assert "answered in" in status
    assert code in (0, 1), status  # no bot has reported
    assert said.strip() == "0"
    assert ("42" in asked) if shutil.which("psql") else ("built without it" in asked)
    told = "\n".join((process.text, status, said, asked))
    for url in (tls_database_url, tls_redis_url):
        assert (urlsplit(url).password or "") not in told


@asynccontextmanager
async def remote(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Count loopback as another machine, as an address of this one would need a network."""
    monkeypatch.setattr("db.encryption._is_local", lambda _: False)
    monkeypatch.setattr("bus.url._is_loopback", lambda _: False)
    yield


async def connections(settings: Settings) -> dict[str, str]:
    return {
        one.what: one.note
        async for one in doctor.examine(settings)
        if one.what.startswith("connection") and one.remedy is None
    }


async def test_the_doctor_says_how_a_connection_to_another_machine_is_protected(
    database_url: str,
    tls_database_url: str,
    tls_redis_url: str,
    secret_files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified = Settings.from_env(secret_files)
    plain_redis = through(tls_redis_url, 1, "", "redis")

    def changed(database: str, redis: str = tls_redis_url) -> Settings:
        return msgspec.structs.replace(verified, database_url=database, redis_url=redis)

    assert await connections(verified) == {}  # on this machine
    async with remote(monkeypatch):
        fine = "encrypted, and the certificate of the server is verified"
        assert await connections(verified) == {
            "connection to Postgres": fine, "connection to Redis": fine
        }  # fmt: skip
        unproven = tls_database_url.partition("?")[0] + "?sslmode=require"
        careless = tls_redis_url.partition("?")[0] + "?ssl_cert_reqs=none"
        found = await connections(changed(unproven, careless))
        assert found["connection to Postgres"].startswith("encrypted, but the certificate is not")
        assert found["connection to Postgres"].endswith(POSTGRES_BY_TLS)
        assert found["connection to Redis"].endswith(REDIS_BY_TLS)
        found = await connections(changed(database_url, plain_redis))
        assert found["connection to Postgres"].startswith("not encrypted")
        assert protection(plain_redis) == (False, False, False)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("postgresql:///name", True),
        ("postgresql://localhost/name", True),
        ("postgresql://user@127.0.0.2:5432/name", True),
        ("postgresql://[::1]/name", True),
        ("postgresql://user@%2Fvar%2Frun/name", True),
        ("postgresql:///name?host=/var/run", True),
        ("postgresql:///name?host=db.example", False),
        ("postgresql://postgres/name", False),
        ("postgresql://localhost,10.0.0.1/name", False),
    ],
)
def test_an_address_of_this_machine_is_known(url: str, is_local: bool) -> None:
    assert all(map(encryption._is_local, read(url).hosts)) is is_local


def machines_postgres() -> Path | None:
    """Return the programs of a Postgres of this machine, which speaks TLS itself."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


@pytest.mark.nightly
async def test_a_postgres_with_ssl_on(
    certificate: Certificate, trusted: Path, tmp_path: Path
) -> None:
    if (programs := machines_postgres()) is None:
        pytest.skip("this machine has no Postgres of its own, and the wheel's speaks no TLS")
    with start_postgres(tmp_path / "postgres", programs=programs) as server:
        data = tmp_path / "postgres" / "data"
        owner = data.stat()
        for source, name in ((certificate.certificate, "our.crt"), (certificate.key, "our.key")):
            shutil.copy(source, data / name)
            os.chown(data / name, owner.st_uid, owner.st_gid)
            (data / name).chmod(0o600)
        conn = await asyncpg.connect(server.url)
        for name, value in (("cert_file", "our.crt"), ("key_file", "our.key")):
            await conn.execute(f"ALTER SYSTEM SET ssl_{name} = '{value}'")
        await conn.execute("ALTER SYSTEM SET ssl = on")
        hba = data / "pg_hba.conf"
        hba.write_text(hba.read_text().replace("host ", "hostssl "))
        await conn.execute("SELECT pg_reload_conf()")
        await conn.close()
        port = urlsplit(server.url).port
        assert port is not None
        verified = through(server.url, port, f"sslmode=verify-full&sslrootcert={trusted}")

        assert "Applied" in await asyncio.to_thread(migrate, verified)
        async with await open_pool(verified, name="test") as pool, pool.acquire() as conn:
            # Postgres itself tells.
            assert await conn.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert await encryption.protection(conn, verified) == (True, True, True)
        with pytest.raises(Exception, match="no encryption; if it asks for TLS, write sslmode=ve"):
            await open_pool(through(server.url, port, "sslmode=disable"), name="test")


async def test_redis_answers_by_tls(tls_redis_url: str) -> None:
    redis = connect(tls_redis_url, name="test")
    await ping(redis)
    await redis.aclose()
    assert urlsplit(tls_redis_url).hostname == HOST
