"""The pages of the site, made from those of the repository.

On the web page of a repository a link leads to a file. On the site it leads to a page, to a page in
the other language, or to the repository on the web. Three pages of the repository's root are pages
of the site as well. State diagrams become tables: a script from another host would draw them.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUSSIAN = DOCS / "ru"
#: Where the generator of the site lives; none of it is a page.
TOOLS = DOCS / "site"
#: Pages of the root, and their names on the English site.
OF_ROOT = {
    ROOT / "CONTRIBUTING.md": Path("contributing.md"),
    ROOT / "SECURITY.md": Path("security.md"),
    ROOT / "CHANGELOG.md": Path("changelog.md"),
}
#: The README is the first page of the repository, and this one that of the site.
FIRST = {ROOT / "README.md": DOCS / "index.md", ROOT / "README.ru.md": RUSSIAN / "index.md"}

_FENCE = re.compile(r"^ *```.*?^ *```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:`[^`]*`|\\.|[^\]`])+)\]\(([^)\s]+)\)")
_ELSEWHERE = ("http:", "https:", "mailto:", "#")
_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ARROW = re.compile(r" *(\[\*\]|\w+) --> (\[\*\]|\w+) : (.+)")
_ITEM = re.compile(r"(?:\d+\.|-) +")
_INDENT = 4
_CODE_IN_ROW = re.compile(r"`[^`\n]*`")


class BrokenPage(Exception):
    """A page has something that cannot stand on the site; the text says where."""


class Page(NamedTuple):
    """A file of the repository that the site has: as a page, or as it is."""

    source: Path
    #: Its path among the files that the site is made from, below the folder of its language.
    name: Path
    language: str

    @property
    def root(self) -> Path:
        """Where its language begins on the site."""
        return Path("ru") if self.language == "ru" else Path()

    @property
    def address(self) -> Path:
        """Where it is on the site, below the site's root."""
        if self.name.suffix != ".md":
            return self.root / self.name
        return self.root / (
            self.name.parent if self.name.stem == "index" else self.name.with_suffix("")
        )


def pages() -> dict[Path, Page]:
    """Return every file of the repository that the site has, by its path."""
    found = {source: Page(source, name, "en") for source, name in OF_ROOT.items()}
    for source in sorted(DOCS.rglob("*")):
        if source.is_dir() or source.is_relative_to(TOOLS):
            continue
        if source.is_relative_to(RUSSIAN):
            found[source] = Page(source, source.relative_to(RUSSIAN), "ru")
        else:
            found[source] = Page(source, source.relative_to(DOCS), "en")
    return found


def rewritten(page: Page, known: dict[Path, Page], repository: str) -> str:
    """Return the text of a page as the site has it.

    Raises:
        BrokenPage: a link leads to no file, or a diagram is not one of states.
    """
    text = indented(page.source.read_text(encoding="utf-8"))
    text = _DIAGRAM.sub(lambda found: as_table(found[1]), text)
    if "```mermaid" in text:
        raise BrokenPage(f"{page.name}: only state diagrams become tables")

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        if target.startswith(_ELSEWHERE):
            return found[0]
        path, _, anchor = target.partition("#")
        aim = Path(os.path.normpath(page.source.parent / path))
        if not aim.exists():
            raise BrokenPage(f"{page.name}: the link {target} leads nowhere")
        place = address(FIRST.get(aim, aim), page, known, repository)
        if place is None:
            return str(words)
        return f"{mark}[{words}]({place}{'#' + anchor if anchor else ''})"

    parts, last = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(link, _rows(text[last : fence.start()])), fence[0]]
        last = fence.end()
    return "".join([*parts, _LINK.sub(link, _rows(text[last:]))])


def address(aim: Path, page: Page, known: dict[Path, Page], repository: str) -> str | None:
    """Return the target of a link from a page to a file of the repository; None for no link at all.

    Between pages of one language it stays a link between files, which the generator checks as well.
    """
    there = known.get(aim)
    if there is None:
        kind = "tree" if aim.is_dir() else "blob"
        path = aim.relative_to(ROOT).as_posix()
        return f"{repository}/{kind}/main/{path}" if repository else None
    if there.language == page.language:
        return os.path.relpath(there.name, page.name.parent)
    # The generator takes each relative link for one from the folder of the page's file.
    here = page.root / page.name.parent
    return os.path.relpath(there.address, here) + "/" * (there.name.suffix == ".md")


def as_table(arrows: str) -> str:
    """Write the arrows of a state diagram as a table, a row for each way from state to state."""
    rows = []
    for line in arrows.splitlines():
        arrow = _ARROW.fullmatch(line)
        if arrow is None:
            raise BrokenPage(f"a state diagram has a line that is no arrow with a label: {line}")
        start, end = ("no row" if one == "[*]" else one for one in arrow.groups()[:2])
        rows.append(f"| {start} | {end} | {arrow[3]} |")
    return "\n".join(["| from | to | by |", "| --- | --- | --- |", *rows])


def indented(text: str) -> str:
    """Indent the paragraphs and examples of list items by four, as the site's Markdown demands.

    A repository's web page is content with the width of the item's own mark.
    """
    lines, width, in_example, has_paragraphs = list[str](), 0, False, False
    for line in text.split("\n"):
        if line.startswith("```"):
            in_example = not in_example
        elif in_example:
            pass
        elif item := _ITEM.match(line):
            # After a further paragraph, the site's Markdown sees an item only behind a blank line.
            if width and lines[-1].startswith(" " * _INDENT) and has_paragraphs:
                lines.append("")
            width = len(item[0])
            has_paragraphs = False
        elif line.strip() and not line.startswith(" "):
            width = 0
        elif width and line.startswith(" " * width):
            has_paragraphs |= not lines[-1].strip()
            lines.append(" " * (_INDENT - width) + line)
            continue
        lines.append(line)
    return "\n".join(lines)


def _rows(text: str) -> str:
    """Take the backslash from bars in code in tables: the site's Markdown would show it."""
    return "\n".join(
        _CODE_IN_ROW.sub(lambda code: code[0].replace(r"\|", "|"), line)
        if line.startswith("|")
        else line
        for line in text.split("\n")
    )
