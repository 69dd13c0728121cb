"""The section [announcements]: old files mean what they meant, and each mistake has its place."""

from pathlib import Path

import pytest

from config import Community, ConfigError
from config.community_file.wordings import PLACEHOLDERS

BASE = """\
[telegram]
chat_id = -100

[discord]
guild_id = 1

[[ranks]]
name = "Newcomer"
xp = 10

[announcements]
telegram = true
"""


def read(tmp_path: Path, more: str) -> Community:
    path = tmp_path / "twinstream.toml"
    path.write_text(BASE + more, encoding="utf-8")
    return Community.from_toml(path)


def test_an_old_file_announces_ranks_and_achievements_as_before_and_no_levels(tmp_path):
    setting = read(tmp_path, "discord_channel_id = 17\n").announcements

    assert (setting.telegram, setting.discord_channel_id, setting.quiet()) == (True, 17, None)
    assert (setting.rank.telegram, setting.achievement.discord) == (None, None)
    assert (setting.level.telegram, setting.level.discord) == ("off", "off")


def test_levels_are_announced_once_their_section_is_there(tmp_path):
    setting = read(tmp_path, "[announcements.level]\n").announcements

    assert (setting.level.telegram, setting.level.discord) == (None, None)


@pytest.mark.parametrize(
    ("more", "line", "why"),
    [
        ('quiet_hours = "23-8"', 13, "quiet_hours '23-8' cannot be used: write two times"),
        ('[announcements.rank]\ntelegram = "topic"', 14, "must be 'group' or 'here'"),
        ('[announcements.rank]\ndiscord = "group"', 14, "must be 'here' or 'off'"),
        ("[announcements.rank]\ntelegram = -1", 14, "at least 1, not -1"),
        ("[announcements.streaks]", 13, "announcements.streaks is not a setting"),
        ('[announcements.rank]\ntext = "{nme}"', 14, "has {nme}, which is no placeholder here"),
        ('[announcements.rank]\ntext = "{name} has {"', 14, "has a brace without its other one"),
        ('[announcements.rank]\ntext = "{name} has }"', 14, "has a brace without its other one"),
        ('[announcements.rank]\ntext = "{}"', 14, "has {}, which is no placeholder here"),
        ('[announcements.rank]\ntext = "{name.x}"', 14, "has {name.x}, which is no placeholder"),
        ('[announcements.rank]\ntext = "{name!r}"', 14, "has {name!r}, which is no placeholder"),
        ('[announcements.rank]\ntext = "{xp:,}"', 14, "has {xp:,}, which is no placeholder"),
        ('[announcements.rank]\ntext = "{achievement}"', 14, "which is no placeholder here"),
        ('[announcements.rank]\ntext = "  "', 14, "announcements.rank.text is blank"),
        ('[announcements.rank]\ntext = ""', 14, "announcements.rank.text is blank"),
        ('[announcements.rank]\ntext = "a\\nb"', 14, "has '\\n': write it in one line"),
        ('[announcements.level.text]\nen = "x"\nru = "{уровень}"', 15, "text.ru has {уровень}"),
        (f'[announcements.rank]\ntext = "{"x" * 501}"', 14, "would show up to 501 characters"),
        (f'[announcements.rank]\ntext = "{"{name}" * 16}"', 14, "would show up to 512 char"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, more, line, why):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, more + "\n")

    assert f"line {line}: " in str(refused.value)
    assert why in str(refused.value)


def test_a_topic_needs_announcements_in_the_group(tmp_path):
    path = tmp_path / "twinstream.toml"
    path.write_text(BASE.replace("telegram = true", "telegram_topic_id = 5"), encoding="utf-8")

    with pytest.raises(ConfigError, match=r"line 12: announcements\.telegram_topic_id names"):
        Community.from_toml(path)


def test_braces_are_written_twice(tmp_path):
    setting = read(tmp_path, '[announcements.rank]\ntext = "{{{name}}}"\n').announcements

    assert setting.rank.wording("ru") == "{{{name}}}"


def test_every_placeholder_has_a_length():
    from config.community_file.announcing import ALLOWED

    assert {name for names in ALLOWED.values() for name in names} <= set(PLACEHOLDERS)
