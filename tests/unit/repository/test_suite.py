"""The runs of the suite: what `make nightly` reaches, where it runs, and what begins first."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.longest_files import LONGEST

ROOT = Path(__file__).parents[3]
WORKFLOWS = ROOT / ".github/workflows"
#: Minutes after which GitHub ends a job on its own machines.
HOSTED_MINUTES_MAX = 360
#: A file that imports Hypothesis draws examples.
DRAWS = re.compile(r"^(?:from|import) hypothesis\b", re.MULTILINE)
MARK = re.compile(r"pytest\.mark\.nightly\b")
#: The options of pytest that leave tests out.
SELECTING = ("-k", "--deselect", "--ignore", "--ignore-glob")


def nightly_parts() -> dict[str, str]:
    """The targets that `make nightly` makes, each with its recipe."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [parts] = re.findall(r"^nightly: (.+?) ##", makefile, re.MULTILINE)
    recipes = dict(re.findall(r"^([\w-]+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    return {part: recipes[part] for part in parts.split()}


def nightly_selection() -> list[str]:
    """The words after `pytest -m nightly` in the recipe of `make nightly`."""
    [words] = re.findall(r"/pytest -m nightly(.*)", nightly_parts()["nightly-tests"])
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
    recipe = nightly_parts()["nightly-examples"]
    [words] = re.findall(r"/pytest (.*) --hypothesis-profile nightly", recipe)
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


def test_the_hosted_night_runs_each_part_of_make_nightly():
    workflow = yaml.safe_load((WORKFLOWS / "nightly.yml").read_text(encoding="utf-8"))

    assert workflow["jobs"]["nightly"]["strategy"]["matrix"]["part"] == list(nightly_parts())


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("*.yml")), ids=lambda file: file.stem)
def test_a_workflow_is_one_that_may_only_read_and_ends(file: Path):
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "github-workflows",
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] < HOSTED_MINUTES_MAX
        [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert checkout["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_that_begins_first_exists(name):
    assert len(list((ROOT / "tests").rglob(name))) == 1
