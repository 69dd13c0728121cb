"""Barriers to people who use a keyboard or a screen reader, as the rules of axe find them."""

from pathlib import Path
from typing import Any, Final

from axe_playwright_python.base import AXE_FILE_PATH

_RULES: Final = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
_RUN: Final = """within =>
  axe.run(within.length ? { include: within } : document, { resultTypes: ["violations"] })"""


async def look_for_barriers(page: Any, *within: str) -> None:
    """Find nothing serious on the page, or within these selectors of it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_RULES)
    found = await page.evaluate(_RUN, within)
    serious = [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][-200:]}"
        for one in found["violations"]
        for node in one["nodes"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)
