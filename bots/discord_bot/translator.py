"""Translated descriptions of commands, their options and choices. Names stay English."""

from discord import Locale
from discord.app_commands import (
    TranslationContextLocation,
    TranslationContextTypes,
    Translator,
    locale_str,
)

from bots.texts.languages import ENGLISH, Languages

_TRANSLATED = (
    TranslationContextLocation.command_description,
    TranslationContextLocation.parameter_description,
    TranslationContextLocation.choice_name,
)


class CatalogueTranslator(Translator):
    """Lets Discord show every member the descriptions in their own language."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def translate(
        self, string: locale_str, locale: Locale, context: TranslationContextTypes
    ) -> str | None:
        texts = self._languages.speak(locale.value)
        if context.location not in _TRANSLATED or texts.language == ENGLISH:
            return None
        return texts.gettext(string.message)
