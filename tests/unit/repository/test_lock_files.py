"""A package that was replaced in an index is not installed: pip compares hashes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCK_FILES = [file.with_suffix(".txt").name for file in sorted(ROOT.glob("requirements*.in"))]


@pytest.mark.parametrize("name", LOCK_FILES)
def test_each_package_is_pinned_with_the_hashes_of_its_files(name):
    # A line that ends with a backslash goes on in the next one.
    lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert pins
    assert [
        one for one in pins if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", one)
    ] == []


def test_make_lock_writes_each_lock_file():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\nlock:")[2].partition("\n\n")[0]

    assert set(re.findall(r"requirements[\w-]*", recipe)) == {Path(one).stem for one in LOCK_FILES}
