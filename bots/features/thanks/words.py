"""Whether a reply thanks: its words beside those of twinstream.toml. Pure.

Case, width, punctuation and characters that nobody sees make no difference. A word counts only as a
whole word; scripts that write no spaces have no words to compare, so there it counts anywhere.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

#: Characters of a reply that are looked at: people thank in short messages, and each costs time.
CHARS_MAX: Final = 500
#: Words before a word of thanks that turn it into the contrary, as in "no thanks".
NEGATIONS: Final = frozenset({"no", "not", "нет", "не", "ні", "без", "nein", "non"})
#: How the names of characters begin whose scripts write no spaces between words.
_WITHOUT_SPACES: Final = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
#: Lines of a Discord message that quote another one.
_QUOTED: Final = re.compile(r"^\s*>.*$", re.MULTILINE)


class ThankWords:
    """The words of a community, prepared to be found in many replies."""

    def __init__(self, words: Iterable[str]) -> None:
        self._signs: set[str] = set()
        self._spaceless: list[str] = []
        #: Words by their first one: "thank you" is two.
        self._phrases: dict[str, list[list[str]]] = {}
        for word in words:
            folded = _folded(word)
            if not any(map(_is_letter, folded)):
                self._signs.add(_bare(folded))
            elif all(_has_no_spaces(mark) for mark in folded if _is_letter(mark)):
                self._spaceless.append("".join(folded.split()))
            else:
                phrase = _words_of(folded)
                self._phrases.setdefault(phrase[0], []).append(phrase)

    def __bool__(self) -> bool:
        return bool(self._signs or self._spaceless or self._phrases)

    def are_in(self, text: str) -> bool:
        """Tell whether a reply with this text thanks."""
        folded = _folded(_QUOTED.sub("", text[:CHARS_MAX]))
        if _bare(folded) in self._signs:
            return True
        if any(word in folded for word in self._spaceless):
            return True
        return self._has_phrase(_words_of(folded))

    def _has_phrase(self, words: list[str]) -> bool:
        found = False
        for index, word in enumerate(words):
            # "спасибо+" is "спасибо", while "+rep" is another word than "rep".
            for first in {word, word.strip("+")}:
                for phrase in self._phrases.get(first, ()):
                    if [first, *words[index + 1 : index + len(phrase)]] != phrase:
                        continue
                    if index and words[index - 1] in NEGATIONS:
                        return False
                    found = True
        return found


def _folded(text: str) -> str:
    """Return the text in one form of case and width, without characters that nobody sees."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (mark for mark in folded if unicodedata.category(mark) != "Cf" and mark != "\ufe0f")
    return "".join(seen).replace("ё", "е")


def _words_of(folded: str) -> list[str]:
    """Return the words without the punctuation around them; what is punctuation only goes."""
    stripped = (_stripped(word) for word in folded.split())
    return [word for word in stripped if word]


def _stripped(word: str) -> str:
    first, last = 0, len(word)
    while first < last and not _belongs_to_word(word[first]):
        first += 1
    while last > first and not _belongs_to_word(word[last - 1]):
        last -= 1
    return word[first:last]


def _belongs_to_word(mark: str) -> bool:
    return mark == "+" or unicodedata.category(mark)[0] in "LMN"


def _is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] == "L"


def _has_no_spaces(mark: str) -> bool:
    return unicodedata.name(mark, "").startswith(_WITHOUT_SPACES)


def _bare(folded: str) -> str:
    """Return a text of signs without spaces and punctuation: "+!" says as much as "+"."""
    return "".join(m for m in folded if not m.isspace() and unicodedata.category(m)[0] != "P")
