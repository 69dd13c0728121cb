"""Translated descriptions of commands, their options and choices, and entries of menus.

The names of commands stay English.
"""

from discord import Locale
from discord.app_commands import (
    ContextMenu,
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
        is_entry = isinstance(context.data, ContextMenu)
        is_shown = is_entry or context.location in _TRANSLATED
        if not is_shown or texts.language == ENGLISH:
            return None
        return texts.gettext(string.message)
