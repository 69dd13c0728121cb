"""docs/platforms.md names the tests that show what it says; this keeps the names true."""

import re
from pathlib import Path

NAMED = re.compile(r"`(test_\w+)`")


def test_every_test_that_the_notes_name_exists(checkout: Path) -> None:
    notes = (checkout / "docs" / "platforms.md").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in checkout.glob("tests/**/test_*.py")]
    written = {name for text in sources for name in re.findall(r"def (test_\w+)\(", text)}

    assert set(NAMED.findall(notes)) - written == set()


def test_every_line_of_the_notes_is_shown_by_a_test(checkout: Path) -> None:
    notes = (checkout / "docs" / "platforms.md").read_text(encoding="utf-8")
    lines = [line for line in notes.splitlines() if line.startswith("| ")]
    told = [line for line in lines if not line.startswith(("| What happens", "| ---"))]

    assert len(told) > 30
    assert [line for line in told if not NAMED.search(line.rsplit(" | ", 1)[-1])] == []
