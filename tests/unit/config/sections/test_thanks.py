"""The section [earning.thanks] of twinstream.toml: mistakes in its words."""

from pathlib import Path

import pytest

from config import Community, ConfigError
from config.community_sections.thanks import WORDS, WORDS_MAX


def read(folder: Path, checkout: Path, thanks: str) -> Community:
    text = (checkout / "sandbox" / "twinstream.toml").read_text(encoding="utf-8")
    file = folder / "twinstream.toml"
    file.write_text(f"{text}\n[earning.thanks]\n{thanks}\n", encoding="utf-8")
    return Community.from_toml(file)


def test_a_community_that_sets_nothing_has_words_and_limits(tmp_path, checkout):
    thanks = read(tmp_path, checkout, "").earning.thanks

    assert thanks.words == WORDS
    assert (thanks.enabled, thanks.per_day_max, thanks.xp, thanks.quiet) == (True, 5, 5, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('["thanks", "\u200b "]', "has nothing that can be seen: leave it out"),
        ('["/thanks"]', "is a command: the bots answer /thanks without it"),
        (str(["x"] * (WORDS_MAX + 1)), f"at most {WORDS_MAX} are possible, found 201"),
        ('[""]', "earning.thanks.words"),
        ('"thanks"', "earning.thanks.words"),
    ],
)
def test_a_mistake_in_the_words_is_named_with_its_line(tmp_path, checkout, words, says):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, checkout, f"words = {words}")

    assert says in str(refused.value)
    assert "line" in str(refused.value)


def test_no_words_at_all_leave_the_command_only(tmp_path, checkout):
    assert read(tmp_path, checkout, "words = []").earning.thanks.words == ()
