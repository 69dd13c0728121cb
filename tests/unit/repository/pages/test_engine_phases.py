"""The phases of `make engine-test`: the page for operators and the program name the same ones."""

import re
import subprocess
import sys
from pathlib import Path

from tests.engine.phases import PHASES

ROOT = Path(__file__).parents[4]


def test_the_page_for_operators_says_what_each_phase_proves():
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    _, table = page.split("| phase | what it proves |\n| --- | --- |\n")
    rows = re.match(r"(?:\|.*\n)+", table)
    assert rows is not None
    named = [
        name for row in rows[0].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]

    assert named == list(PHASES)


def test_each_phase_says_in_one_line_what_it_does():
    for phase in PHASES.values():
        assert phase.__doc__
        assert "\n" not in phase.__doc__


def test_make_nightly_runs_every_phase():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^nightly-servers:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)

    assert "engine-test ARGS=\n" in recipe


def test_without_root_it_is_skipped_with_the_reason():
    as_nobody = (
        "import os; from tests.engine.__main__ import main\n"
        "os.geteuid() or os.setuid(65534)\n"
        "main(['up'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", as_nobody],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("skipped: only root ")
