"""docs/configuration.md and the example files say of each setting what config/ and texts say."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from config import Settings
from docs.site.configuration import PAGES, TEXTS, compose_variables, page, sections, variables
from docs.site.pages import ROOT

EXAMPLES = {
    "en": (ROOT / "twinstream.example.toml").read_text(encoding="utf-8"),
    "ru": (ROOT / "twinstream.example.ru.toml").read_text(encoding="utf-8"),
}
ENVIRONMENT = (ROOT / ".env.example").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", PAGES)
def test_the_page_is_what_make_configuration_writes(language: str):
    assert PAGES[language].read_text(encoding="utf-8") == page(language)


def test_every_setting_has_a_meaning_in_both_languages_and_no_text_is_left_over():
    named = {section: {one.name for one in settings} for section, settings in sections().items()}
    named["environment"] = {one.name for one in variables()}
    others = {name for name in compose_variables() if not name.endswith("_PASSWORD")}
    named["compose"] = {"passwords", *others}

    assert {section: set(TEXTS[section]) for section in named} == named
    for section, texts in TEXTS.items():
        if section != "words":
            assert all(set(text) == {"en", "ru"} for text in texts.values()), section
    assert TEXTS["words"]["en"].keys() == TEXTS["words"]["ru"].keys()


@pytest.mark.parametrize("language", EXAMPLES)
@pytest.mark.parametrize("section", ["consumers", "cleanup", "reconcile"])
def test_the_example_shows_each_default_with_its_meaning(section: str, language: str):
    example = EXAMPLES[language]
    values = tomllib.loads(example)[section]
    [text] = re.findall(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", example, re.MULTILINE | re.DOTALL)
    comments = re.findall(r"^(\w+) = \S+ *# (.+(?:\n +# .+)*)", text, re.MULTILINE)
    meanings = {name: " ".join(re.split(r"\n +# ", comment)) for name, comment in comments}

    assert values == {one.name: one.default for one in sections()[section]}
    assert meanings == {name: text[language] for name, text in TEXTS[section].items()}


def test_the_example_of_the_environment_shows_every_variable_with_its_default():
    shown = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", ENVIRONMENT, re.MULTILINE))
    defaults: dict[str, Any] = {one.name: one.default for one in variables()}

    assert defaults.keys() == set(Settings.variables())
    assert {name: shown.get(name) for name in defaults} == {
        name: "" if default is None else str(default) for name, default in defaults.items()
    }


def leaves(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a file with the path of its key."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from leaves(value, f"{path}.{key}".removeprefix("."))
    elif isinstance(settings, list):
        for value in settings:
            yield from leaves(value, path)
    else:
        yield path, settings


def test_the_russian_example_has_the_same_settings_and_russian_texts():
    english, russian = (list(leaves(tomllib.loads(text))) for text in EXAMPLES.values())
    differ = {
        path for (path, one), (_, other) in zip(english, russian, strict=True) if one != other
    }

    assert [path for path, _ in russian] == [path for path, _ in english]
    assert differ == {
        "ranks.name",
        "ranks.telegram_tag",
        "achievements.title",
        "announcements.language",
    }


def test_the_russian_example_shows_the_same_optional_settings_under_russian_comments():
    def optional(text: str) -> list[str]:
        return re.findall(r"^#(\w+(?= = )|\[.+\]$)", text, re.MULTILINE)

    comments = re.findall(r"(?:^| )# +(\S.*)$", EXAMPLES["ru"], re.MULTILINE)

    assert optional(EXAMPLES["ru"]) == optional(EXAMPLES["en"])
    assert len(comments) > len(optional(EXAMPLES["ru"]))
    assert [one for one in comments if not re.search("[а-яё]", one)] == []
