"""Each process says which release it is, and it is the one that pyproject.toml names."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from db.release_number import RELEASE

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_code_and_the_wheel_are_of_the_same_release():
    assert PROJECT["version"] == RELEASE


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_the_readme_names_the_wheel_of_this_release(page):
    assert f"twinstream-{RELEASE}-py3-none-any.whl" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ["consumers", "bots.telegram_bot", "bots.discord_bot"])
def test_a_process_that_is_asked_says_its_release_without_any_setting(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        cwd=ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert (done.returncode, done.stdout) == (0, f"twinstream {RELEASE}\n")
