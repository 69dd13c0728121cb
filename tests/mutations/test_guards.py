"""Take each guard out of a copy of the checkout: the named test goes red, so both are needed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.guards import GUARDS

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
TESTS_FAILED = 1  # pytest's exit codes; any other above 0 means that no test had its say


@pytest.mark.parametrize("name", GUARDS)
def test_the_guard_is_where_the_table_looks_for_it(name: str, checkout: Path) -> None:
    for edit in GUARDS[name].edits:
        text = (checkout / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1
        assert edit.new != edit.old


@pytest.mark.parametrize("name", GUARDS)
def test_the_test_that_misses_it_exists(name: str, checkout: Path) -> None:
    file, _, test = GUARDS[name].test.partition("::")

    assert re.search(
        rf"^(?:async )?def {re.escape(test.partition('[')[0])}\(",
        (checkout / file).read_text(encoding="utf-8"),
        re.MULTILINE,
    )


#: Seconds for a test without its guard: some wait for several things that will not happen.
RED_S_MAX = 900


@pytest.mark.nightly
@pytest.mark.timeout(3_600)  # sixty tests, one after the other
def test_with_every_guard_in_place_every_test_is_green(copy: Path) -> None:
    tests = sorted({guard.test for guard in GUARDS.values()})

    code, output = run(copy, *tests)

    assert code == 0, output


@pytest.mark.nightly
@pytest.mark.timeout(2 * RED_S_MAX)
@pytest.mark.parametrize("name", GUARDS)
def test_without_it_its_test_is_red(name: str, copy: Path) -> None:
    GUARDS[name].take_out(copy)

    code, output = run(copy, GUARDS[name].test)

    assert code == TESTS_FAILED, output
    # A red test may leave a connection open, which is a warning.
    assert re.search(r"^1 failed(, \d+ warnings?)? in ", output, re.MULTILINE), output


@pytest.fixture
def copy(checkout: Path, tmp_path: Path) -> Path:
    """The checkout as it stands, without what is built from it."""
    return shutil.copytree(checkout, tmp_path / "checkout", ignore=NOT_COPIED)


def run(checkout: Path, *tests: str) -> tuple[int, str]:
    done = subprocess.run(
        # Those that `make test` leaves to the nightly run, too.
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider"),
            *("--timeout", str(RED_S_MAX), *tests),
        ],
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
