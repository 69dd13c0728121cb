import io
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bots.texts.languages import DOMAIN, LOCALES, Languages

BOTS = Path(__file__).parents[4] / "bots"
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "marked": None}
CATALOGUES = sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def texts_in_code() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(BOTS, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}


def catalogue(path: Path) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()), locale=path.parts[-3], abort_invalid=True)


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


by_language = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])


def test_there_is_a_russian_catalogue():
    assert [path.parts[-3] for path in CATALOGUES] == ["ru"]


@by_language
def test_every_text_in_the_code_is_translated(path):
    translated = {m.id for m in catalogue(path) if m.id and all(forms(m.string)) and not m.fuzzy}

    assert texts_in_code() - translated == set()


@by_language
def test_no_translation_outlives_its_text(path):
    assert {m.id for m in catalogue(path) if m.id} - texts_in_code() == set()


@by_language
def test_every_plural_form_is_there(path):
    messages = catalogue(path)

    assert [
        m.id for m in messages if m.pluralizable and len(forms(m.string)) != messages.num_plurals
    ] == []


@by_language
def test_translations_have_the_placeholders_of_their_texts(path):
    for message in catalogue(path):
        if message.id:
            wanted = placeholders(forms(message.id)[-1])
            assert [placeholders(form) for form in forms(message.string)] == [wanted] * len(
                forms(message.string)
            ), message.id


def test_no_text_holds_a_character_of_markup():
    """The same texts are sent as Telegram HTML and as Discord Markdown."""
    every = [form for text in texts_in_code() for form in forms(text)]
    every += [
        form for path in CATALOGUES for m in catalogue(path) if m.id for form in forms(m.string)
    ]

    assert [text for text in every if re.search(r"[<>&*_~`|]", text)] == []


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 очков опыта"),
        (1, "1 очко опыта"),
        (2, "2 очка опыта"),
        (5, "5 очков опыта"),
        (11, "11 очков опыта"),
        (21, "21 очко опыта"),
        (22, "22 очка опыта"),
        (112, "112 очков опыта"),
        (1_000_001, "1\xa0000\xa0001 очко опыта"),
    ],
)
def test_russian_counts_in_three_forms(count, shown):
    texts = Languages.load().speak("ru")

    assert texts.ngettext("{count} XP", "{count} XP", count) == shown


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU_ru", "ru"),
        ("en-GB", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_language_code_without_a_catalogue_means_english(code, language):
    assert Languages.load().speak(code).language == language


def test_values_are_not_read_as_templates():
    texts = Languages.load().speak("en")

    assert texts.gettext("Rank: {rank}", rank="{xp}") == "Rank: {xp}"
