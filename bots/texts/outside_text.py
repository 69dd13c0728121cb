"""Texts that members and other programs chose, before a platform's markup shows them. Pure.

A name may hold line breaks, orders to write from right to left, characters without a glyph, and
more marks above a letter than a line has room for. `Markup.plain` of each platform begins here.
"""

import re
import unicodedata
from typing import Final

#: Characters that count as letters or symbols and show as nothing.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U0001d159")
#: Joiners belong to emoji and to words in Indic and Persian scripts, between two characters only.
_JOINERS: Final = frozenset("\u200c\u200d")
#: The selector that most emoji end with.
_AS_EMOJI: Final = "\ufe0f"
_SELECTORS: Final = re.compile("[\ufe00-\ufe0e\u180b-\u180f\U000e0100-\U000e01ef]")
#: Marks in a row on one character. Written languages need up to four.
MARKS_MAX: Final = 4
#: The invisible character that ends a link, a mention or a command where it stands. It takes no
#: room, and no line breaks at it.
WORD_JOINER: Final = "\u2060"
#: Characters that begin or hold together a link, a mention, a hashtag, a command, or a number.
_ACTIVE: Final = re.compile(r"(?<=[@#$/.:+])(?=\S)")
#: Long numbers: Telegram takes some for bank cards and phone numbers.
_NUMBER: Final = re.compile(r"(?<=\d{4})(?=\d)|(?<=\d[ -])(?=\d)")
#: A text with letters of these directions is isolated, or it would reorder what stands around it.
_RIGHT_TO_LEFT: Final = ("R", "AL", "AN")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def one_line(text: str) -> str:
    """Return the text in one line, of characters that can be seen; empty if there are none."""
    kept: list[str] = []
    marks = 0
    for index, mark in enumerate(text):
        category = unicodedata.category(mark)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in ("Zs", "Zl", "Zp") or mark in "\t\n\v\f\r\x85":
            kept.append(" ")
        elif marks <= MARKS_MAX and _is_kept(text, index, category):
            kept.append(mark)
    found = " ".join("".join(kept).split())
    return found if any(unicodedata.category(mark)[0] in "LNPS" for mark in found) else ""


def inert(text: str) -> str:
    """Return the text with a word joiner wherever a platform would find a link or a mention."""
    return _NUMBER.sub(WORD_JOINER, _ACTIVE.sub(WORD_JOINER, text))


def isolated(text: str) -> str:
    """Return the text so that its direction of writing ends with it."""
    if any(unicodedata.bidirectional(mark) in _RIGHT_TO_LEFT for mark in text):
        return f"{_ISOLATE}{text}{_END_ISOLATE}"
    return text


def _is_kept(text: str, index: int, category: str) -> bool:
    mark = text[index]
    if mark in _JOINERS:
        return _joins(text, index)
    if category in ("Cc", "Cf", "Cs") or mark in _BLANK:
        return False
    return mark == _AS_EMOJI or _SELECTORS.match(mark) is None


def _joins(text: str, index: int) -> bool:
    """Tell whether a joiner stands between two characters that it may join."""
    if not 0 < index < len(text) - 1:
        return False
    before, after = text[index - 1], text[index + 1]
    is_in_emoji = before == _AS_EMOJI or unicodedata.category(before) in ("So", "Sk")
    is_in_word = unicodedata.category(before)[0] in "LM" and before not in _BLANK
    return (is_in_emoji and unicodedata.category(after) == "So") or (
        is_in_word and unicodedata.category(after)[0] == "L" and after not in _BLANK
    )
