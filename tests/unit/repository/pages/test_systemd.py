"""deploy/systemd is what docs/production.md installs: it fits the processes and their settings."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings
from consumers.runtime.process import EXIT_CODE_UNFIT_SETTINGS
from launch.__main__ import DUTIES_OF_SPLIT_CONSUMERS, PASSWORDS

ROOT = Path(__file__).parents[4]
SYSTEMD = ROOT / "deploy/systemd"
UNIT = (SYSTEMD / "twinstream@.service").read_text(encoding="utf-8")
PAGES = [ROOT / "docs/production.md", ROOT / "docs/ru/production.md"]
PROCESSES = ["consumers", "bots.telegram_bot", "bots.discord_bot"]
FOLDER = "/etc/twinstream/secrets"
#: The tokens that each process is given: no bot has the other one's.
TOKENS = {
    "consumers": {"telegram-token", "discord-token"},
    "bots.telegram_bot": {"telegram-token", None},
    "bots.discord_bot": {None, "discord-token"},
}
ANALYZE = shutil.which("systemd-analyze")


def variables(name: str) -> dict[str, str]:
    lines = (SYSTEMD / f"{name}.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_start_every_process(page: Path):
    [started] = re.findall(r"enable --now (.+)", page.read_text(encoding="utf-8"))

    assert started.split() == [f"twinstream@{process}" for process in PROCESSES]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The files that `make-secrets` makes, and the tokens of an operator."""
    subprocess.run([SYSTEMD / "make-secrets", tmp_path], check=True, timeout=20)
    for platform in ("telegram", "discord"):
        (tmp_path / f"{platform}_token").write_text(f"{platform}-token\n", encoding="utf-8")
    return tmp_path


def credentials(process: str) -> dict[str, str]:
    """Return where systemd takes the secrets of a process from, by the variables that name them."""
    tokens = (SYSTEMD / f"twinstream@{process}.service.d/tokens.conf").read_text(encoding="utf-8")
    unit = (UNIT + tokens).replace("%i", process)
    sources = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", unit, re.MULTILINE))
    files = dict(re.findall(r"^Environment=(\w+)=%d/(\w+)$", unit, re.MULTILINE))
    assert sorted(files.values()) == sorted(sources)
    return {variable: sources[name] for variable, name in files.items()}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_gets_settings_that_it_accepts(process: str, secrets: Path):
    given = {**variables("common"), **variables(process)}
    for variable, path in credentials(process).items():
        given[variable] = path.replace(FOLDER, str(secrets))
    settings = Settings.from_env(given)

    assert (ROOT / process.replace(".", "/") / "__main__.py").exists()
    assert settings.twinstream_config == "/etc/twinstream/twinstream.toml"
    assert settings.database_url is not None
    assert settings.forget_secret is not None
    assert {settings.telegram_token, settings.discord_token} == TOKENS[process]
    assert given.keys() - set(Settings.variables()) == {
        "PYTHONDONTWRITEBYTECODE", *credentials(process)
    }  # fmt: skip


@pytest.mark.parametrize("process", PROCESSES)
def test_each_login_is_one_that_the_roles_make_with_a_password_of_its_own(
    process: str, secrets: Path
):
    duty = process.removeprefix("bots.")
    url = (secrets / f"{process}.database_url").read_text(encoding="utf-8").strip()
    password = (secrets / f"{duty}.password").read_text(encoding="utf-8").strip()
    needed = {
        f"{variable}_FILE": one
        for variable, one in PASSWORDS.items()
        if one not in DUTIES_OF_SPLIT_CONSUMERS  # one process runs all consumers
    }
    [variable] = [variable for variable, one in needed.items() if one == duty]

    assert url == f"postgresql://twinstream_{duty}_login:{password}@127.0.0.1:5432/twinstream"
    assert variables("migrate").keys() == {"DATABASE_URL_FILE", *needed}
    assert variables("migrate")[variable] == f"{FOLDER}/{duty}.password"


def test_secrets_are_made_once_and_only_their_owner_reads_them(secrets: Path):
    elsewhere = "postgresql://twinstream_consumers_login:secret@db.example:5432/twinstream"
    (secrets / "consumers.database_url").write_text(elsewhere, encoding="utf-8")
    before = {path.name: path.read_text(encoding="utf-8") for path in secrets.iterdir()}
    made = [path for path in secrets.iterdir() if not path.name.endswith("_token")]

    subprocess.run([SYSTEMD / "make-secrets", secrets], check=True, timeout=20)

    assert {path.name: path.read_text(encoding="utf-8") for path in secrets.iterdir()} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert len({path.read_text(encoding="utf-8") for path in made}) == len(made)


def test_the_commands_of_the_operator_read_the_secrets_where_systemd_does():
    program = (SYSTEMD / "twinstream").read_text(encoding="utf-8")
    program = program.replace("$secrets", FOLDER)

    read = dict(re.findall(r"^(\w+_FILE)=(\S+)$", program, re.MULTILINE))
    assert read == credentials("consumers")


@pytest.mark.parametrize("name", ["common", *PROCESSES])
def test_no_environment_holds_a_secret(name: str):
    assert not [value for value in variables(name).values() if "PASSWORD" in value or "@" in value]
    assert not {one for one in variables(name) if "TOKEN" in one or "SECRET" in one}


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze on this machine")
@pytest.mark.parametrize("process", PROCESSES)
def test_systemd_understands_every_line_of_the_units(process: str, tmp_path: Path):
    shutil.copytree(SYSTEMD, tmp_path, dirs_exist_ok=True)
    unit = UNIT.replace("/opt/twinstream/app/.venv/bin/python", sys.executable)
    (tmp_path / "twinstream@.service").write_text(unit, encoding="utf-8")

    checked = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", f"twinstream@{process}.service"],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    complaints = [line for line in checked.stderr.splitlines() if "twinstream" in line]
    assert (checked.returncode, complaints) == (0, []), checked.stderr


def test_unfit_settings_are_not_tried_again():
    assert f"RestartPreventExitStatus={EXIT_CODE_UNFIT_SETTINGS} CREDENTIALS\n" in UNIT


@pytest.mark.parametrize("name", ["twinstream", "make-secrets"])
def test_the_commands_of_the_operator_are_programs_that_a_shell_reads(name: str):
    program = SYSTEMD / name

    assert program.stat().st_mode & stat.S_IXUSR
    subprocess.run(["sh", "-n", program], check=True, timeout=20)
