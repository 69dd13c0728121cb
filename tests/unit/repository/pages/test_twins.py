"""A page in Russian has the examples of its English twin: both are copied, and must do the same."""

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.site.pages import DOCS, RUSSIAN
from tests.support.page_commands import commands

#: Pages that are shorter in Russian, and lead to the English ones for the rest.
SHORTER = {"architecture.md", "upgrade.md"}
TWINS = sorted(page.name for page in RUSSIAN.glob("*.md") if page.name not in SHORTER)
#: Pages for developers, of which each section says the same about the same names.
FOR_DEVELOPERS = ["integrate.md"]
EXAMPLE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) .+$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def examples(page: Path) -> Iterator[tuple[str, Any]]:
    """Yield what each example of a page does, whatever its comments say in which language."""
    for _, language, text in EXAMPLE.findall(page.read_text(encoding="utf-8")):
        # Each language has its own file of example settings.
        dedented = textwrap.dedent(text).replace(".example.ru.toml", ".example.toml")
        yield language, _meaning(language, dedented)


def _meaning(language: str, text: str) -> Any:
    if language == "python":
        return _without_docstrings(text)
    if language == "toml":
        return tomllib.loads(text)
    if language == "sh":
        return list(commands(text))
    if language == "sql":
        return re.sub(r" *--.*", "", text).split()
    # A screen or a drawing has words of the language.
    return text.split() if language in {"json", "cron"} else None


def _without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.unparse(tree)


def sections(page: Path) -> list[tuple[str, set[str]]]:
    """Return the level of each heading of a page, and the names in code of the text below it."""
    text = EXAMPLE.sub("", page.read_text(encoding="utf-8"))
    _, *parts = HEADING.split(text)
    return [
        (level, {" ".join(one.split()) for one in CODE.findall(below)})
        for level, below in zip(parts[::2], parts[1::2], strict=True)
    ]


@pytest.mark.parametrize("name", TWINS)
def test_what_is_copied_from_the_russian_page_is_what_is_copied_from_the_english_one(name: str):
    assert list(examples(RUSSIAN / name)) == list(examples(DOCS / name))


@pytest.mark.parametrize("name", FOR_DEVELOPERS)
def test_each_section_for_developers_is_about_the_same_names_in_russian(name: str):
    assert sections(RUSSIAN / name) == sections(DOCS / name)


def test_an_example_is_read_without_the_words_of_its_language():
    english = '# a\ndef b():\n    """Say."""\n    return 1\n'
    russian = english.replace("Say", "Сказать").replace("# a", "# б")

    assert _meaning("python", english) == _meaning("python", russian)
    assert _meaning("python", english) != _meaning("python", russian.replace("1", "2"))
    assert _meaning("sql", "SELECT 1; -- a") == _meaning("sql", "SELECT 1; -- б")
    assert _meaning("toml", "a = 1 # a") != _meaning("toml", "a = 2 # a")
