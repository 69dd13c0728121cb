"""The lines about Postgres on the pages for owners, on a real one: backups, and every query."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from launch.servers import Server, postgres_tool
from tests.support.page_commands import PAGES, ROOT, examples
from tests.support.postgres_programs import chosen_major

TRIAL = "twinstream_trial"
DUMP = re.compile(r"twinstream-\d{4}-\d\d-\d\d\.dump")
#: The queries that the pages have in examples and in sentences.
QUERY = re.compile(r'make psql ARGS="(SELECT .+?)"')
QUERIES = sorted({query for page in PAGES for query in QUERY.findall(page.read_text("utf-8"))})


@pytest.mark.parametrize("folder", ["docs", pytest.param("docs/ru", marks=pytest.mark.nightly)])
async def test_a_backup_is_taken_tried_and_removed(
    folder: str, pool: asyncpg.Pool, database_url: str, postgres: Server, tmp_path: Path
):
    if chosen_major() < 17:
        pytest.skip("the wheel's pg_restore exits with 1 there: the page says so, and why")
    await pool.execute(
        "SELECT * FROM twinstream.record_xp('telegram', 12345, 15, 'game_guess', '67890')"
    )
    backup = next(one for one in examples(ROOT / folder / "backup.md") if one.startswith("pg_dump"))
    trial = next(one for one in examples(ROOT / folder / "backup.md") if "createdb" in one)
    server = urlsplit(postgres.url)
    trial_url = server._replace(path="/twinstream_trial").geturl()
    programs = (postgres_tool("psql").parent, Path(sys.executable).parent, os.environ["PATH"])
    environment = {
        "PATH": ":".join(map(str, programs)),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "TWINSTREAM_CONFIG": str(ROOT / "twinstream.example.toml"),
        "PGHOST": server.hostname or "",
        "PGPORT": str(server.port),
        "PGUSER": server.username or "",
        "PGPASSWORD": server.password or "",
    }

    def typed(example: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", example],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        typed(backup)
        dump = typed("ls").strip()
        trial = trial.replace("postgresql://localhost/twinstream_trial", trial_url)
        said = typed(DUMP.sub(dump, trial))
    finally:
        left = await pool.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", TRIAL)
        await pool.execute(f"DROP DATABASE IF EXISTS {TRIAL}")

    assert DUMP.fullmatch(dump)
    assert "Everything adds up" in said
    assert left == 0


async def test_postgres_answers_every_query_of_the_pages(pool: asyncpg.Pool):
    assert len(QUERIES) >= 6
    for query in QUERIES:
        await pool.fetch(query)
