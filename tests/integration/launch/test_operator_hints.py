"""Texts that tell an operator what to type: they name what this machine has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import ConfigError, Settings
from consumers.runtime.operator_commands import (
    OPERATOR_COMMAND,
    SYSTEMD_CHECKOUT,
    Place,
    command,
    destroy_group,
    end_transaction,
    place_of,
    start,
)
from launch import operator_hints
from launch.__main__ import app, main
from launch.errors import LaunchError


@pytest.fixture
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # there is no .env
    for name in (*Settings.variables(), *Settings.file_variables()):
        # Set first, so that what a command reads from .env is gone after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_no_settings")
@pytest.mark.parametrize("asked", ["status", "doctor", "audit", "dead", "rebuild", "reconcile"])
def test_with_nothing_running_the_operators_commands_name_what_to_start(asked: str) -> None:
    refused = CliRunner().invoke(app, ["operate", asked])

    assert isinstance(refused.exception, LaunchError)
    for word in ("make run", "make sandbox", "DATABASE_URL"):
        assert word in str(refused.exception)


@pytest.mark.usefixtures("_no_settings")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("TELEGRAM_TOKEN=42:ЖЖ\n".encode("cp1251"), ".env is not saved as UTF-8"),
        (b"TWINSTREAM_LOG_LEVEL=a\0b\n", ".env cannot be read"),
        ("TWINSTREAM_LOG_LEVEL=loud\n".encode("utf-8-sig"), "TWINSTREAM_LOG_LEVEL is 'loud'"),
    ],
)
def test_an_unfit_env_file_is_named(content: bytes, sentence: str) -> None:
    Path(".env").write_bytes(content)

    refused = CliRunner().invoke(app, ["operate", "status"])

    assert isinstance(refused.exception, ConfigError)
    assert sentence in str(refused.exception)


@pytest.mark.usefixtures("_no_settings")
@pytest.mark.parametrize("command_name", ["sandbox", "play", "demo"])
@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL", "DATABASE_URL_FILE"])
def test_the_sandbox_plays_on_no_server_of_an_env_file(command_name: str, name: str) -> None:
    Path("address").write_text("postgresql://127.0.0.1:1/community")
    address = str(Path("address").resolve()) if name.endswith("_FILE") else "redis://127.0.0.1:1/0"
    Path(".env").write_text(f"{name}={address}\n")

    refused = CliRunner().invoke(app, [command_name])

    assert isinstance(refused.exception, ConfigError)
    assert f".env names {name} of `make run`" in str(refused.exception)
    assert f"put `{name}=` before the command" in str(refused.exception)
    assert not Path(".run").exists()


@pytest.mark.usefixtures("_no_settings")
@pytest.mark.parametrize("command_name", ["migrate", "roles", "contract", "psql"])
def test_an_unfit_address_of_postgres_is_one_sentence_and_exit_code_2(
    command_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unfit = "postgresql://me:correct-horse@127.0.0.1:1/name?sslmode=sometimes"
    if command_name == "psql":  # it would become psql, which reads the options itself
        unfit = "mysql://me:correct-horse@127.0.0.1:1/name"
    monkeypatch.setenv("DATABASE_URL", unfit)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("sys.argv", ["launch", command_name])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("DATABASE_URL cannot be read: ")
    assert "correct-horse" not in told


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("dead", "list"), "`make dead`"),
        (("dead", "show", "7"), '`make dead ARGS="show 7"`'),
        (("reconcile", "--now"), "`make reconcile`"),
        (("reconcile", "--now", "--accept"), "`make reconcile ARGS=--accept`"),
        (("rebuild",), "`make rebuild`"),
    ],
)
def test_a_hint_names_the_target_that_a_checkout_has(
    words: tuple[str, ...], typed: str, checkout: Path
) -> None:
    assert command(*words, place=Place.CHECKOUT) == typed
    assert f"\n{words[0]}: " in (checkout / "Makefile").read_text()


def test_a_hint_in_an_image_names_the_module() -> None:
    said = command("dead", "show", "7", place=Place.IMAGE)

    assert said == "`python -m consumers dead show 7`"


def test_a_hint_under_systemd_names_the_operators_command_and_the_units() -> None:
    said = command("dead", "list", place=Place.SYSTEMD)

    assert said == "`sudo twinstream dead list`"
    assert start(place=Place.SYSTEMD).startswith("`sudo systemctl start twinstream@consumers ")
    assert "make" not in end_transaction(7, place=Place.SYSTEMD)
    assert destroy_group("sync:telegram", "x", place=Place.SYSTEMD).startswith("`redis-cli ")


def test_a_hint_under_compose_names_lines_for_the_machine_that_runs_docker() -> None:
    compose = Place.COMPOSE

    assert command("dead", "show", "7", place=compose) == (
        "`docker compose exec consumers python -m consumers dead show 7`"
    )
    assert end_transaction(7, place=compose) == (
        '`docker compose exec postgres psql -U twinstream -c "SELECT pg_terminate_backend(7)"`'
    )
    assert destroy_group("sync:telegram", "x", place=compose) == (
        "`docker compose exec redis redis-cli --user operator XGROUP DESTROY sync:telegram x`"
    )
    assert start(place=compose) == "`docker compose up -d`"


def test_a_process_of_compose_names_lines_of_compose_from_its_first_import() -> None:
    say = "from consumers.reconcile.decisions import verdicts; print(verdicts.ACCEPT)"
    done = subprocess.run(
        [sys.executable, "-c", say],
        env={**os.environ, "TWINSTREAM_DEPLOYMENT": "compose"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    assert done.stdout.startswith("`docker compose exec consumers python -m consumers reconcile ")


def test_another_deployment_than_compose_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"TWINSTREAM_DEPLOYMENT is 'swarm'"):
        Settings.from_env({"TWINSTREAM_DEPLOYMENT": "swarm"})


def test_the_place_that_systemd_runs_is_the_one_of_the_page(checkout: Path, tmp_path: Path) -> None:
    installed = tmp_path / "twinstream"
    installed.touch()
    page = (checkout / "docs/production.md").read_text(encoding="utf-8")

    assert place_of(SYSTEMD_CHECKOUT, installed) is Place.SYSTEMD
    assert place_of(checkout, installed) is Place.CHECKOUT
    assert place_of(tmp_path, installed) is Place.IMAGE
    assert place_of(tmp_path, installed, deployment="compose") is Place.COMPOSE
    assert f'git clone "$REPOSITORY" {SYSTEMD_CHECKOUT} ' in page
    assert f"install deploy/systemd/twinstream {OPERATOR_COMMAND.parent}/ " in page


def test_the_end_of_the_demo_names_no_servers_that_are_gone() -> None:
    stopped = "\n".join(operator_hints.after_demo(still_runs=False))
    running = "\n".join(operator_hints.after_demo(still_runs=True))

    assert "make sandbox" in stopped
    assert "make psql" not in stopped
    assert "make psql" in running
