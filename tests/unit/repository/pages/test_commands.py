"""Every command on a page is run by a test, or marked with what it needs."""

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml

import chaos.__main__
import consumers.cli
import launch.__main__
from consumers.operate import cli as operate
from docs.site.pages import DOCS, RUSSIAN
from tests.engine.phases import PHASES, TYPING
from tests.support.page_commands import (
    PAGES,
    PROOFS,
    ROOT,
    Proof,
    commands,
    compose_commands,
    examples,
    proof,
)

EXAMPLES = [(page, example) for page in PAGES for example in examples(page)]
COMMANDS = sorted({command for _, example in EXAMPLES for command in commands(example)})
MAKE = [command for command in COMMANDS if re.match(r"(?:\w+=\S* )*make ", command)]
#: The services that a line ends or starts anew.
SEVERAL = re.compile(r"docker compose (?:stop|restart|up -d --force-recreate)((?: [\w-]+)+)")
#: The services of a line: all of `stop a b`, the one behind the options of `exec -T a command`.
COMPOSE = re.compile(
    r"docker compose (?:(?:stop|restart)((?: [\w-]+)+)|(?:exec|run)((?: -[\w-]+)* [\w-]+))"
)
#: The pages that speak to operators of a deployment.
OPERATORS = [ROOT / "README.md", ROOT / "README.ru.md", *DOCS.glob("*.md"), *RUSSIAN.glob("*.md")]
#: A program of ours with its arguments, as a target of the Makefile starts it.
PROGRAM = re.compile(r"-m (launch|consumers|chaos) ?(.*)$")


def test_every_command_has_its_proof():
    assert [command for command in COMMANDS if proof(command) is None] == []


@pytest.mark.parametrize("one", PROOFS, ids=lambda one: one.command)
def test_every_proof_is_of_a_command_and_there(one: Proof):
    assert one in map(proof, COMMANDS)
    assert bool(one.test) != bool(one.needs)
    if one.test:
        file, name = one.test.split("::")
        assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.M)


def test_the_engine_runs_every_command_that_a_page_gives_to_compose():
    """`make engine-test` proves it; without an engine, this knows what it would not run."""
    on_pages = {command for page in OPERATORS for command in compose_commands(page)}
    run = {command for module in TYPING for command in module.COMMANDS}

    assert sorted(on_pages - run) == []
    assert sorted(command for command in run - on_pages if proof(command) is None) == []


@pytest.mark.parametrize("module", TYPING, ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_phase_that_proves_commands_runs_them(module: ModuleType):
    file = Path(str(module.__file__)).relative_to(ROOT).as_posix()
    [phase] = [one for one in PHASES.values() if one.__module__ == module.__name__]
    test = f"{file}::{phase.__name__}"
    proven = [one for one in COMMANDS if (found := proof(one)) and found.test == test]

    assert proven
    assert [one for one in proven if one not in module.COMMANDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_shell_reads_every_example(page: Path):
    for example in examples(page):
        done = subprocess.run(
            ["sh", "-n"], input=example, text=True, capture_output=True, timeout=20
        )
        assert done.returncode == 0, f"{done.stderr}\n{example}"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("command", MAKE)
def test_make_knows_each_target_and_its_program_the_arguments(command: str):
    words = shlex.split(command)
    at = words.index("make")
    done = subprocess.run(
        ["make", "--dry-run", *words[at + 1 :]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **dict(word.split("=", 1) for word in words[:at])},
        text=True,
        capture_output=True,
        timeout=20,
    )

    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if found := PROGRAM.search(line):
            read(found[1], shlex.split(found[2]))


@pytest.mark.parametrize("command", [one for one in COMMANDS if "python -m consumers" in one])
def test_the_consumers_know_the_arguments(command: str):
    [found] = re.findall(r"python -m consumers ?([^'>]*)'?$", command)
    read("consumers", shlex.split(found))


def read(program: str, words: Sequence[str]) -> None:
    """Have a program read its arguments, and do nothing.

    Raises:
        ClickException: there is no such command, argument or option.
    """
    if program == "launch":
        rest = follow(typer.main.get_command(launch.__main__.app), words)
        if words[0] == "operate":
            read("consumers", rest)
    elif program == "chaos":
        follow(typer.main.get_command(chaos.__main__.cli), words)
    elif words and words[0] in (*operate.COMMANDS, "reconcile"):
        follow(typer.main.get_command(operate.app), words)
    else:
        follow(typer.main.get_command(consumers.cli.cli), words)


def follow(command: Any, words: Sequence[str]) -> list[str]:
    """Walk down to the command that the words name, and return the words that it leaves."""
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    return list(command.make_context("it", list(words)).args)


def test_unknown_arguments_are_refused():
    with pytest.raises(Exception, match="No such option"):
        read("launch", ["operate", "status", "--watches"])
    with pytest.raises(KeyError):
        read("consumers", ["dead", "lists"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_service_that_a_page_names_is_one_of_compose(page: Path):
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    named = [
        word
        for found in COMPOSE.findall(page.read_text(encoding="utf-8"))
        for word in " ".join(found).split()
        if not word.startswith("-")
    ]

    assert [word for word in named if word not in services] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_that_stops_several_processes_names_all_of_them(page: Path):
    """Roles and tags would be written while the record is being restored."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ours = {name for name, one in services.items() if "healthcheck" in one and "image" in one}
    ours -= {"redis", "postgres"}
    named = [found.split() for found in SEVERAL.findall(page.read_text(encoding="utf-8"))]

    assert [one for one in named if len(one) > 1 and set(one) != ours] == []


@pytest.mark.parametrize("folder", [DOCS, RUSSIAN], ids=["en", "ru"])
def test_the_settings_are_copied_and_filled(folder: Path, tmp_path: Path):
    for name in (".env.example", "twinstream.example.toml", "twinstream.example.ru.toml"):
        shutil.copy(ROOT / name, tmp_path)
    found = list(examples(folder / "production.md"))
    copy, fill = (next(one for one in found if word in one) for word in ("cp .env", "for name"))

    for example in (copy, fill):
        subprocess.run(["sh", "-ec", example], cwd=tmp_path, check=True, timeout=20)

    settings = (tmp_path / ".env").read_text(encoding="utf-8")
    passwords = re.findall(r"^(?:\w+_PASSWORD|FORGET_SECRET)=(.*)$", settings, re.MULTILINE)
    assert len(set(passwords)) == len(passwords) >= 7
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in passwords)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert re.sub(r"(_PASSWORD=|FORGET_SECRET=).+", r"\1", settings) == (
        ROOT / ".env.example"
    ).read_text("utf-8")


def test_commands_are_read_over_several_lines_and_without_comments():
    example = "a 'b # c' \\\n  d  # e\n# f\nsudo tee x <<'END'\ny\nEND\nsh -c 'g\n h'\n"

    assert list(commands(example)) == ["a 'b # c' d", "sudo tee x <<'END'", "sh -c 'g h'"]
