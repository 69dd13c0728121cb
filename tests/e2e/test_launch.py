"""`make sandbox`, `make demo` and `make run` as a stranger types them: real processes only."""

import asyncio
import contextlib
import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil
import pytest

from bus import connect
from config import Settings
from launch import sandbox_runner
from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import COMMUNITY, Endpoints
from launch.waiting import until
from launch.workspace import open_workspace
from tests.support import processes
from tests.support.page_commands import commands, examples
from tests.support.processes import BARE_ENVIRONMENT

CHECKOUT = Path(__file__).resolve().parents[2]

START_TIMEOUT_S = 120


@dataclass
class Running:
    process: subprocess.Popen[str]
    run_dir: Path
    endpoints: Endpoints
    output: Path


def environment(run_dir: Path) -> dict[str, str]:
    """An empty environment, but for what finds the programs."""
    return {**BARE_ENVIRONMENT, "TWINSTREAM_RUN_DIR": str(run_dir), "COLUMNS": "200"}


def launch(
    command: str, run_dir: Path, *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return processes.run("launch", command, *words, environ=environment(run_dir) | more)


@contextlib.contextmanager
def run_sandbox(run_dir: Path) -> Iterator[Running]:
    """`make sandbox`, from ready to stopped."""
    output = run_dir / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "launch", "sandbox"],
            env=environment(run_dir),
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (run_dir / "endpoints.json").exists():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield Running(process, run_dir, Endpoints.read(run_dir / "endpoints.json"), output)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox for all tests that leave it running."""
    with run_sandbox(tmp_path_factory.mktemp("run")) as running:
        yield running


def test_the_endpoints_file_names_everything(sandbox: Running) -> None:
    found = json.loads((sandbox.run_dir / "endpoints.json").read_text())

    assert {
        "redis_url",
        "database_url",
        "telegram_api_base",
        "discord_api_base",
        "discord_gateway_url",
        "discord_cdn_base",
        "control_url",
        "page_url",
    } < found.keys()
    assert found["telegram"]["chat_id"] == -1001000000001
    assert found["telegram"]["people"]["alice"] == 1001
    assert str(found["discord"]["guild_id"]) == "900000000000000001"
    assert {"channels", "roles", "people"} <= found["discord"].keys()


async def test_a_second_play_names_the_page_of_the_running_sandbox(sandbox: Running) -> None:
    file = sandbox.run_dir / "sandbox/play_url"

    async def is_served() -> bool:
        return file.exists()

    await until("the page's address", is_served)
    told = await asyncio.to_thread(launch, "play", sandbox.run_dir)

    assert told.returncode == 0, told.stdout + told.stderr
    [url] = [word for word in told.stdout.split() if "#token=" in word]
    assert f"Play in a browser {url}" in sandbox.output.read_text()
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        assert "twinstream" in await answer.text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.nightly
async def test_the_demo_plays_on_a_running_sandbox_and_both_sides_agree(sandbox: Running) -> None:
    told = await asyncio.to_thread(launch, "demo", sandbox.run_dir)

    assert told.returncode == 0, told.stdout + told.stderr
    assert "Both sides agree." in told.stdout
    assert "Discord shows the roles Newcomer and Lucky no longer" in told.stdout
    undone, _, linked_again = told.stdout.partition("... and she links them again")
    assert "the link with Mira on Discord is undone" in undone
    assert "Each account has again what it had before the link." in undone
    assert "Discord shows the role Newcomer (" in linked_again
    assert "Discord shows the role Regular instead of Newcomer" in told.stdout
    assert "Telegram shows the tag Veteran" in told.stdout
    assert "sync:discord: 2 new entries, 2 events of Discord" in told.stdout
    shown = await asyncio.to_thread(launch, "operate", sandbox.run_dir, "status")
    assert shown.returncode == 0, shown.stdout + shown.stderr


async def test_redis_and_postgres_answer_as_the_readme_says(sandbox: Running) -> None:
    redis = connect(sandbox.endpoints.redis_url, name="test")
    conn = await asyncpg.connect(sandbox.endpoints.database_url)
    try:
        for source, group in (("telegram", b"discord"), ("discord", b"telegram")):
            assert await redis.xinfo_stream(f"sync:{source}")
            [info] = await redis.xinfo_groups(f"sync:{source}")
            assert info["name"] == group
        await conn.fetch("SELECT status, COUNT(*) FROM sync_events GROUP BY status")
        await conn.fetch("SELECT * FROM transactions ORDER BY id DESC LIMIT 5")
        await conn.fetch("SELECT error_message FROM sync_events WHERE status = 'failed'")
    finally:
        await conn.close()
        await redis.aclose()


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
async def test_the_lines_of_the_readme_and_of_the_start_page_work(sandbox: Running) -> None:
    """Every `make` line that asks what runs, as the pages have it."""
    pages = (CHECKOUT / "README.md", CHECKOUT / "docs/start.md", CHECKOUT / "docs/operate.md")
    typed = {
        command
        for page in pages
        for example in examples(page)
        for command in commands(example)
        if command.startswith(("make status", "make audit", "make redis", "make psql"))
    }
    # One Python for each costs a second, so the queries of operate.md are left to another test.
    lines = sorted(line for line in typed if "transactions" not in line and "error_" not in line)

    done = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-ec", "\n".join(lines)],
        cwd=CHECKOUT,
        env=environment(sandbox.run_dir),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for said in (": well\n", "Everything adds up", "last-generated-id"):
        assert said in done.stdout


async def test_each_process_comes_to_postgres_as_a_login_of_its_own(sandbox: Running) -> None:
    logins: dict[str, str] = {}
    conn = await asyncpg.connect(sandbox.endpoints.database_url)

    async def all_are_there() -> bool:
        # A process that is ready may hold no connection at this moment.
        found = await conn.fetch(
            """
            SELECT DISTINCT application_name, usename FROM pg_stat_activity
            WHERE application_name LIKE 'twinstream/%/%'
                AND application_name NOT SIMILAR TO '%/(relay-listen|slots|play|play-breaks)'
            """
        )
        logins.update((name.rpartition("/")[2], login) for name, login in found)
        return len(logins) == 3

    try:
        await until("a connection of each process", all_are_there)
    finally:
        await conn.close()

    assert logins == {
        "consumers": "twinstream_consumers_login",
        "telegram-bot": "twinstream_telegram_bot_login",
        "discord-bot": "twinstream_discord_bot_login",
    }


@pytest.mark.nightly
async def test_the_lines_that_it_prints_answer_and_show_no_password(sandbox: Running) -> None:
    printed = sandbox.output.read_text()
    passwords = [
        urlsplit(url).password or "no password"
        for url in (sandbox.endpoints.database_url, sandbox.endpoints.redis_url)
    ]
    assert not any(password in printed for password in passwords)
    asked = [line.strip() for line in printed.splitlines() if line.strip().startswith("make ")]
    assert len(asked) == 6
    for line in asked:
        _, target, argument = shlex.split(line)
        told = await asyncio.to_thread(
            launch, target, sandbox.run_dir, argument.removeprefix("ARGS=")
        )

        assert told.returncode == 0, told.stderr
        assert told.stdout.strip()
        assert not any(password in told.stdout for password in passwords)


def test_only_the_owner_can_read_what_it_writes_and_no_argument_holds_a_password(
    sandbox: Running,
) -> None:
    passwords = [
        urlsplit(url).password or "no password"
        for url in (sandbox.endpoints.database_url, sandbox.endpoints.redis_url)
    ]
    folder = sandbox.run_dir / "sandbox"

    assert (sandbox.run_dir / "endpoints.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "addresses.json").stat().st_mode & 0o777 == 0o600
    for log in (*(folder / "logs").iterdir(), *folder.glob("*/*.log")):
        assert not any(password in log.read_text() for password in passwords), log
    for process in psutil.Process(sandbox.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            shown = " ".join(process.cmdline())
            assert not any(password in shown for password in passwords), shown


async def test_status_shows_on_one_screen_that_all_is_well(sandbox: Running) -> None:
    shown = await asyncio.to_thread(launch, "operate", sandbox.run_dir, "status")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert ": well\n" in shown.stdout
    assert "bots         telegram" in shown.stdout


@pytest.mark.nightly
async def test_an_operators_command_finds_what_runs_here(sandbox: Running) -> None:
    audited = await asyncio.to_thread(launch, "operate", sandbox.run_dir, "audit")
    compared = await asyncio.to_thread(
        launch, "operate", sandbox.run_dir, "reconcile", "--now", "--dry-run"
    )

    assert audited.returncode == 0, audited.stderr
    assert "Everything adds up" in audited.stdout
    assert compared.returncode == 0, compared.stderr
    assert "nothing differs" in compared.stdout
    assert "not looked at" not in compared.stdout


async def test_a_second_sandbox_in_the_same_folder_says_what_to_do(sandbox: Running) -> None:
    refused = await asyncio.to_thread(launch, "sandbox", sandbox.run_dir)

    assert refused.returncode == 1
    assert "already runs" in refused.stderr
    assert "TWINSTREAM_RUN_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.nightly
async def test_a_bot_that_was_killed_comes_back_and_answers(sandbox: Running) -> None:
    roster = sandbox.run_dir / "sandbox" / "processes.json"
    pid = json.loads(roster.read_text())["telegram-bot"][0]
    async with SandboxClient(sandbox.endpoints.control_url) as client:
        before = await client.newest()
        psutil.Process(pid).kill()
        await client.wait_for(
            "the bot's return",
            lambda call: call.name == "setMyCommands",
            after=before,
            timeout_s=90,
        )
        asked = await client.newest()
        await client.post("/telegram/say", chat_id=1003, user_id=1003, text="/help")
        await client.wait_for(
            "an answer", lambda call: call.name == "sendMessage" and call.status == 200, after=asked
        )


async def test_servers_that_were_killed_come_back_and_the_game_goes_on(sandbox: Running) -> None:
    family = psutil.Process(sandbox.process.pid).children(recursive=True)
    servers = [one for one in family if one.name() in ("postgres", "valkey-server")]
    for server in servers:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.kill()

    async def answers() -> bool:
        try:
            conn = await asyncpg.connect(sandbox.endpoints.database_url)
        except (OSError, asyncpg.PostgresError):
            return False
        await conn.close()
        return True

    await until("the return of Postgres at its address", answers, timeout_s=60)
    async with SandboxClient(sandbox.endpoints.control_url) as client:
        olga = await SandboxMember.arrive(client, sandbox.endpoints, "Olga")
        answer = await olga.win_in_telegram()

        async def tagged() -> bool:
            return await olga.tag() == "Newcomer"

        assert "You earned 15 XP" in answer.text
        await until("the tag", tagged, timeout_s=60)


@pytest.mark.nightly
async def test_ctrl_c_leaves_no_process_behind_and_the_data_stays(tmp_path: Path) -> None:
    with run_sandbox(tmp_path) as sandbox:
        async with SandboxClient(sandbox.endpoints.control_url) as client:
            await (await SandboxMember.arrive(client, sandbox.endpoints, "Nina")).win_in_telegram()
        conn = await asyncpg.connect(sandbox.endpoints.database_url)
        rows = await conn.fetchval("SELECT count(*) FROM transactions")
        await conn.close()
        family = psutil.Process(sandbox.process.pid).children(recursive=True)
        assert len(family) >= 6

        sandbox.process.send_signal(signal.SIGINT)

        assert await asyncio.to_thread(sandbox.process.wait, 60) == 0, sandbox.output.read_text()
        assert not psutil.wait_procs(family, timeout=5)[1]
        assert not (sandbox.run_dir / "endpoints.json").exists()
    with open_workspace(tmp_path / "sandbox", Settings()) as workspace:
        conn = await asyncpg.connect(workspace.database_url)
        assert rows > 0
        assert await conn.fetchval("SELECT count(*) FROM transactions") >= rows
        await conn.close()


async def test_settings_that_are_unfit_are_said_at_once(tmp_path: Path) -> None:
    community = tmp_path / "twinstream.toml"
    community.write_text((CHECKOUT / COMMUNITY).read_text() + "\n[reward]\n")

    said = r"with these settings:\n(.*\n)*.*\breward\b"
    with (
        open_workspace(tmp_path / "sandbox", Settings()) as workspace,
        pytest.raises(LaunchError, match=said),
    ):
        async with sandbox_runner.run_sandbox(workspace, community=community):
            pass


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = launch("play", tmp_path, f"--port={port}")

    assert refused.returncode == 1
    assert f"cannot listen on port {port}" in refused.stderr
    assert not (tmp_path / "sandbox/logs/sandbox.log").exists()


def test_run_without_tokens_says_which_and_where_from(tmp_path: Path) -> None:
    refused = launch("run", tmp_path)

    assert refused.returncode == 2
    for word in ("TELEGRAM_TOKEN", "@BotFather", "DISCORD_TOKEN", "discord.com", "make sandbox"):
        assert word in refused.stderr
    assert "Traceback" not in refused.stderr


def test_status_without_anything_running_says_so(tmp_path: Path) -> None:
    refused = launch("operate", tmp_path, "status")

    assert refused.returncode == 1
    assert "make sandbox" in refused.stderr


async def test_what_a_running_sandbox_earned_is_not_removed(sandbox: Running) -> None:
    refused = await asyncio.to_thread(launch, "clean", sandbox.run_dir)

    assert refused.returncode == 1
    assert "already runs" in refused.stderr
    assert (sandbox.run_dir / "sandbox" / "postgres").exists()
