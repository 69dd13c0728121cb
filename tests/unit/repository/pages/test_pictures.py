"""The pictures of dialogues show texts that the bots still say; `make pictures` draws them anew."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from launch.news_pictures import EARNERS, used_texts
from launch.pictures import BOT, MEMBERS
from tests.unit.bots.texts.test_languages import CATALOGUES, catalogue, forms, texts_in_code

PICTURES = sorted((Path(__file__).parents[4] / "docs" / "pictures").glob("*.svg"))
#: Values that fill the texts in a picture. Spaces do not count.
NAMES = "|".join(re.escape("".join(one.name.split())) for one in EARNERS)
RANKS = ("Newcomer", "Regular", "Veteran", "Legend")
VALUE = (
    f"(?:Alice|Борис|{NAMES}|{'|'.join(RANKS)}|Telegram|Discord|ABCDE23456"
    "|2000-01-0[18]12:00(?:UTC)?|[0-9]+)"
)
#: The rest of a picture: what apps show, commands, and the words of lines that the code joins.
REST = (
    *("/start", "/link", "/unlink", "#general", "APP", BOT, "Telegram", "Discord"),
    *("Alice", "Борис"),
    *(*RANKS, *(one.name for one in EARNERS), *used_texts()),
    *(text for one in MEMBERS for text in (one.used, one.hidden, one.direct, one.edited)),
)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def pattern_of(text: str) -> str:
    return "".join(
        re.escape(squeezed(literal)) + (VALUE if name is not None else "")
        for literal, name, _, _ in Formatter().parse(text)
    )


def literals(pattern: str) -> int:
    """How much of a pattern is no value."""
    return len(pattern.replace(VALUE, ""))


def texts_of(language: str) -> Iterator[str]:
    if language == "en":
        for text in texts_in_code():
            yield from forms(text)
        return
    [path] = [one for one in CATALOGUES if one.parts[-3] == language]
    for message in catalogue(path):
        yield from forms(message.string)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_holds_nothing_that_the_bots_do_not_say(picture):
    svg = picture.read_text(encoding="utf-8")
    shown = "\n".join(
        squeezed(html.unescape(re.sub(r"<[^>]+>", "", text)))
        for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)
    )
    shown = shown.replace("\n", "")
    language = picture.name.split(".")[1]
    # A text that is part of another one must not be looked for first, nor one of values alone.
    patterns = sorted(
        (pattern for pattern in map(pattern_of, texts_of(language)) if literals(pattern)),
        key=literals,
        reverse=True,
    )
    for pattern in (*patterns, *map(re.escape, map(squeezed, sorted(REST, key=len)[::-1]))):
        shown = re.sub(pattern, "|", shown)

    assert re.findall(r"[^\W\d]{2,}", shown) == []
