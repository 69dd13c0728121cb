from datetime import UTC, datetime

import msgspec
import pytest

from bots.cards import Card, Stat
from bots.features.profile import texts as profile_texts
from config import LevelSetting
from db.members.profiles import PLACES_MAX, Achievement, Figures, Profile
from tests.support.bot_texts import (
    COMMUNITY,
    DISCORD,
    ENGLISH,
    RUSSIAN,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)

PROFILE = Profile(
    xp=15,
    balance=5,
    rank=1,
    rank_name="Newcomer",
    rank_xp=10,
    next_rank_name="Regular",
    next_rank_xp=30,
    linked=False,
    achievements=(Achievement("lucky_guess", datetime(2026, 1, 2, tzinfo=UTC)),),
)


FIGURES = Figures(
    display_name="Alice",
    is_hidden=False,
    left_out=None,
    platforms=frozenset({"telegram"}),
    place=3,
    reputation=0,
    streak=0,
)
BOTH = FIGURES._replace(platforms=frozenset({"telegram", "discord"}))


def seen(
    profile: Profile = PROFILE, figures: Figures = FIGURES, *, is_own: bool = True
) -> profile_texts.Seen:
    return profile_texts.Seen("Alice", profile, figures, is_own)


def test_a_profile_shows_level_place_and_the_progress_to_the_next_rank():
    answer = profile_texts.card(seen(), ENGLISH, TELEGRAM, COMMUNITY)

    assert answer == (
        "<b>Alice</b>\nRank: Newcomer\nLevel 0: 15 / 100 XP\nPlace: #3\nXP: 15\n"
        "Balance: 5 coins\n▰▰▱▱▱▱▱▱▱▱ 15 XP to Regular\n"
        "Achievements: Lucky guess\nYour other account is not linked yet: send /link."
    )


def test_the_highest_rank_has_no_progress_left():
    highest = PROFILE._replace(next_rank_name=None, next_rank_xp=None, linked=True)

    answer = profile_texts.card(seen(highest), RUSSIAN, DISCORD, COMMUNITY)

    assert "▱" not in answer
    assert "Это высший ранг" in answer
    assert "Ранг: Новичок\n" in answer
    assert "Достижения: Удачная догадка\n" in answer
    assert "связаны" in answer


def test_others_are_told_of_a_member_and_not_what_to_do():
    highest = PROFILE._replace(next_rank_name=None, next_rank_xp=None)
    figures = BOTH._replace(left_out="gone", streak=1, reputation=1200)

    answer = profile_texts.card(seen(highest, figures, is_own=False), ENGLISH, TELEGRAM, COMMUNITY)

    assert answer == (
        "<b>Alice</b>\nRank: Newcomer\nLevel 0: 15 / 100 XP\nPlace: #3\nXP: 15\n"
        "Balance: 5 coins\n1 day in a row\nReputation: 1,200\nThe highest rank\n"
        "This member has left.\nAchievements: Lucky guess\nOn both platforms: Telegram, Discord"
    )


def test_a_place_beyond_those_that_are_counted_says_so():
    far = FIGURES._replace(place=PLACES_MAX + 1)

    assert "Place: beyond 10,000\n" in profile_texts.card(
        seen(PROFILE, far), ENGLISH, TELEGRAM, COMMUNITY
    )
    nowhere = FIGURES._replace(place=None)
    assert "Place" not in profile_texts.card(seen(PROFILE, nowhere), ENGLISH, TELEGRAM, COMMUNITY)


def test_the_highest_level_is_named():
    community = msgspec.structs.replace(COMMUNITY, levels=LevelSetting(table=(10, 12)))

    assert "Level 2: the highest level\n" in profile_texts.card(
        seen(), ENGLISH, TELEGRAM, community
    )
    assert profile_texts.picture(seen(), ENGLISH, community).done == 1000


def test_the_card_has_the_figures_in_the_readers_language():
    figures = BOTH._replace(streak=14, reputation=1200)

    shown = profile_texts.picture(seen(PROFILE._replace(xp=1234), figures), RUSSIAN, COMMUNITY)

    assert shown == Card(
        name="Alice",
        rank="Новичок",
        level="Уровень 5",
        progress="84 / 475 опыта",
        done=176,
        stats=(
            Stat("Место", "#3"),
            Stat("Опыт", "1\xa0234"),
            Stat("Баланс", "5"),
            Stat("Дней подряд", "14"),
            Stat("Репутация", "1\xa0200"),
        ),
        platforms=frozenset({"telegram", "discord"}),
    )


def test_the_description_of_a_picture_has_no_markup_and_nothing_to_skip():
    read_out = profile_texts.card(seen(), ENGLISH, profile_texts.Unformatted(), COMMUNITY)

    assert read_out.startswith("Alice\nRank: Newcomer\nLevel 0: 15 / 100 XP\n")
    assert not {"▰", "▱", "<", "*"} & set(read_out)


@pytest.mark.parametrize("name", ["", "\u200b\u2800", "x" * 4096, "a\u0301" * 200, "\u202eabc"])
def test_any_name_comes_to_a_card_in_one_short_line(name):
    shown = profile_texts.picture(seen()._replace(name=name), ENGLISH, COMMUNITY)

    assert 0 < len(shown.name) <= profile_texts.CARD_NAME_CHARS_MAX
    assert "\u202e" not in shown.name


@pytest.mark.parametrize(
    ("done", "filled"), [(-5, 0), (0, 0), (9, 0), (10, 1), (99, 9), (100, 10), (500, 10)]
)
def test_the_bar_is_full_only_when_all_is_done(done, filled):
    assert profile_texts.progress_bar(done, 100) == "▰" * filled + "▱" * (10 - filled)


@in_every_language
@on_every_platform
def test_the_longest_profile_fits_into_a_discord_message(texts, mark):
    many = tuple(Achievement("a" * 64, PROFILE.achievements[0].unlocked_at) for _ in range(100))
    profile = PROFILE._replace(achievements=many)

    answer = profile_texts.card(seen(profile, BOTH), texts, mark, COMMUNITY)
    assert len(answer) <= 2_000
