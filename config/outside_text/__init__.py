"""Text from outside at a terminal and in a log: nothing in it can act, and all of it can be seen.

Keys, payloads, names and errors hold text that members and other programs chose. A terminal obeys
escape sequences in it, and a bidirectional override shows it in another order than it has. Markup
of Telegram and Discord is the bots' (`bots/texts/markup.py`).
"""

import re
import sys
import unicodedata
from typing import Final

#: Characters with a glyph, or none of their own, that show as nothing: fillers and variations.
#: U+FE0F stays, because most emoji end with it.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U0001d159]"
)


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return the text with every character that acts, or cannot be seen, written as `\x1b`. Pure.

    With `lines`, line breaks and tabs stay, for texts of ours that have several lines.
    """
    if text.isprintable() and _BLANK.search(text) is None:
        return text
    kept = "\n\t" if lines else ""
    return "".join(mark if _is_seen(mark) or mark in kept else _escaped(mark) for mark in text)


def tell(message: object) -> None:
    """Write the last words of a process to stderr."""
    sys.stderr.write(f"{visible(str(message), lines=True)}\n")


def _is_seen(mark: str) -> bool:
    is_space = unicodedata.category(mark) == "Zs"
    return (mark.isprintable() or is_space) and _BLANK.match(mark) is None


def _escaped(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")
