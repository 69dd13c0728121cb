"""The commands in the `sh` examples of the pages, and the list of what proves each of them.

A command is run by a test, or marked with what it needs that no test has: page_commands.toml.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).parents[2]
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
]

_EXAMPLE = re.compile(r"^( *)```(?:sh|bash|shell|console)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_CRON = re.compile(r"^ *```cron\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_IN_A_SENTENCE = re.compile(r"`(docker compose [^`]+)`")
#: Only the beginning of commands, to be read with others: `exec` runs nothing by itself.
_BEGINNING = re.compile(r"docker compose exec(?: -\w+)* [\w-]+")
_HERE_DOCUMENT = re.compile(r"<<'(\w+)'$")


class Proof(NamedTuple):
    """A kind of command, and the test that runs it, or what it needs that no test has."""

    command: str
    test: str = ""
    needs: str = ""


class Statement(NamedTuple):
    """A statement of an example, as a shell reads it."""

    #: On one line, without comments and without a here document: what a proof is of.
    command: str
    #: As it stands on the page.
    text: str


PROOFS: Final = [
    Proof(**row)
    for row in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))[
        "proof"
    ]
]


def examples(page: Path) -> Iterator[str]:
    """Yield the text of each example for a shell on a page."""
    for indent, text in _EXAMPLE.findall(page.read_text(encoding="utf-8")):
        yield "\n".join(line.removeprefix(indent) for line in text.splitlines()) + "\n"


def statements(example: str) -> Iterator[Statement]:
    """Yield the statements of an example, in order."""
    begun, ends_with, text = "", "", ""
    for line in example.splitlines():
        text += f"{line}\n"
        if ends_with and line != ends_with:
            continue
        if not ends_with:
            begun = _without_comment(f"{begun} {line.strip()}").strip()
            if begun.endswith("\\"):
                begun = begun.removesuffix("\\").strip()
                continue
            if begun and _is_open(begun):
                continue
            if here := _HERE_DOCUMENT.search(begun):
                ends_with = here[1]
                continue
        if begun:
            yield Statement(begun, text)
        begun, ends_with, text = "", "", ""


def commands(example: str) -> Iterator[str]:
    """Yield the commands of an example, each on one line, without comments."""
    return (one.command for one in statements(example))


def compose_commands(page: Path) -> Iterator[str]:
    """Yield what a page has operators of Compose type: in examples, sentences, and for cron."""
    text = page.read_text(encoding="utf-8")
    for example in examples(page):
        yield from (one for one in commands(example) if one.startswith("docker compose "))
    for lines in _CRON.findall(text):
        for line in lines.splitlines():
            # cron takes a bare % for the end of the line.
            yield line[line.index("docker compose ") :].replace("\\%", "%")
    yield from (one for one in _IN_A_SENTENCE.findall(text) if not _BEGINNING.fullmatch(one))


def proof(command: str) -> Proof | None:
    """Return what proves a command; None if nothing does."""
    return next((one for one in PROOFS if re.fullmatch(one.command, command)), None)


def _without_comment(line: str) -> str:
    quote = ""
    for at, mark in enumerate(line):
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark == "#" and line[at - 1] == " ":
            return line[:at]
    return line


def _is_open(command: str) -> bool:
    """Tell whether a quotation goes on in the next line."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False
