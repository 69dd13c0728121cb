"""The characters of a text as readers count them, each of one code point or several. Pure."""

import unicodedata
from typing import Final

JOINER: Final = "\u200d"
#: Asks for the colourful form of the character before it.
AS_EMOJI: Final = "\ufe0f"
_KEYCAP: Final = "\u20e3"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_REGIONS: Final = range(0x1F1E6, 0x1F200)
_TAGS: Final = range(0xE0020, 0xE0080)
#: The combining class of signs that join two consonants of an Indic script.
_VIRAMA: Final = 9
#: Code points from here on are emoji, where they are in the font of emoji.
_EMOJI_PLANE: Final = 0x1F000


def graphemes(text: str) -> list[str]:
    """Split a text so that what readers see as one character stays together."""
    found: list[str] = []
    for mark in text:
        if found and _continues(found[-1], mark):
            found[-1] += mark
        else:
            found.append(mark)
    return found


def is_emoji(grapheme: str) -> bool:
    """Tell whether the character is colourful where a font has colours."""
    return AS_EMOJI in grapheme or _KEYCAP in grapheme or ord(grapheme[0]) >= _EMOJI_PLANE


def _continues(before: str, mark: str) -> bool:
    point = ord(mark)
    if unicodedata.category(mark) in ("Mn", "Mc", "Me") or point in _SKIN_TONES or point in _TAGS:
        return True
    if mark in (JOINER, "\u200c"):
        return True
    if unicodedata.combining(before[-1]) == _VIRAMA and unicodedata.category(mark) == "Lo":
        return True
    if before.endswith(JOINER):
        return unicodedata.category(mark) == "So"
    is_half_flag = len(before) == 1 and ord(before) in _REGIONS
    return is_half_flag and point in _REGIONS
