"""The runs of the suite: what `make nightly` reaches, and what begins first."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.longest_files import LONGEST

ROOT = Path(__file__).parents[3]
#: A file that imports Hypothesis draws examples.
DRAWS = re.compile(r"^(?:from|import) hypothesis\b", re.MULTILINE)
MARK = re.compile(r"pytest\.mark\.nightly\b")
#: The options of pytest that leave tests out.
SELECTING = ("-k", "--deselect", "--ignore", "--ignore-glob")


def nightly_recipe() -> str:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^nightly:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    return str(recipe[1])


def nightly_selection() -> list[str]:
    """The words after `pytest -m nightly` in the recipe of `make nightly`."""
    [words] = re.findall(r"/pytest -m nightly(.*)", nightly_recipe())
    return str(words).split()


def test_make_nightly_reaches_every_test_that_is_left_to_it():
    words = nightly_selection()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    marked = {
        file.relative_to(ROOT).parts[0]
        for folder in ROOT.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
        for file in folder.rglob("*.py")
        if MARK.search(file.read_text(encoding="utf-8"))
    }

    assert [word for word in words if word.startswith(SELECTING) or (ROOT / word).exists()] == []
    assert marked == set(project["tool"]["pytest"]["ini_options"]["testpaths"]) == {"tests"}


def test_make_nightly_draws_more_examples_of_every_property():
    """In each file that has one, whether or not it runs by day."""
    [words] = re.findall(r"/pytest (.*) --hypothesis-profile nightly", nightly_recipe())
    longer = [ROOT / word for word in words.split()]
    drawing = [
        file
        for file in (ROOT / "tests").rglob("test_*.py")
        if DRAWS.search(file.read_text(encoding="utf-8"))
    ]

    assert [path for path in longer if not path.exists()] == []
    assert [
        str(file.relative_to(ROOT))
        for file in drawing
        if not any(file.is_relative_to(path) for path in longer)
    ] == []
    assert len(drawing) > 10


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_that_begins_first_exists(name):
    assert len(list((ROOT / "tests").rglob(name))) == 1
