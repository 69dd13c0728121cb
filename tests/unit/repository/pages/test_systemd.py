"""deploy/systemd is what docs/production.md installs: it fits the processes and their settings."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from config import Settings
from consumers.__main__ import EXIT_CODE_UNFIT_SETTINGS
from launch.__main__ import DUTIES_OF_SPLIT_CONSUMERS, PASSWORDS

ROOT = Path(__file__).parents[4]
SYSTEMD = ROOT / "deploy/systemd"
UNIT = (SYSTEMD / "twinstream@.service").read_text(encoding="utf-8")
PAGES = [ROOT / "docs/production.md", ROOT / "docs/ru/production.md"]
PROCESSES = ["consumers", "bots.telegram_bot", "bots.discord_bot"]


def variables(name: str) -> dict[str, str]:
    lines = (SYSTEMD / f"{name}.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_start_every_process(page: Path):
    [started] = re.findall(r"enable --now (.+)", page.read_text(encoding="utf-8"))

    assert started.split() == [f"twinstream@{process}" for process in PROCESSES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_fill_in_the_secret_that_members_are_forgotten_with(page: Path):
    assert "FORGET_SECRET" in variables("common")
    assert "s/^FORGET_SECRET=$/FORGET_SECRET=$(openssl" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_gets_settings_that_it_accepts(process: str):
    given = {**variables("common"), **variables(process)}
    settings = Settings.from_env(given)

    assert (ROOT / process.replace(".", "/") / "__main__.py").exists()
    assert settings.twinstream_config == "/etc/twinstream/twinstream.toml"
    assert settings.database_url is not None
    assert given.keys() - set(Settings.variables()) == {"PYTHONDONTWRITEBYTECODE"}
    unfilled = {name for name, value in given.items() if not value}
    assert (
        unfilled
        == {
            "consumers": {"TELEGRAM_TOKEN", "DISCORD_TOKEN", "FORGET_SECRET"},
            "bots.telegram_bot": {"TELEGRAM_TOKEN", "FORGET_SECRET"},
            "bots.discord_bot": {"DISCORD_TOKEN", "FORGET_SECRET"},
        }[process]
    )


def test_each_login_is_one_that_the_roles_make_with_a_password_of_its_own():
    duties = dict(zip(PROCESSES, ("consumers", "telegram_bot", "discord_bot"), strict=True))
    logins = [
        variables(process)["DATABASE_URL"].removeprefix("postgresql://").partition(":")[0]
        for process in PROCESSES
    ]

    assert logins == [f"twinstream_{duties[process]}_login" for process in PROCESSES]
    # One process runs all consumers, so nobody logs in for a direction alone.
    needed = {
        variable: duty
        for variable, duty in PASSWORDS.items()
        if duty not in DUTIES_OF_SPLIT_CONSUMERS
    }
    assert sorted(duties.values()) == sorted(needed.values())
    assert variables("migrate").keys() == {"DATABASE_URL", *needed}


def test_unfit_settings_are_not_tried_again():
    assert f"RestartPreventExitStatus={EXIT_CODE_UNFIT_SETTINGS}\n" in UNIT


def test_the_commands_of_the_operator_are_a_program_that_a_shell_reads():
    program = SYSTEMD / "twinstream"

    assert program.stat().st_mode & stat.S_IXUSR
    subprocess.run(["sh", "-n", program], check=True, timeout=20)
