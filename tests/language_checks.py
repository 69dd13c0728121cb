"""Checks of the written language that a program can make; `make lint` runs them.

1. No sentence of a comment or docstring begins with Who, What, Whose, Whom or Whoever as its
   subject. Such a sentence hides the actor, and readers stop at it.
2. Every log event of the product is listed in docs/log-events.md, and every listed event exists.
   An event is `noun.past_participle`: what it is about, and what happened to it.
3. No text has the marks of a merge that somebody has to finish.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LOG_EVENTS = "docs/log-events.md"
#: The product: its log events are read by operators.
LOGGING = ("bots", "bus", "config", "consumers", "db", "launch", "sandbox", "schemas")

#: Migrations that deployments have applied: their text is history and is never edited.
APPLIED = tuple(f"db/migrations/2026112{day}" for day in (2, 3))

_RIDDLE = re.compile(
    r"(?:^|[.:!?]\s+|\n\s*\n\s*)((?:Who|Whoever|Whom|Whose|What|Whatever)\s[^.?!]*[.?!]?)"
)
#: Written so that this file has none.
_MERGE_MARK = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
_EVENT = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*")
_LISTED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
#: The methods of a structlog logger that take an event as their first argument.
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


class Stray(NamedTuple):
    """A place that breaks a rule."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


def tracked(*endings: str) -> list[str]:
    """Return the files of the repository with these endings, untracked new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [
        name for name in listed.stdout.splitlines()
        if name.endswith(endings) and (ROOT / name).exists()
    ]  # fmt: skip


def prose_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield each docstring and each block of comments, with its first line."""
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for part in body:  # attributes have docstrings as well
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                yield part.lineno, part.value.value
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if block and line != last + 1:
            yield first, " ".join(block)
            block = []
        if not block:
            first = line
        block.append(token.string.lstrip("#:! "))
        last = line
    if block:
        yield first, " ".join(block)


def prose_of_sql(text: str) -> Iterator[tuple[int, str]]:
    """Yield each block of comments of a file of SQL, with its first line."""
    block: list[str] = []
    first = 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        stripped = line.strip()
        if stripped.startswith("--"):
            first = first if block else number
            block.append(stripped.lstrip("- "))
        elif block:
            yield first, " ".join(block)
            block = []


def riddles(prose: str) -> list[str]:
    """Return the sentences that begin with a pronoun as their subject; questions may. Pure."""
    return [found.strip() for found in _RIDDLE.findall(prose) if not found.rstrip().endswith("?")]


def stray_sentences() -> Iterator[Stray]:
    """Find the sentences that rule 1 forbids."""
    for name in tracked(".py", ".sql"):
        if name.startswith(APPLIED):
            continue
        text = (ROOT / name).read_text(encoding="utf-8")
        prose = prose_of_python(text) if name.endswith(".py") else prose_of_sql(text)
        for line, block in prose:
            for sentence in riddles(block):
                yield Stray(name, line, f"name the actor: {sentence[:70]!r}")


def logged() -> Iterator[tuple[str, int, str]]:
    """Yield each event that the product logs, with its place."""
    for name in tracked(".py"):
        if name.split("/")[0] not in LOGGING:
            continue
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute | ast.Name)
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
                and _EVENT.fullmatch(node.args[0].value)
                and _logs(node.func)
            ):
                yield name, node.lineno, node.args[0].value


def _logs(called: ast.Attribute | ast.Name) -> bool:
    """Tell whether a call goes to a logger: `log.info(...)`, or a level chosen before."""
    if isinstance(called, ast.Name):
        return called.id in {"tell", "log_at"}
    return (
        called.attr in _LEVELS and isinstance(called.value, ast.Name) and called.value.id == "log"
    )


def stray_events() -> Iterator[Stray]:
    """Find the log events that rule 2 forbids."""
    page = (ROOT / LOG_EVENTS).read_text(encoding="utf-8")
    listed = _LISTED.findall(page)
    seen = set()
    for name, line, event in logged():
        seen.add(event)
        if event not in listed:
            yield Stray(name, line, f"the log event {event!r} is not listed in {LOG_EVENTS}")
    for event in listed:
        if event not in seen:
            yield Stray(LOG_EVENTS, 1, f"nothing logs the event {event!r}")
        if not _EVENT.fullmatch(event):
            yield Stray(LOG_EVENTS, 1, f"{event!r} is not of the form noun.past_participle")
    for event in sorted({event for event in listed if listed.count(event) > 1}):
        yield Stray(LOG_EVENTS, 1, f"{event!r} is listed twice")


def merge_marks(text: str) -> list[int]:
    """Return the lines with a mark of an unfinished merge. Pure."""
    return [1 + text.count("\n", 0, found.start()) for found in _MERGE_MARK.finditer(text)]


def stray_merge_marks() -> Iterator[Stray]:
    """Find the marks that rule 3 forbids."""
    for name in tracked(".md", ".py", ".sql", ".toml", ".yaml", ".yml", ".js", ".css", ".html"):
        for line in merge_marks((ROOT / name).read_text(encoding="utf-8")):
            yield Stray(name, line, "finish the merge")


def main() -> int:
    """Print every stray; return 1 if there is one."""
    strays = [*stray_sentences(), *stray_events(), *stray_merge_marks()]
    for stray in strays:
        sys.stdout.write(f"{stray}\n")
    return 1 if strays else 0


if __name__ == "__main__":
    sys.exit(main())
