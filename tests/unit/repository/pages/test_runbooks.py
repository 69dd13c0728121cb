"""docs/runbooks.md leads from each line of `make status` to what to do about it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
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


def quotes() -> list[str]:
    """Return the lines of the screen that the page quotes."""
    [table] = re.findall(r"^\| the line of .+\n\| --- .+\n((?:\|.+\n)+)", PAGE, re.MULTILINE)
    return [quoted for row in table.splitlines() for quoted in re.findall("`(.+?)`", row)]


def says(quoted: str, tree: ast.AST) -> bool:
    parts = [part.strip(" ;:") for part in quoted.split(GAP)]
    pattern = ".*".join(re.escape(part) for part in parts if part)
    return any(re.search(pattern, text) for text in texts(tree))


def test_every_line_that_the_page_quotes_is_one_of_the_screen():
    assert [quoted for quoted in quotes() if not says(quoted, ADVICE)] == []


def test_the_page_quotes_a_line_of_everything_that_gives_advice():
    giving = [
        function
        for function in ADVICE.body
        if isinstance(function, ast.FunctionDef) and "Advice(" in ast.unparse(function)
    ]

    assert len(giving) > 5
    assert [
        function.name
        for function in giving
        if not any(says(quoted, function) for quoted in quotes())
    ] == []
