"""`make systemd-test` types every command that a page has for a server with systemd."""

import re
import subprocess
import sys

import pytest

from docs.site.pages import RUSSIAN
from tests.support.page_commands import PAGES, ROOT, commands, examples, proof, statements
from tests.systemd.backup import BackupExamples
from tests.systemd.page_walk import FOR_A_SERVER, FOR_COMPOSE, WALKED, of_a_server
from tests.systemd.phases import PHASES

TYPED = {one.command for page in WALKED for one in of_a_server(page)}
#: The file of settings that a Russian page copies, and the one that an English page copies.
EXAMPLES = ("twinstream.example.ru.toml", "twinstream.example.toml")
#: The proofs that are phases of `make systemd-test`.
PHASE = re.compile(r"tests/systemd/\w+\.py::\w+")


def test_every_command_for_a_server_is_on_a_page_that_is_typed():
    found = {
        command
        for page in PAGES
        for example in examples(page)
        if FOR_COMPOSE not in example
        for command in commands(example.replace(*EXAMPLES))
        if FOR_A_SERVER.match(command)
    }

    assert found - TYPED == set()


def test_each_command_that_a_phase_proves_is_typed_by_it():
    proven = {
        command
        for page in PAGES
        for example in examples(page)
        for command in commands(example.replace(*EXAMPLES))
        if (one := proof(command)) is not None and PHASE.fullmatch(one.test)
    }

    assert proven == TYPED


@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.name)
def test_the_russian_page_has_the_same_commands(page):
    def typed(one):
        return [statement.command.replace(*EXAMPLES) for statement in of_a_server(one)]

    assert typed(RUSSIAN / page.name) == typed(page) != []


def test_the_backups_page_has_the_examples_that_its_phase_knows():
    assert BackupExamples.of_the_page().dump


def test_a_statement_keeps_what_a_shell_needs():
    [first, second] = statements("a 'b\n  c'  # d\nsudo tee x <<'END'\ny # z\nEND\n")

    assert (first.command, first.text) == ("a 'b c'", "a 'b\n  c'  # d\n")
    assert (second.command, second.text) == (
        "sudo tee x <<'END'",
        "sudo tee x <<'END'\ny # z\nEND\n",
    )


def test_the_page_for_operators_says_what_each_phase_proves():
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    _, table = page.split("| phase of `make systemd-test` | what it proves |\n| --- | --- |\n")
    rows = re.match(r"(?:\|.*\n)+", table)
    assert rows is not None

    assert re.findall(r"^\| `(\w+)` \|", rows[0], re.MULTILINE) == list(PHASES)


def test_make_nightly_runs_every_phase():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^nightly-servers:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)

    assert "systemd-test ARGS=\n" in recipe


def test_without_root_it_is_skipped_with_the_reason():
    as_nobody = (
        "import os; from tests.systemd.__main__ import main\n"
        "os.geteuid() or os.setuid(65534)\n"
        "main([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", as_nobody],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("skipped: only root ")
