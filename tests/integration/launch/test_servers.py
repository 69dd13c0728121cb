"""The embedded servers are real, keep their data, and are never left running."""

import shutil
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest

from bus import connect
from launch.errors import LaunchError
from launch.migrate import SCHEMA, dump_schema, migrate
from launch.servers import Server, start_postgres, start_redis
from tests.support.postgres_programs import OTHER_TEXT, has_the_text_of_the_schema


async def test_postgres_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    with start_postgres(tmp_path) as server:
        conn = await asyncpg.connect(server.url)
        await conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await conn.close()

    with start_postgres(tmp_path) as server:
        conn = await asyncpg.connect(server.url)
        assert await conn.fetchval("SELECT answer FROM kept") == 42
        await conn.close()


async def test_redis_keeps_its_data_over_a_restart_and_evicts_nothing(tmp_path: Path) -> None:
    with start_redis(tmp_path) as server:
        redis = connect(server.url, name="test")
        await redis.set("kept", "42")
        await redis.aclose()

    with start_redis(tmp_path) as server:
        redis = connect(server.url, name="test")
        assert await redis.get("kept") == b"42"
        assert (await redis.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        await redis.aclose()


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_server_of_a_killed_launcher_is_stopped_first(start, tmp_path: Path) -> None:
    left: Server = start(tmp_path)

    with start(tmp_path) as server:
        assert server.is_running()
        assert not left.is_running()


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_stopped_server_leaves_no_process(start, tmp_path: Path) -> None:
    with start(tmp_path) as server:
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]

    assert not psutil.wait_procs(family, timeout=5)[1]


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_a_server_that_cannot_listen_says_so(start, tmp_path: Path, redis_server: Server) -> None:
    taken = int(redis_server.url.rpartition(":")[2].partition("/")[0])

    with pytest.raises(LaunchError, match="ended at once"):
        start(tmp_path, port=taken)


def test_postgres_starts_in_a_folder_that_only_root_may_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)

    with start_postgres(private / "postgres") as server:
        assert server.is_running()


def test_the_schema_file_says_what_the_migrations_make(postgres: Server, checkout: Path) -> None:
    if not has_the_text_of_the_schema():
        pytest.skip(OTHER_TEXT)
    assert dump_schema(postgres.url) == (checkout / SCHEMA).read_text(encoding="utf-8"), (
        "run `make schema`"
    )


def test_migrating_again_changes_nothing(postgres: Server) -> None:
    before = dump_schema(postgres.url)

    assert "Applied" not in migrate(postgres.url)
    assert dump_schema(postgres.url) == before


def test_the_migration_is_plain_sql_for_psql_too(postgres: Server, checkout: Path) -> None:
    """dbmate's file marks its down part; only the up part is run by hand."""
    text = next((checkout / "db" / "migrations").iterdir()).read_text(encoding="utf-8")

    assert text.startswith("-- migrate:up\n")
    assert "-- migrate:down\n" in text


def test_migrating_an_unreachable_database_says_so() -> None:
    with pytest.raises(LaunchError, match="could not be migrated"):
        migrate("postgresql://nobody@127.0.0.1:1/none?sslmode=disable")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_prints_every_target_with_its_help(checkout: Path) -> None:
    printed = subprocess.run(
        ["make"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for target in ("demo", "sandbox", "run", "test", "check", "migrate", "status", "clean"):
        assert f"make {target} " in printed
