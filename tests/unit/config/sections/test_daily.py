"""The section [daily] of twinstream.toml."""

import pytest

from config import Community, ConfigError

BASE = """
[telegram]
chat_id = -1001

[discord]
guild_id = 1

[[ranks]]
name = "Newcomer"
xp = 10

[[achievements]]
name = "week"
title = "A week"

[daily]
"""


def test_a_community_that_sets_nothing_has_a_daily_reward_with_a_streak(tmp_path):
    file = tmp_path / "twinstream.toml"
    file.write_text(BASE)

    daily = Community.from_toml(file).daily

    assert daily.enabled
    assert (daily.xp, daily.balance) == (20, 10)
    assert daily.xp_streak_bonus_max == daily.xp
    assert daily.forgiven_days == 1


def test_milestones_name_achievements_that_exist(tmp_path):
    file = tmp_path / "twinstream.toml"
    file.write_text(BASE + "milestones = { week = 7, month = 30 }\n")

    with pytest.raises(ConfigError) as refused:
        Community.from_toml(file)

    assert str(refused.value) == (
        f"{file}, line 17: daily.milestones: there is no achievement 'month': add an"
        " [[achievements]] with this name, or correct it"
    )


@pytest.mark.parametrize(
    "setting", ["xp = -1", "forgiven_days = 32", "milestones = { week = 0 }", "xp_per_day = 2"]
)
def test_what_makes_no_sense_is_named(tmp_path, setting):
    file = tmp_path / "twinstream.toml"
    file.write_text(BASE + setting)

    with pytest.raises(ConfigError, match="daily"):
        Community.from_toml(file)
