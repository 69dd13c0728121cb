"""README in both languages is short: two screens, so that a stranger reads all of it."""

import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[4]
#: Columns of a screen that shows text at 16 pixels, which is what GitHub gives to a page.
COLUMNS = 120
#: Lines of two such screens.
LINES_MAX = 2 * 45
#: Pixels from one line of text to the next: 16, at one and a half.
LINE_PX = 24


def shown(text: str) -> Iterator[str]:
    """Yield the lines that a page takes.

    Paragraphs are filled anew, a link takes the room of its words, and a picture as many lines as
    it is high. Lines of an example are folded and not joined; its fences are the edges of its box.
    """
    in_example, paragraph = False, ""
    for line in [*text.splitlines(), ""]:
        begins = line.startswith("```")
        alone = in_example or begins or not line or line.startswith(("#", "- ", "<"))
        if paragraph and alone:
            yield from textwrap.wrap(paragraph.strip(), COLUMNS)
            paragraph = ""
        if in_example or begins:
            yield from textwrap.wrap(line, COLUMNS) or [""]
        elif found := re.match(r'<img src="([^"]+)" width="(\d+)"', line):
            yield from [f"picture {found[1]}"] * picture_lines(ROOT / found[1], int(found[2]))
        elif not line:
            yield ""
        elif not line.startswith("<"):
            paragraph += " " + re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", line.strip())
        in_example ^= begins


def picture_lines(file: Path, width_px: int) -> int:
    with Image.open(file) as picture:
        return math.ceil(width_px * picture.height / picture.width / LINE_PX)


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_the_readme_fits_two_screens(page):
    lines = list(shown((ROOT / page).read_text(encoding="utf-8")))

    assert len(lines) <= LINES_MAX, "\n".join(lines)


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_the_readme_says_what_a_stranger_needs(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    needed = (
        *("apt install python3-venv make", "make play ", "make demo ", "make run"),
        *("docker compose up", "twinstream.record_xp(", "XINFO GROUPS sync:telegram"),
        "SELECT status, COUNT(*) FROM sync_events GROUP BY status",
        "SELECT error_message FROM sync_events WHERE status = 'failed'",
    )

    assert [one for one in needed if one not in text] == []
    assert len(re.findall(r"<img |!\[", text)) == 1


def test_the_lines_of_a_page_are_counted_as_a_screen_shows_them():
    words = "word " * 30
    item = f"- [an item](https://example.org/{'x' * 200})"
    text = f"# Title\n\n{words}\nmore\n{item}\n\n```sh\n{'y' * 130}\n```\n"

    assert len(list(shown(text))) == 1 + 1 + 2 + 1 + 1 + (1 + 2 + 1) + 1
