"""The permissions that the invitation of the Discord bot asks for."""

import re
from pathlib import Path

import pytest

from bots.discord_bot.client import PERMISSIONS

DOCS = Path(__file__).parents[4] / "docs"
#: Discord's own names, as its pages show them, where they differ from those of the library.
SHOWN = {"view_channel": "View Channels", "read_messages": "View Channels"}


@pytest.mark.parametrize("page", ["production.md", "ru/production.md"])
def test_an_invitation_asks_for_what_the_page_names_and_no_more(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    step = re.search(r"^2\. .*`applications\.commands`(.*?)\n3\. ", text, re.DOTALL | re.MULTILINE)
    assert step is not None

    named = set(re.findall(r"\*([A-Z][A-Za-z ]+)\*", step[1]))

    assert named == {
        SHOWN.get(name, name.replace("_", " ").title()) for name, granted in PERMISSIONS if granted
    }
