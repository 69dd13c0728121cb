from datetime import UTC, datetime

import pytest

from bots.features.profile import texts as profile_texts
from db.members.profiles import Achievement, Profile
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


def test_a_profile_shows_the_progress_to_the_next_rank():
    answer = profile_texts.card(PROFILE, "Alice", ENGLISH, TELEGRAM, COMMUNITY)

    assert answer == (
        "<b>Alice</b>\nRank: Newcomer\nXP: 15\nBalance: 5 coins\n▰▰▱▱▱▱▱▱▱▱ 15 XP to Regular\n"
        "Achievements: Lucky guess\nYour other account is not linked yet: send /link."
    )


def test_the_highest_rank_has_no_progress_left():
    highest = PROFILE._replace(next_rank_name=None, next_rank_xp=None, linked=True)

    answer = profile_texts.card(highest, "Alice", RUSSIAN, DISCORD, COMMUNITY)

    assert "▱" not in answer
    assert "Это высший ранг" in answer
    assert "Ранг: Новичок\n" in answer
    assert "Достижения: Удачная догадка\n" in answer
    assert "связаны" in answer


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

    assert len(profile_texts.card(profile, "Alice", texts, mark, COMMUNITY)) <= 2_000
