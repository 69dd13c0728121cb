"""Programs for Node, beside the packages that they need."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S

#: The packages that the program's lock file names.
AS_LOCKED = ("ci", "--fetch-retries=1")


def install(source: Path, into: Path, *, npm: tuple[str, ...] = AS_LOCKED) -> Path:
    """Copy a program's folder, install its packages with npm, and return the copy.

    Without Node, or where npm cannot reach the packages, skip the test.
    """
    folder = into / source.name
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules"))
    _npm(folder, *npm)
    return folder


def install_packages(folder: Path, *packages: str) -> None:
    """Install packages into a folder with npm, or skip the test as `install` does."""
    _npm(folder, "install", "--fetch-retries=1", *packages)


def _npm(folder: Path, *arguments: str) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node on the PATH")
    try:
        subprocess.run(
            ["npm", *arguments, "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            check=True,
            timeout=PATIENCE_S,
        )
    except subprocess.SubprocessError as error:
        pytest.skip(f"npm cannot install the packages of {folder.name}: {error}")
