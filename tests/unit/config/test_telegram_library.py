"""The quick import of aiogram: it decodes everything as the ordinary one, or gives way to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: A model that none of our processes uses, so nothing builds it.
UNUSED = "from aiogram.types import Giveaway; print(Giveaway.__pydantic_complete__)"


def python(checkout: Path, *arguments: str) -> str:
    """Run a process whose aiogram is its own, and return what it printed last."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# By day, every test of the bots decodes with the quick import (tests/conftest.py).
@pytest.mark.nightly
@pytest.mark.parametrize("variants", [1, 6])
def test_every_update_and_every_answer_is_decoded_as_after_the_ordinary_import(checkout, variants):
    samples = ("-m", "tests.support.telegram_samples")
    quick = json.loads(python(checkout, *samples, "quick", str(variants)))
    ordinary = json.loads(python(checkout, *samples, "ordinary", str(variants)))

    differing = [name for name, digest in ordinary.items() if quick.get(name) != digest]
    assert not differing
    assert quick.keys() == ordinary.keys()
    assert len(ordinary) > 60 * variants


@pytest.mark.parametrize(
    "importing",
    [
        "from bots.telegram_bot.__main__ import _load; _load()",
        "import consumers.display.telegram_tags.tags, consumers.reconcile.subjects.telegram_tags",
    ],
    ids=["bot", "consumers"],
)
def test_our_processes_build_no_model_that_they_do_not_use(checkout, importing):
    assert python(checkout, "-c", f"{importing}; {UNUSED}").strip() == "False"


BROKEN = {
    "aiogram builds its types in another way": "library._MODELS = ('elsewhere.',)",
    "a name is missing": "library._annotated = lambda module: {'NoSuchName'}",
    "an answer is decoded wrongly": "library._ANSWER['result']['user']['first_name'] = 'B'",
}


@pytest.mark.nightly
@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_where_the_quick_import_does_not_work_the_ordinary_one_is_made(checkout, change):
    script = f"""
import config.telegram_library as library
import pydantic
build = pydantic.BaseModel.__dict__["model_rebuild"]
{change}
assert library.load() is False
assert pydantic.BaseModel.__dict__["model_rebuild"] is build
assert "defer_build" not in pydantic.BaseModel.model_config
{UNUSED}
"""
    *told, complete = python(checkout, "-c", script).splitlines()

    assert complete == "True"
    assert any("models.built" in line for line in told)


def test_an_answer_that_is_decoded_wrongly_asks_for_the_ordinary_import(checkout):
    """As the nightly test, without the seconds that the ordinary import takes."""
    script = f"""
import config.telegram_library as library
{BROKEN["an answer is decoded wrongly"]}
asked = []
library._import_anew = lambda: asked.append(1)
assert library.load() is False
print(asked)
"""
    assert python(checkout, "-c", script).splitlines()[-1] == "[1]"


def test_after_an_ordinary_import_nothing_is_changed(checkout):
    script = """
import sys, types
sys.modules["aiogram"] = types.ModuleType("aiogram")
from config import telegram_library
assert telegram_library.load() is False
"""
    assert python(checkout, "-c", script) == ""
