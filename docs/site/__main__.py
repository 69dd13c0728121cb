"""`make docs`: build the site of docs/ in both languages, and check every link of what was built.

Its pages are prepared in build/pages, zensical makes them a site in build/site, and the check reads
that. A page, a link or an anchor that is missing ends it with 1.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from docs.site.check import problems
from docs.site.pages import DOCS, ROOT, TOOLS, BrokenPage, Page, pages, rewritten

PREPARED = ROOT / "build/pages"
SITE = ROOT / "build/site"
LANGUAGES = {"en": "english", "ru": "russian"}
#: Makes the anchors that a repository's web page gives to the same headings.
SLUGIFY = "!!python/object/apply:pymdownx.slugs.slugify { kwds: { case: lower } }"


def main() -> int:
    """Build the site; return 1 and say why if it is not whole."""
    for folder in (PREPARED, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    known = pages()
    # The Russian site lies inside of the English one, which is built first.
    for language in LANGUAGES:
        try:
            _prepare(language, known)
        except BrokenPage as error:
            sys.stderr.write(f"{error}\n")
            return 1
        built = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict"],
            cwd=PREPARED / language,
            check=False,
        )
        if built.returncode:
            return 1
        there = SITE if language == "en" else SITE / language
        shutil.copytree(
            PREPARED / language / "site",
            there,
            dirs_exist_ok=True,
            # A server shows the page for a missing page of the whole site's root.
            ignore=None if language == "en" else shutil.ignore_patterns("404.html"),
        )
    found = problems(SITE)
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not found:
        sys.stdout.write(f"{SITE.relative_to(ROOT)}/index.html\n")
    return 1 if found else 0


def _prepare(language: str, known: dict[Path, Page]) -> None:
    """Write the pages of a language, and the settings for them, for the generator."""
    repository = os.environ.get("DOCS_REPOSITORY_URL", "").rstrip("/")
    for page in known.values():
        if page.language == language:
            file = PREPARED / language / "docs" / page.name
            file.parent.mkdir(parents=True, exist_ok=True)
            if page.name.suffix == ".md":
                file.write_text(rewritten(page, known, repository), encoding="utf-8")
            else:
                shutil.copyfile(page.source, file)
    for sheet in TOOLS.glob("*.css"):
        shutil.copy(sheet, PREPARED / language / "docs")
    # JSON is YAML, but for the one value that only YAML can write.
    text = json.dumps(settings(language), ensure_ascii=False, indent=1)
    text = text.replace('"SLUGIFY"', SLUGIFY)
    (PREPARED / language / "mkdocs.yml").write_text(text, encoding="utf-8")


def settings(language: str) -> dict[str, Any]:
    """Return the settings of the site in a language."""
    both = tomllib.loads((TOOLS / "site.toml").read_text(encoding="utf-8"))
    found = _merged(both["site"], both[LANGUAGES[language]])
    found["docs_dir"], found["site_dir"] = "docs", "site"
    found["nav"] = [_listed(entry) for entry in found["nav"]]
    found["markdown_extensions"] = [
        {"toc": {"permalink": True, "slugify": "SLUGIFY"}},
        *("admonition", "attr_list", "tables", "pymdownx.highlight", "pymdownx.superfences"),
    ]
    return found


def _listed(entry: Any) -> Any:
    """Put the files that a pattern names in its place."""
    if isinstance(entry, str):
        return entry
    [(title, below)] = entry.items()
    if isinstance(below, str):
        return {title: below}
    listed = []
    for one in below:
        if isinstance(one, str) and "*" in one:
            listed += [file.relative_to(DOCS).as_posix() for file in sorted(DOCS.glob(one))]
        else:
            listed.append(_listed(one))
    return {title: listed}


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(one.get(key), dict)
        merged[key] = _merged(one[key], value) if both else value
    return merged


if __name__ == "__main__":
    sys.exit(main())
