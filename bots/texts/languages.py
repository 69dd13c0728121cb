"""The texts that people read, in their own language.

The code holds the English texts; `locales/<language>/LC_MESSAGES/twinstream.po` translates them.
Catalogues are compiled when they are loaded, so no binary lies in the repository.
"""

import gettext
import io
from collections.abc import Iterator
from pathlib import Path

from babel.core import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

DOMAIN = "twinstream"
LOCALES = Path(__file__).parents[1] / "locales"
ENGLISH = "en"


def marked(text: str) -> str:
    """Return the text unchanged. The call marks a text that is translated where it is shown."""
    return text


class Texts:
    """The texts in one language. Values fill the `{names}` of a text; numbers are grouped."""

    def __init__(self, language: str, translations: gettext.NullTranslations) -> None:
        self.language = language
        self._locale = Locale(language)
        self._translations = translations

    def gettext(self, text: str, **values: object) -> str:
        """Translate and fill in."""
        return self._filled(self._translations.gettext(text), values)

    def ngettext(self, one: str, many: str, count: int, **values: object) -> str:
        """Translate in the form that goes with `count`, which fills `{count}`."""
        form = self._translations.ngettext(one, many, count)
        return self._filled(form, {"count": count, **values})

    def number(self, number: int) -> str:
        """Write a whole number as people of this language group its digits."""
        return str(format_decimal(number, locale=self._locale))

    def _filled(self, text: str, values: dict[str, object]) -> str:
        return text.format_map({name: self._shown(value) for name, value in values.items()})

    def _shown(self, value: object) -> str:
        if isinstance(value, int):
            return self.number(value)
        return str(value)


class Languages:
    """English, and every language that has a catalogue."""

    def __init__(self, texts: dict[str, Texts]) -> None:
        self._texts = texts

    @classmethod
    def load(cls, locales: Path = LOCALES) -> "Languages":
        """Read and compile the catalogues."""
        texts = {ENGLISH: Texts(ENGLISH, gettext.NullTranslations())}
        for catalogue in sorted(locales.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
            language = catalogue.parent.parent.name
            texts[language] = Texts(language, _compiled(catalogue, language))
        return cls(texts)

    def __iter__(self) -> Iterator[Texts]:
        return iter(self._texts.values())

    def speak(self, code: str | None) -> Texts:
        """Return the texts for a language code such as `ru`, `ru-RU` or `en_GB`; else English."""
        language = (code or ENGLISH).replace("_", "-").split("-")[0].lower()
        return self._texts.get(language, self._texts[ENGLISH])


def _compiled(catalogue: Path, language: str) -> gettext.GNUTranslations:
    with catalogue.open("rb") as file:
        messages = read_po(file, locale=language, domain=DOMAIN, abort_invalid=True)
    binary = io.BytesIO()
    write_mo(binary, messages)
    binary.seek(0)
    return gettext.GNUTranslations(binary)
