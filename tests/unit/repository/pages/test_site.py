"""docs/ becomes a site: each page is on it, and each link leads somewhere there too."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.site.__main__ import settings
from docs.site.check import problems
from docs.site.pages import (
    DOCS,
    ROOT,
    RUSSIAN,
    BrokenPage,
    Page,
    address,
    as_table,
    indented,
    pages,
    rewritten,
)
from tests.support.page_commands import commands, examples

KNOWN = pages()
TEXTS = [page for page in KNOWN.values() if page.name.suffix == ".md"]
GLOSSARY = KNOWN[DOCS / "glossary.md"]
DECISION = KNOWN[DOCS / "decisions/0001-the-ladder-is-in-postgres.md"]


def listed(nav: list[Any]) -> list[str]:
    """Return the files that a navigation leads to."""
    found = []
    for entry in nav:
        below = entry if isinstance(entry, str) else next(iter(entry.values()))
        found += [below] if isinstance(below, str) else listed(below)
    return found


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_navigation_leads_to_every_page_once(language):
    there = [page.name.as_posix() for page in TEXTS if page.language == language]

    assert sorted(listed(settings(language)["nav"])) == sorted(there)


@pytest.mark.parametrize("name", ["operate.md", "runbooks.md", "reliability.md"])
def test_an_operator_finds_each_command_and_each_screen_in_russian_too(name):
    english, russian = (set(typed(folder / name)) for folder in (DOCS, RUSSIAN))

    assert english - russian == set()


def typed(page: Path) -> Iterator[str]:
    """Yield the commands of a page, and the lines of its other examples, such as a screen."""
    for example in examples(page):
        yield from commands(example)
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
        yield from () if language else text.splitlines()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.source.relative_to(ROOT).as_posix())
def test_every_page_can_stand_on_the_site(page: Page):
    text = rewritten(page, KNOWN, "https://example.org/it")

    assert "](../" not in text or page.name.parent != Path() or page.language == "ru"
    assert "mermaid" not in text


@pytest.mark.parametrize(
    ("aim", "page", "leads_to"),
    [
        ("docs/wire.md", GLOSSARY, "wire.md"),
        ("docs/wire.md", DECISION, "../wire.md"),
        ("docs/plots/apply.svg", GLOSSARY, "plots/apply.svg"),
        ("CONTRIBUTING.md", DECISION, "../contributing.md"),
        ("docs/ru/index.md", GLOSSARY, "ru/"),
        ("docs/ru/start.md", DECISION, "../ru/start/"),
        ("db/schema.sql", GLOSSARY, "https://example.org/it/blob/main/db/schema.sql"),
        ("db/ledger", GLOSSARY, "https://example.org/it/tree/main/db/ledger"),
    ],
)
def test_a_link_leads_to_a_page_or_to_the_repository(aim, page, leads_to):
    assert address(ROOT / aim, page, KNOWN, "https://example.org/it") == leads_to


def test_a_russian_page_links_to_an_english_one_and_to_its_own_kind():
    first = KNOWN[DOCS / "ru/index.md"]

    assert address(DOCS / "wire.md", first, KNOWN, "") == "../wire/"
    assert address(DOCS / "plots/apply.svg", first, KNOWN, "") == "../plots/apply.svg"
    assert address(DOCS / "ru/index.md", first, KNOWN, "") == "index.md"


def test_without_a_repository_on_the_web_a_link_to_a_file_is_text(tmp_path: Path):
    assert address(ROOT / "db/schema.sql", GLOSSARY, KNOWN, "") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a](gone.md)", "the link gone.md leads nowhere"),
        ("```mermaid\nstateDiagram-v2\n    state one\n```", "no arrow"),
        ("```mermaid\ngraph TD\n```", "only state diagrams"),
    ],
)
def test_a_page_that_cannot_stand_on_the_site_is_refused(text: str, why: str, tmp_path: Path):
    (tmp_path / "page.md").write_text(text, encoding="utf-8")

    with pytest.raises(BrokenPage, match=why):
        rewritten(Page(tmp_path / "page.md", Path("page.md"), "en"), KNOWN, "")


def test_a_state_diagram_becomes_a_table():
    assert as_table("    [*] --> a : b\n").splitlines()[-1] == "| no row | a | b |"


def test_examples_stay_as_they_are_and_bars_in_tables_lose_their_backslash(tmp_path: Path):
    text = "| `a\\|b` |\n\n```sh\n| `a\\|b` [x](gone.md)\n```\n"
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    made = rewritten(Page(tmp_path / "page.md", Path("page.md"), "en"), KNOWN, "")

    assert made == text.replace("\\|", "|", 1)


def test_examples_in_lists_are_indented_as_the_site_demands():
    text = "1. a\n\n   ```sh\n   x\n   ```\n- b\n  - c\n\nd\n   e\n```\n- f\n  g\n```\n"

    made = indented(text)

    assert made.split("\n")[2:8] == ["    ```sh", "    x", "    ```", "", "- b", "    - c"]
    assert indented("1. a\n   b\n2. c") == "1. a\n    b\n2. c"
    assert made.endswith("d\n   e\n```\n- f\n  g\n```\n")


def site(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def test_the_check_of_a_built_site_finds_each_broken_link(tmp_path: Path):
    made = site(
        tmp_path,
        index='<a href="other.html#here">a</a><a href="./">b</a><a href="https://example.org">c</a>',
        other='<h1 id="here">x</h1><a href="index.html#%D1%8F">y</a><p id="я"></p>',
    )
    assert problems(made) == ["other.html: index.html#%D1%8F leads to no heading"]

    site(made, index='<p id="я"><a href="gone.html">a</a><a href="other.html#there">b</a>')
    assert problems(made) == [
        "index.html: gone.html leads nowhere",
        "index.html: other.html#there leads to no heading",
    ]


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/x.css">',
        '<img src="https://example.org/counter.gif">',
    ],
)
def test_a_page_that_loads_from_another_host_is_refused(page, tmp_path: Path):
    [problem] = problems(site(tmp_path, index=page))

    assert problem.endswith("is loaded from another host")
