"""The answers of /reward."""

from datetime import UTC, datetime

from bots.features.command import Target, TargetKind
from bots.features.rewarding import texts
from db.rewards.administrators import Given, Reward
from tests.support.bot_texts import COMMUNITY, DISCORD, ENGLISH, RUSSIAN, TELEGRAM

ANN = Target(1001, "Ann <b>")
FREE_AT = datetime(2026, 11, 11, 12, tzinfo=UTC)


def answer(given: Given, reward: Reward, language=ENGLISH, mark=TELEGRAM) -> str:
    return texts.answer(given, reward, ANN, language, mark, COMMUNITY)


def test_the_answer_names_the_member_the_amounts_and_the_reason():
    reward = Reward("1", 50, -5, "lucky_guess", "a *quiz*")
    given = Given("given", 50, -5, True, None)

    said = answer(given, reward)
    russian = answer(given, reward, RUSSIAN, DISCORD)

    assert said.startswith("<b>Ann &lt;b&gt;</b>: +50 XP, -5 coins, achievement “Lucky guess”.")
    assert said.endswith("Reason: a *quiz*")
    assert "+50 очков опыта, -5 монет, достижение «Удачная догадка»" in russian
    assert russian.endswith("Причина: a \\*quiz\\*")
    assert answer(given._replace(outcome="again"), reward) == said


def test_the_limit_says_what_is_left_and_from_when_it_is_more():
    said = answer(Given("limited", 70, 45, False, FREE_AT), Reward("1", 100, reason="quiz"))

    assert "Left: 70 XP, 45 coins. From 2026-11-11 12:00 UTC on it is more." in said


def test_a_long_reason_and_an_account_without_a_name_fit_into_an_answer():
    given, reward = Given("given", 50, 0, False, None), Reward("1", 50, reason="x" * 300)
    said = texts.answer(given, reward, Target(1001), ENGLISH, TELEGRAM, COMMUNITY)

    assert said.startswith("<code>1001</code>: +50 XP.")
    assert len(said) < 300


def test_bots_and_the_absent_are_told_apart():
    said = {one: texts.not_for(one, ANN, ENGLISH, TELEGRAM) for one in TargetKind}

    assert "bots get no rewards" in said[TargetKind.BOT]
    assert "is not a member here" in said[TargetKind.OUTSIDE]
    assert "try again in a few minutes" in said[TargetKind.UNKNOWN]


def test_an_unknown_achievement_is_answered_with_those_that_exist():
    names = {f"name_{number:02}" for number in range(100)}

    said = texts.unknown_achievement("x" * 5_000, names, ENGLISH, TELEGRAM)

    assert "<code>name_19</code>" in said
    assert len(said) < 1_000
    assert "the settings have none" in texts.unknown_achievement("x", set(), ENGLISH, TELEGRAM)
