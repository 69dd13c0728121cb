"""The messages of the bots' catalogue that a text says, in whichever language it says them."""

import re
from collections.abc import Iterator, Sequence

from babel.messages.pofile import read_po

from bots.texts.languages import DOMAIN, ENGLISH, LOCALES

#: Letters that the fixed part of a message has, at least. A shorter one is found in other texts.
LETTERS_MIN = 6
#: Letters that it has in every language where it is not to be found in other texts by chance.
SENTENCE_LETTERS_MIN = 22
_PLACEHOLDER = re.compile(r"\{\w+\}")


class Catalogue:
    """Finds messages in texts, by their English form, which names them."""

    def __init__(self) -> None:
        self._patterns: dict[str, dict[str, list[re.Pattern[str]]]] = {}
        self._forms: dict[str, set[str]] = {}
        #: All forms of a message, in all languages.
        self._of: dict[str, set[str]] = {}
        for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"):
            language = path.parent.parent.name
            with path.open("rb") as file:
                for message in read_po(file, locale=language, domain=DOMAIN):
                    ids, strings = _forms(message.id), _forms(message.string)
                    if ids and ids[0]:
                        self._add(ENGLISH, ids[0], ids)
                        self._add(language, ids[0], strings)

    def said(self, text: str, language: str) -> set[str]:
        """Return the messages that a text says in a language."""
        return {
            name
            for name, patterns in self._patterns[language].items()
            if any(pattern.search(text) for pattern in patterns)
        }

    def sentences(self, text: str, language: str) -> set[str]:
        """Return those that are so long in every language that no other text has them."""
        return {
            one
            for one in self.said(text, language)
            if min(map(_letters, self._of[one])) >= SENTENCE_LETTERS_MIN
        }

    def has_label(self, label: str, language: str) -> bool:
        """Tell whether a whole text, such as a button's, is one of a language."""
        return label in self._forms[language]

    def _add(self, language: str, name: str, forms: list[str]) -> None:
        self._forms.setdefault(language, set()).update(forms)
        self._of.setdefault(name, set()).update(forms)
        if all(_letters(form) >= LETTERS_MIN for form in forms):
            patterns = self._patterns.setdefault(language, {}).setdefault(name, [])
            patterns += map(_pattern, forms)


def _forms(text: str | Sequence[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _letters(form: str) -> int:
    return sum(map(str.isalpha, _PLACEHOLDER.sub("", form)))


def _pattern(form: str) -> re.Pattern[str]:
    parts: Iterator[str] = map(re.escape, _PLACEHOLDER.split(form))
    return re.compile(r"[\s\S]+?".join(parts))
