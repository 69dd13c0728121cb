"""Whether a message says something, and something else than its author's last ones.

No text is kept: of each message a small sketch of hashes, from which its likeness to another one is
estimated (the smallest hashes of its pieces).
"""

import unicodedata
import zlib
from array import array
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from typing import Final

#: Characters of a message that are looked at: more tell no more, and take longer.
READ_MAX: Final = 256
#: Characters of the pieces that are compared.
PIECE: Final = 4
#: Hashes that are kept of a message, 4 bytes each. With 24 the estimate is off by 0.1 on average.
SKETCH_MAX: Final = 24
#: Messages of an author that are remembered, so that a few texts in turns are found as well.
MESSAGES_MAX: Final = 5
#: Authors who are remembered: some three megabytes.
AUTHORS_MAX: Final = 5_000
#: Words from which on a text is judged by how many different ones it has, and their least share.
WORDS_MIN: Final = 4
WORDS_SHARE_MIN: Final = 0.4
#: Characters from which on a text is judged by its most frequent one, and the share of that one.
FREQUENT_MIN: Final = 8
FREQUENT_SHARE_MAX: Final = 0.5


def says_something(text: str, least_characters: int) -> bool:
    """Tell whether a text is long enough, and is not one character or word over and over. Pure."""
    if not text:
        return False  # a sticker, whatever length is asked for
    words = plain(text).split()
    if weight("".join(words)) < least_characters:
        return False
    letters = [one for one in text[:READ_MAX].casefold() if _is_letter(one)]
    if len(letters) >= FREQUENT_MIN:
        most = max(Counter(letters).values())
        if most / len(letters) > FREQUENT_SHARE_MAX:
            return False
    return len(words) < WORDS_MIN or len(set(words)) / len(words) >= WORDS_SHARE_MIN


def plain(text: str) -> str:
    """Return the letters and digits of a text in lower case, without runs of one. Pure.

    Everything else separates words, so that dots and emoji in between change nothing.
    """
    folded = unicodedata.normalize("NFKC", text[:READ_MAX]).casefold()
    kept: list[str] = []
    for character in folded:
        one = character if _is_letter(character) else " "
        if kept[-2:] != [one, one] and (one != " " or kept[-1:] != [" "]):
            kept.append(one)
    return "".join(kept)


def _is_letter(character: str) -> bool:
    """Tell whether words are made of it: letters and their marks, and digits. Pure."""
    return unicodedata.category(character)[0] in "LMN"


def weight(letters: str) -> int:
    """Count characters, those of scripts that write a word in one or two of them double. Pure."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in letters)


def sketch(text: str) -> Sequence[int]:
    """Return the smallest hashes of a text's pieces, in order. Pure."""
    letters = plain(text)
    pieces = {letters[at : at + PIECE] for at in range(max(1, len(letters) - PIECE + 1))}
    return array("I", sorted(zlib.crc32(one.encode()) for one in pieces)[:SKETCH_MAX])


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Estimate which share of their pieces two texts have in common, 0 to 1. Pure."""
    both = sorted({*one, *other})[: max(len(one), len(other))]
    return len({*one} & {*other} & {*both}) / len(both) if both else 1.0


class LastMessages:
    """The last messages of authors, as sketches."""

    def __init__(self, alike_max: float, *, authors_max: int = AUTHORS_MAX) -> None:
        self._alike_max = alike_max
        self._authors_max = authors_max
        self._known: OrderedDict[int, deque[Sequence[int]]] = OrderedDict()

    def is_repetition(self, account_id: int, text: str) -> bool:
        """Tell whether the author wrote nearly the same before. If not, it is remembered."""
        fresh = sketch(text)
        known = self._known.setdefault(account_id, deque(maxlen=MESSAGES_MAX))
        self._known.move_to_end(account_id)
        if len(self._known) > self._authors_max:
            self._known.popitem(last=False)
        if any(likeness(fresh, one) >= self._alike_max for one in known):
            return True
        known.append(fresh)
        return False
