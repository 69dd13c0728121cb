"""`python -m consumers import-history`, and what tells operators of history before it matters."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from config import ConfigError, Settings
from config.outside_text.terminal import Terminal
from consumers.operate import doctor
from consumers.operate import history_import as command
from consumers.operate.status import command as screen
from consumers.reconcile.decisions import history_rows
from consumers.runtime.resources import Resources
from tests.support.processes import BARE_ENVIRONMENT, run

TABLE = "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)"


@pytest.fixture
def settings(settings: Settings, own_redis_url: str, config: Path) -> Settings:
    return settings.__class__(
        redis_url=own_redis_url,
        database_url=settings.database_url,
        twinstream_config=str(config),
    )


@pytest.fixture
def config(checkout: Path, tmp_path: Path) -> Path:
    """The sandbox's ladder (10, 30, 45, 150), and Discord's table."""
    file = tmp_path / "twinstream.toml"
    ladder = (checkout / "sandbox/twinstream.toml").read_text(encoding="utf-8")
    file.write_text(f'{ladder}\n[stores.discord]\ntable = "users"\n', encoding="utf-8")
    return file


async def ran(settings: Settings, capsys, *, dry_run: bool = False) -> tuple[int, list[str]]:
    """Run the command; return its exit code and the cells of each row that it printed."""
    request = command.Request("discord", dry_run)
    code = await command.run(settings, Terminal(width=200), request)
    said = capsys.readouterr().out
    return code, [" ".join(line.replace("│", " ").split()) for line in said.splitlines()]


async def test_a_dry_run_shows_what_the_import_then_does(settings, pool, capsys):
    await pool.execute(TABLE)
    await pool.execute("INSERT INTO users VALUES (1, 20, 5), (2, 200, 0), (3, 0, -4)")

    looked, would = await ran(settings, capsys, dry_run=True)
    assert await pool.fetchval("SELECT count(*) FROM members") == 0
    done, did = await ran(settings, capsys)

    assert (looked, done) == (command.EXIT_CODE_LEFT, command.EXIT_CODE_LEFT)
    for line in (
        "accounts looked at 3",
        "of them new to twinstream 2",
        "none Newcomer 1",
        "none Legend 1",
        f"balance {history_rows.BELOW_ZERO} 1 3",
    ):
        assert line in would
        assert line in did
    for line in ("members with history {} 2", "XP {} 220", "balance {} 5"):
        assert line.format("to import") in would
        assert line.format("imported") in did
    assert "A dry run: nothing was imported, and no row was changed." in would
    assert await pool.fetchval("SELECT sum(delta_xp) FROM transactions") == 220

    again, said = await ran(settings, capsys)
    assert (again, "members with history imported 0" in said) == (command.EXIT_CODE_LEFT, True)


async def test_it_is_a_command_of_the_consumers(settings, pool):
    await pool.execute(TABLE)
    await pool.execute("INSERT INTO users VALUES (1, 20, 5)")
    environment = {
        **BARE_ENVIRONMENT,
        "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url,
        "TWINSTREAM_CONFIG": settings.twinstream_config,
    }

    done = await asyncio.to_thread(
        run, "consumers", "import-history", "discord", environ=environment
    )

    assert done.returncode == command.EXIT_CODE_DONE, done.stderr
    assert await pool.fetchval("SELECT sum(delta_balance) FROM transactions") == 5


async def test_without_a_table_there_is_nothing_to_import(settings):
    with pytest.raises(ConfigError, match=r"no \[stores.telegram\]"):
        await command.run(settings, Terminal(quiet=True), command.Request("telegram", False))


async def test_the_doctor_and_the_status_tell_of_history_before_any_pass_and_until_it_is_imported(
    settings, resources, pool, capsys
):
    await pool.execute(TABLE)
    await pool.execute("INSERT INTO users VALUES (1, 20, 5)")
    what = "history in Discord's table"

    assert "1 members or more have some" in (await diagnoses(settings))[what]
    await hold(pool, "history", platform="discord", subject="store")
    assert "1 findings are held" in (await diagnoses(settings))[what]
    assert (
        "1 finding of history that is not imported, such as discord account 1: look, then import\n"
        '   make import-history ARGS="discord --dry-run"'
    ) in await status(resources, capsys)

    await command.run(settings, Terminal(quiet=True), command.Request("discord", False))

    assert what not in await diagnoses(settings)
    assert "held:" not in await status(resources, capsys)


async def test_the_doctor_and_the_status_tell_of_other_held_findings(
    settings, resources, pool, capsys
):
    await pool.execute(TABLE)
    await hold(pool, None, platform="telegram", subject="books")

    assert "1 in telegram's books" in (await diagnoses(settings))["reconcile"]
    assert "held: 1 in telegram books" in await status(resources, capsys)


async def hold(pool: asyncpg.Pool, held_for: str | None, *, platform: str, subject: str) -> None:
    """A finding that reconcile holds until the operator decides."""
    run = await pool.fetchval(
        "INSERT INTO reconcile_runs (cause, owner, lease_until, everybody,"
        " status, finished_at, stopped_because)"
        " VALUES ('asked', 'test', now(), true, 'stopped', now(), 'so') RETURNING id"
    )
    await pool.execute(
        "INSERT INTO drift (run_id, platform, subject, subject_id, account_id, field, seen,"
        " expected, difference, in_flight, held_for, decision, why, decided_at)"
        " VALUES ($1, $2, $3, 1, 1, 'xp', '20', '0', 20, '', $4, 'held', 'so', now())",
        run,
        platform,
        subject,
        held_for,
    )


async def diagnoses(settings: Settings) -> dict[str, str]:
    return {one.what: one.remedy async for one in doctor.examine(settings) if one.remedy}


async def status(resources: Resources, capsys) -> str:
    capsys.readouterr()
    await screen.run(resources.settings, Terminal(width=200), keys=resources.keys)
    return str(capsys.readouterr().out)
