import warnings
from datetime import UTC, datetime

import msgspec
import pytest

from bots import answers
from bots.game import Explained, Lost, Missed, OutOfRange, Owed, Resting, Reward, Verdict, Won
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts import Languages
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db import Achievement, LinkOutcome, Profile, Standing

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.markup import DiscordMarkup

LANGUAGES = Languages.load()
EVERY_TEXTS = list(LANGUAGES)
MARKS = [TelegramMarkup(), DiscordMarkup()]
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1001),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10), Rank(name="Regular", xp=30)),
    achievements=(AchievementSetting(name="lucky_guess", title="Lucky guess"),),
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
TURNS = [
    Explained(4),
    Explained(1),
    OutOfRange(),
    Missed(3, Verdict.HIGHER, 3),
    Missed(8, Verdict.LOWER, 1),
    Lost(7),
    Resting(1),
    Resting(59),
    Owed(7),
    Won(7, None),
    Won(7, Reward(15, 5, "lucky_guess")),
]

in_every_language = pytest.mark.parametrize("texts", EVERY_TEXTS, ids=lambda texts: texts.language)
on_every_platform = pytest.mark.parametrize("mark", MARKS, ids=lambda mark: type(mark).__name__)


@in_every_language
@on_every_platform
@pytest.mark.parametrize("turn", TURNS, ids=repr)
def test_every_turn_has_an_answer(turn, texts, mark):
    assert answers.turn(turn, texts, mark, COMMUNITY)


@in_every_language
@pytest.mark.parametrize("outcome", LinkOutcome)
def test_every_outcome_of_linking_has_an_answer(outcome, texts):
    assert answers.linked(outcome, "Discord", None, texts, MARKS[0])


@in_every_language
def test_who_is_linked_is_told_with_whom(texts):
    answer = answers.linked(LinkOutcome.LINKED, "Discord", "<Mallory>", texts, MARKS[0])

    assert "<b>&lt;Mallory&gt;</b>" in answer
    assert "Discord" in answer


def test_a_win_says_what_it_brought():
    answer = answers.turn(
        Won(7, Reward(15, 5, "lucky_guess")), LANGUAGES.speak("en"), MARKS[0], COMMUNITY
    )

    assert answer == (
        "Yes, it is 7!\nYou earned 15 XP and 5 coins.\nAchievement unlocked: Lucky guess"
    )


@pytest.mark.parametrize(
    ("bonus", "told"),
    [
        ({"bonus_xp": 50}, "Lucky guess (+ 50 XP)"),
        ({"bonus_balance": 1}, "Lucky guess (+ 1 coin)"),
        ({"bonus_xp": 50, "bonus_balance": 7}, "Lucky guess (+ 50 XP, 7 coins)"),
    ],
)
def test_the_bonus_of_an_achievement_is_told_with_it(bonus, told):
    lucky = AchievementSetting(name="lucky_guess", title="Lucky guess", **bonus)
    community = msgspec.structs.replace(COMMUNITY, achievements=(lucky,))
    won = Won(7, Reward(15, 5, "lucky_guess"))

    assert answers.turn(won, LANGUAGES.speak("en"), MARKS[0], community).endswith(told)


def test_a_profile_shows_the_way_to_the_next_rank():
    answer = answers.card(PROFILE, "Alice", LANGUAGES.speak("en"), MARKS[0], COMMUNITY)

    assert answer == (
        "<b>Alice</b>\nRank: Newcomer\nXP: 15\nBalance: 5 coins\n▰▰▱▱▱▱▱▱▱▱ 15 XP to Regular\n"
        "Achievements: Lucky guess\nYour other account is not linked yet: send /link."
    )


def test_the_highest_rank_has_no_way_left():
    highest = PROFILE._replace(next_rank_name=None, next_rank_xp=None, linked=True)

    answer = answers.card(highest, "Alice", LANGUAGES.speak("ru"), MARKS[1], COMMUNITY)

    assert "▱" not in answer
    assert "Выше рангов нет" in answer
    assert "связаны" in answer


@pytest.mark.parametrize(
    ("done", "filled"), [(-5, 0), (0, 0), (9, 0), (10, 1), (99, 9), (100, 10), (500, 10)]
)
def test_the_bar_is_full_only_when_all_is_done(done, filled):
    assert answers.progress_bar(done, 100) == "▰" * filled + "▱" * (10 - filled)


def test_names_are_only_names():
    rows = [Standing(1, 1, "<b>*x*</b> @everyone [a](b://c)", 1_500, None)]

    telegram = answers.table(rows, LANGUAGES.speak("en"), MARKS[0])
    discord = answers.table(rows, LANGUAGES.speak("en"), MARKS[1])

    assert "&lt;b&gt;" in telegram
    assert "@everyone" not in telegram
    assert r"\*x\*" in discord
    assert "@everyone" not in discord
    assert r"\[a](b://c)" in discord
    assert discord.endswith("1,500 XP")


def test_an_empty_table_invites_to_play():
    assert "/guess" in answers.table([], LANGUAGES.speak("en"), MARKS[0])


@in_every_language
@on_every_platform
def test_the_longest_answers_fit_into_a_discord_message(texts, mark):
    rows = [Standing(place, place, "*" * 200, 10**15, "R" * 64) for place in range(1, 11)]
    many = tuple(Achievement("a" * 64, PROFILE.achievements[0].unlocked_at) for _ in range(100))
    profile = PROFILE._replace(achievements=many)

    assert len(answers.table(rows, texts, mark)) <= 2_000
    assert len(answers.card(profile, "Alice", texts, mark, COMMUNITY)) <= 2_000
