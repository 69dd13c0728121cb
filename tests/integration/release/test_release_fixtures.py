"""The fixtures of each release can be used: its database, its wheel, its sources, its driver."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from db.pool import newest_migration
from launch.migrate import migrate
from launch.servers import Server, start_redis
from tests.support.old_release import restore

ROOT = Path(__file__).parents[3]
RELEASES = ROOT / "tests/releases"
FOLDERS = sorted(file.parent for file in RELEASES.glob("*/database.sql"))
TIMEOUT_S = 50

pytestmark = [
    pytest.mark.skipif(
        not FOLDERS, reason="no release is kept in tests/releases: `make release-fixtures`"
    ),
    pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name),
]


@pytest.fixture
def unpacked(folder: Path, tmp_path: Path) -> Path:
    """The release's source archive, unpacked."""
    with tarfile.open(folder / f"twinstream-{folder.name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / f"twinstream-{folder.name}"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """A Redis without streams, as after an upgrade of the machine."""
    with start_redis(tmp_path / "redis", persistent=False) as server:
        yield server.url


@pytest.fixture
async def restored(folder: Path, postgres: Server) -> str:
    """The address of a database that the release's dump was restored into."""
    name = f"release_{folder.name.replace('.', '_')}"
    admin = await asyncpg.connect(postgres.url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    finally:
        await admin.close()
    url = postgres.url.replace("/template", f"/{name}")
    restore(url, folder)
    return url


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_its_database_is_restored_and_migrated_and_its_driver_works_on_it(
    folder: Path, restored: str, unpacked: Path, own_redis: str
):
    def drive(*arguments: str) -> dict[str, Any]:
        driver = str(folder / "driver.py")
        said = run(sys.executable, driver, *arguments, cwd=unpacked,
                   DATABASE_URL=restored, REDIS_URL=own_redis)  # fmt: skip
        answer: dict[str, Any] = json.loads(said)
        return answer

    migrate(restored)
    conn = await asyncpg.connect(restored)
    try:
        assert (
            await conn.fetchval("SELECT max(version) FROM schema_migrations") == newest_migration()
        )
        unfinished = await conn.fetchval(
            "SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published')"
        )
        assert unfinished > 0

        recorded = drive("record", "4", "--round=100")
        settled = drive("settle")

        assert (recorded["release"], recorded["recorded"]) == (folder.name, 16)
        # Events that were recorded now have arrived, and those that the release left unfinished.
        assert settled["events"].keys() == {"completed", "failed"}
        assert await conn.fetchval(
            "SELECT bool_and(n = 2) FROM (SELECT count(*) AS n FROM transactions"
            " WHERE idempotency_key LIKE '%\\_100.%' GROUP BY idempotency_key) AS e"
        )
    finally:
        await conn.close()


def test_its_dump_names_no_machine_and_no_secret(folder: Path):
    text = (folder / "database.sql").read_text(encoding="utf-8")

    assert len(text.encode()) < 300_000
    for word in ("/tmp/", "/home/", "/root/", "SANDBOX-TELEGRAM", "SANDBOX.DISCORD.TOKEN"):
        assert word not in text


@pytest.mark.nightly  # three processes of files that stay as they are
def test_its_archive_holds_what_bots_consumers_and_image_need(folder: Path, unpacked: Path):
    assert (folder / f"twinstream-{folder.name}.tar.gz").stat().st_size < 1_000_000
    assert (unpacked / "compose.yaml").exists()
    for line in (unpacked / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            assert (unpacked / line.removeprefix("!")).exists()
    for module in ("bots.telegram_bot", "bots.discord_bot", "consumers"):
        said = run(sys.executable, "-m", module, "--version", cwd=unpacked)
        assert said == f"twinstream {folder.name}\n"


@pytest.mark.nightly
def test_its_wheel_is_installed_and_imported(folder: Path, tmp_path: Path):
    site, wheel = tmp_path / "site", folder / f"twinstream-{folder.name}-py3-none-any.whl"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", f"--target={site}", str(wheel), cwd=tmp_path)

    said = run(
        sys.executable,
        "-c",
        "import importlib.metadata, twinstream.bus, twinstream.db, twinstream.schemas;"
        "print(importlib.metadata.version('twinstream'), twinstream.db.__file__)",
        cwd=tmp_path,
        PYTHONPATH=str(site),
    )

    assert said == f"{folder.name} {site}/twinstream/db/__init__.py\n"
