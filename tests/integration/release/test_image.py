"""The processes of the image start with what requirements.txt installs, and with nothing more."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]

#: Runs in a process of its own: hides every package that requirements.txt does not pin, then the
#: code that follows it.
AS_IN_THE_IMAGE = """
    import importlib.metadata, re, sys
    from pathlib import Path

    plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
    lines = Path("requirements.txt").read_text().splitlines()
    pinned = {plain(line.split("==")[0]) for line in lines if "==" in line}
    hidden = {
        package
        for package, owners in importlib.metadata.packages_distributions().items()
        if not {plain(owner) for owner in owners} & pinned
    } - {"_distutils_hack", "distutils-precedence"}

    class Hide:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in hidden:
                raise ModuleNotFoundError(f"requirements.txt does not bring {name}")

    assert "pytest" in hidden and "msgspec" not in hidden
    sys.meta_path.insert(0, Hide())
"""


def run_as_in_the_image(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(AS_IN_THE_IMAGE) + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.parametrize(
    "service",
    [
        # It takes seconds to import, and little of it is not in the other two.
        pytest.param("telegram-bot", marks=pytest.mark.nightly),
        "discord-bot",
        "consumers",
    ],
)
def test_a_process_imports_nothing_that_the_image_has_not_got(service):
    module = SERVICES[service]["command"][2]

    done = run_as_in_the_image(f"import {module}.__main__")

    assert done.returncode == 0, done.stderr


def test_the_migration_runs_on_what_the_image_has_got():
    done = run_as_in_the_image(
        "import runpy; sys.argv = ['launch', 'migrate', '--help'];"
        "runpy.run_module('launch', run_name='__main__', alter_sys=True)"
    )

    assert done.returncode == 0, done.stderr
