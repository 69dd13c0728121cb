"""docs/runbooks.md, in both languages, leads from each line of `make status` to what to do."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PAGES = {
    "en": (ROOT / "docs/runbooks.md").read_text(encoding="utf-8"),
    "ru": (ROOT / "docs/ru/runbooks.md").read_text(encoding="utf-8"),
}
#: A command or a line of a screen.
QUOTED = re.compile("`([^`]+)`")
ADVICE = ast.parse((ROOT / "consumers/operate/status/advice.py").read_text(encoding="utf-8"))
#: Stands for a value in a text.
GAP = "..."


def texts(tree: ast.AST) -> list[str]:
    """Return each text in a piece of code, with a gap for each value."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (
                str(one.value) if isinstance(one, ast.Constant) else GAP for one in node.values
            )
            found.append("".join(parts))
    return found


def quotes(page: str) -> list[str]:
    """Return the lines of the screen that a page quotes."""
    [table] = re.findall(r"^\|.+`make status`.*\n\| --- .+\n((?:\|.+\n)+)", page, re.MULTILINE)
    return [quoted for row in table.splitlines() for quoted in QUOTED.findall(row)]


def alerts(page: str) -> dict[str, str]:
    """Return the runbook of each alert by its heading, which is the anchor that the alert names."""
    _, *parts = re.split(r"^### (Twinstream\w+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def says(quoted: str, tree: ast.AST) -> bool:
    parts = [part.strip(" ;:") for part in quoted.split(GAP)]
    pattern = ".*".join(re.escape(part) for part in parts if part)
    return any(re.search(pattern, text) for text in texts(tree))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_line_that_the_page_quotes_is_one_of_the_screen(page: str):
    assert [quoted for quoted in quotes(page) if not says(quoted, ADVICE)] == []


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_the_page_quotes_a_line_of_everything_that_gives_advice(page: str):
    giving = [
        function
        for function in ADVICE.body
        if isinstance(function, ast.FunctionDef) and "Advice(" in ast.unparse(function)
    ]

    assert len(giving) > 5
    assert [
        function.name
        for function in giving
        if not any(says(quoted, function) for quoted in quotes(page))
    ] == []


def test_the_russian_page_has_the_same_runbooks_with_the_same_commands():
    english, russian = (alerts(page) for page in PAGES.values())

    assert list(russian) == list(english)
    for alert, text in english.items():
        steps = re.compile(r"^\d\. ", re.MULTILINE)
        assert steps.findall(russian[alert]) == steps.findall(text), alert
        assert set(QUOTED.findall(russian[alert])) >= set(QUOTED.findall(text)), alert
