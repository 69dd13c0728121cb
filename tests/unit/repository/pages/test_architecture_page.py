"""docs/architecture.md and the pages beside it say what the code says; this keeps them true."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutations.guards import GUARDS

ROOT = Path(__file__).parents[4]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
)
#: Packages that have a line of their own on the page; so do the packages inside of them.
PACKAGES = (
    *("schemas", "bus", "db", "config", "consumers", "bots", "launch", "sandbox"),
    *("simulation", "chaos", "benchmarks"),
)

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(`[^`]+`|[^\]\[`]+)\]\(([^)\s]+)\)")
GUARD_ROW = re.compile(
    r"^\| (?P<guard>[^|\[]+) \| \[`(?P<test>[^`]+)`\]\(\.\./(?P<file>[^)]+)\) \|$"
)
ROOM_ROW = re.compile(r"^\| \[(?P<room>[\w/]+)\]\(\.\./[\w/]+\) \| (?P<says>.+) \|$")
STATES = re.compile(
    r"^\| state \| condition \|\n\| --- \| --- \|\n(.*?)\n\n", re.MULTILINE | re.DOTALL
)
STATE_ROW = re.compile(r"^\| (?P<state>\w+) \| (?P<condition>.+) \|$", re.MULTILINE)
DIAGRAM = re.compile(
    r"^### `(?P<table>\w+)(?:\.(?P<column>\w+))?`\n(?P<section>.*?"
    r"^```mermaid\nstateDiagram-v2\n(?P<arrows>.*?)^```$.*?)(?=^##|\Z)",
    re.MULTILINE | re.DOTALL,
)
ARROW = re.compile(r"    (?P<start>\[\*\]|\w+) --> (?P<end>\[\*\]|\w+) : (?P<label>.+)")
FUNCTION = re.compile(r"\b[a-z_]+\.[a-z_]+\b")
TABLE = re.compile(r"^CREATE TABLE twinstream\.(\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
ONE_OF = re.compile(r"CHECK \(\((\w+) = ANY \(ARRAY\[(.*?)\]\)\)\)")
STATUS_COLUMNS = {"status", "decision"}


class Link(NamedTuple):
    """A link on a page: what it is called, and the file that it leads to."""

    text: str
    file: Path
    anchor: str = ""

    @property
    def symbol(self) -> str | None:
        """The name inside the file that the link is called by, if it is called by one."""
        name = self.text.strip("`").partition("[")[0].removesuffix("()")
        if not self.text.startswith("`") or "/" in name or name == self.file.name:
            return None
        return name.rpartition(".")[2]

    @property
    def module(self) -> str | None:
        """The module that the name is said to be in, if the link says one."""
        module = self.text.strip("`").partition("[")[0].rpartition(".")[0]
        return module if self.symbol and module.islower() else None


class Diagram(NamedTuple):
    """A state diagram of the page, and the section that it stands in."""

    table: str
    column: str | None
    section: str
    arrows: str

    def states(self) -> set[str]:
        found = [ARROW.fullmatch(line) for line in self.arrows.splitlines()]
        return {arrow[end] for arrow in found if arrow for end in ("start", "end")} - {"[*]"}


def links(page: Path) -> Iterator[Link]:
    for text, target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if not target.startswith(("http:", "https:", "mailto:")):
            file, _, anchor = target.partition("#")
            yield Link(text, page.parent / file if file else page, anchor)


def anchors(page: Path) -> set[str]:
    """The anchor with which a link to a heading of the page ends."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def holds(file: Path, symbol: str) -> bool:
    """Whether a Python file defines the name, or any other file contains the word."""
    text = file.read_text(encoding="utf-8")
    name = re.escape(symbol)
    if file.suffix != ".py":
        return re.search(rf"\b{name}\b", text) is not None
    definition = rf"^\s*(?:(?:async )?def|class) {name}\b|^{name}\b[^=\n]*="
    return re.search(definition, text, re.MULTILINE) is not None


def diagrams() -> list[Diagram]:
    return [
        Diagram(found["table"], found["column"], found["section"], found["arrows"])
        for found in DIAGRAM.finditer(ARCHITECTURE.read_text(encoding="utf-8"))
    ]


def columns() -> dict[str, set[str]]:
    """The columns of each table."""
    schema = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8")
    return {
        table: {line.split()[0] for line in body.splitlines() if "CONSTRAINT" not in line}
        for table, body in TABLE.findall(schema)
    }


