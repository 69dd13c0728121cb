"""The fonts of cards: which one draws a character.

They lie beside this file, because a machine may have none, or other ones. A font is mapped into
memory when a text first needs it. Only the thread that draws uses them.
"""

from functools import cache
from pathlib import Path
from typing import Final

import uharfbuzz

from .graphemes import AS_EMOJI, JOINER, is_emoji

FOLDER: Final = Path(__file__).parent / "font_files"
EMOJI: Final = "NotoColorEmoji.ttf"
CJK: Final = "NotoSansCJK-Bold.otf"
LATIN: Final = {False: "NotoSans-Regular.ttf", True: "NotoSans-Bold.ttf"}
#: In the order in which they are tried; Latin is before them all.
_OTHERS: Final = (
    *(
        f"NotoSans{script}-Bold.ttf"
        for script in (
            *("Arabic", "Hebrew", "Devanagari", "Thai"),
            *("Armenian", "Georgian", "Bengali", "Tamil", "Telugu", "Kannada", "Malayalam"),
            *("Gujarati", "Gurmukhi", "Oriya", "Sinhala", "Khmer", "Lao", "Myanmar", "Ethiopic"),
        )
    ),
    CJK,
    "NotoSansSymbols-Bold.ttf",
    "NotoSansSymbols2-Regular.ttf",
    "NotoSansMath-Regular.ttf",
    EMOJI,
)
#: Take no part in the choice of a font: shaping makes of them what the font can.
_IGNORED: Final = frozenset({AS_EMOJI, JOINER, "\u200c"})


@cache
def font(name: str) -> uharfbuzz.Font:
    """Return a font by the name of its file."""
    return uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FOLDER / name))))


def font_for(grapheme: str, *, bold: bool, before: str | None) -> str | None:
    """Return the name of the font that has all of a character; None if there is none.

    Spaces, digits and signs stay in the font `before` them, so that a word is shaped as a whole.
    """
    if is_emoji(grapheme) and _has(EMOJI, grapheme):
        return EMOJI
    if before not in (None, EMOJI) and not grapheme[0].isalpha() and _has(before, grapheme):
        return before
    return _first_with(grapheme, LATIN[bold])


@cache
def scale(name: str) -> float:
    """Return the size of a font beside that of the others, at which they look alike."""
    return {EMOJI: 0.92, CJK: 0.96}.get(name, 1.0)


def _first_with(grapheme: str, latin: str) -> str | None:
    return next((name for name in (latin, *_OTHERS) if _has(name, grapheme)), None)


def _has(name: str, grapheme: str) -> bool:
    return all(font(name).get_nominal_glyph(ord(mark)) for mark in grapheme if mark not in _IGNORED)
