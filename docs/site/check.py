"""The check of a built site: each link leads somewhere, and no page loads from another host."""

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: The attributes that make a page load something. A link of the kinds below loads nothing.
LOADS = {**dict.fromkeys(("script", "img", "iframe", "source", "video"), "src"), "link": "href"}
LINKS_THAT_LOAD_NOTHING = {"canonical", "alternate", "next", "prev"}


class Parsed(HTMLParser):
    """A page that was read: its links, what it loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address or the anchor of an element."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if found.get("rel") in LINKS_THAT_LOAD_NOTHING:
            return
        if LOADS.get(tag, "") in found:
            self.loads.append(found[LOADS[tag]])


def problems(site: Path) -> list[str]:
    """Return a sentence for each link that leads nowhere, and for each load from another host."""
    files = sorted(site.rglob("*.html"))
    parsed = {file: Parsed(file.read_text(encoding="utf-8")) for file in files}
    return [problem for file in files for problem in _of_page(file, parsed, site)]


def _of_page(file: Path, parsed: dict[Path, Parsed], site: Path) -> Iterator[str]:
    name = file.relative_to(site).as_posix()
    for target in dict.fromkeys([*parsed[file].links, *parsed[file].loads]):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if target in parsed[file].loads and parts.scheme != "data":
                yield f"{name}: {target} is loaded from another host"
            continue
        # The page for a missing page is shown at any address, so its links count from the root.
        start = site if parts.path.startswith("/") else file.parent
        aim = (
            Path(os.path.normpath(start / unquote(parts.path).lstrip("/"))) if parts.path else file
        )
        if aim.is_dir():
            aim = aim / "index.html"
        if not aim.exists():
            yield f"{name}: {target} leads nowhere"
        elif parts.fragment and aim in parsed and not _has(parsed[aim], parts.fragment):
            yield f"{name}: {target} leads to no heading"


def _has(page: Parsed, fragment: str) -> bool:
    return fragment in page.anchors or unquote(fragment) in page.anchors