def values() -> dict[tuple[str, str], set[str]]:
    """The values that a CHECK lets each status column have."""
    schema = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8")
    return {
        (table, column): set(re.findall(r"'(\w+)'::text", allowed))
        for table, body in TABLE.findall(schema)
        for column, allowed in ONE_OF.findall(body)
        if column in STATUS_COLUMNS
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    assert [link.text for link in links(page) if not link.file.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    lost = [
        f"{link.file.name}#{link.anchor}"
        for link in links(page)
        if link.anchor and link.anchor not in anchors(link.file)
    ]

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_name_that_a_link_is_called_by_is_in_its_file(page: Path) -> None:
    gone = [
        f"{link.symbol} in {link.file}"
        for link in links(page)
        if link.symbol and link.file.is_file()
        if not holds(link.file, link.symbol) or link.module not in (None, link.file.stem)
    ]

    assert gone == []


def test_the_page_lists_every_guard_once_with_its_test() -> None:
    lines = ARCHITECTURE.read_text(encoding="utf-8").splitlines()
    rows = [found for line in lines if (found := GUARD_ROW.fullmatch(line))]
    listed = [(row["guard"], f"{row['file']}::{row['test']}") for row in rows]
    wanted = {name: guard.test for name, guard in GUARDS.items()}

    missing = [
        "| {} | [`{}`](../{}) |".format(name, *reversed(test.split("::", 1)))
        for name, test in wanted.items()
        if (name, test) not in listed
    ]
    assert not missing, "add to the table of its law:\n" + "\n".join(missing)
    assert [row for row in listed if row not in wanted.items()] == []
    assert len(listed) == len(set(listed))


def test_the_page_says_of_every_room_what_its_docstring_says() -> None:
    lines = ARCHITECTURE.read_text(encoding="utf-8").splitlines()
    listed = {row["room"]: row["says"] for line in lines if (row := ROOM_ROW.fullmatch(line))}
    rooms = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            says = " ".join(docstring.partition("\n\n")[0].split())
            rooms[file.parent.relative_to(ROOT).as_posix()] = says

    differing = [
        f"| [{room}](../{room}) | {says} |"
        for room, says in rooms.items()
        if listed.get(room) != says
    ]
    assert not differing, "the page should say:\n" + "\n".join(differing)
    assert listed.keys() == rooms.keys()


def test_every_status_column_is_drawn_with_the_states_of_its_check() -> None:
    drawn = {(one.table, one.column): one.states() for one in diagrams() if one.column}

    assert drawn == values()


def test_a_state_without_a_column_is_said_in_terms_of_columns() -> None:
    derived = [one for one in diagrams() if one.column is None]

    assert [one.table for one in derived] == ["surfaces"]
    for one in derived:
        [states] = STATES.findall(one.section)
        rows = {row["state"]: row["condition"] for row in STATE_ROW.finditer(states)}
        named = {word for says in rows.values() for word in re.findall(r"`(\w+)`", says)}
        assert one.states() == rows.keys()
        assert named <= columns()[one.table]


def test_every_arrow_names_the_functions_that_commit_it() -> None:
    unknown = defaultdict[str, list[str]](list)
    for one in diagrams():
        linked = set(re.findall(r"\[`([a-z_.]+)`\]", one.section))
        for line in one.arrows.splitlines():
            arrow = ARROW.fullmatch(line)
            assert arrow, f"no arrow with a label: {line}"
            functions = FUNCTION.findall(arrow["label"])
            assert functions or arrow["label"].startswith("time, "), line
            unknown[one.table] += [name for name in functions if name not in linked]

    assert {table: names for table, names in unknown.items() if names} == {}


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.stem)
def test_a_decision_bears_its_number_its_status_and_its_date(decision: Path) -> None:
    heading, _, status = decision.read_text(encoding="utf-8").splitlines()[:3]

    assert heading.startswith(f"# {int(decision.stem[:4])}. ")
    assert re.fullmatch(
        r"Status: (proposed|accepted|superseded by \[\d+\]\(\S+\)), \d{4}-\d\d-\d\d", status
    )


def test_the_numbers_of_decisions_have_no_gap() -> None:
    numbers = [int(decision.stem[:4]) for decision in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))
