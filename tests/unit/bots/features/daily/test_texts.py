"""The answers of /daily, in both languages and both markups."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bots.features.daily.room import rules_of
from bots.features.daily.texts import answer
from config.community_sections.daily import DailySetting
from db.rewards.daily import Claim
from tests.support.bot_texts import COMMUNITY, DISCORD, ENGLISH, RUSSIAN, TELEGRAM

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
NEXT = NOW + timedelta(hours=5, minutes=12)
CLAIMED = Claim("claimed", 24, 12, 3, 5, 0, 0, 1, NEXT, "telegram", ())


def said(claim: Claim, texts=ENGLISH, mark=TELEGRAM, **daily: Any) -> str:
    community = msgspec.structs.replace(COMMUNITY, daily=DailySetting(**daily))
    return answer(claim, "telegram", NOW, texts, mark, community)


def test_the_answer_says_amounts_streak_and_when_the_next_is_possible():
    assert said(CLAIMED) == (
        "Your reward for today: +24 XP, +12 coins\n3 days in a row.\nThe next one: in 5 h 12 min."
    )
    assert said(CLAIMED, RUSSIAN) == (
        "Ваша награда за сегодня: +24 очка опыта, +12 монет\n3 дня подряд.\n"
        "Следующая награда: через 5 ч 12 мин."
    )


def test_discord_counts_down_by_itself():
    assert said(CLAIMED, mark=DISCORD).endswith(f"The next one: <t:{int(NEXT.timestamp())}:R>.")


def test_the_first_day_says_what_the_next_ones_bring():
    first = CLAIMED._replace(streak=1)

    assert said(first, milestones={"lucky_guess": 7, "later": 30}).splitlines()[2:4] == [
        "Each further day in a row adds to it: +2 XP, +1 coin, up to +20 XP, +10 coins.",
        "7 days in a row unlock “Lucky guess”.",
    ]
    grows, milestone = said(first, RUSSIAN, milestones={"lucky_guess": 7}).splitlines()[2:4]
    assert grows == (
        "Каждый следующий день подряд прибавляет: +2 очка опыта, +1 монета, но не больше чем"
        " +20 очков опыта, +10 монет."
    )
    assert milestone == "7 дней подряд открывают «Удачная догадка»."
    assert len(said(first, xp_streak_bonus_max=0, balance_per_streak_day=0).splitlines()) == 3


def test_a_second_claim_says_that_the_day_is_counted_and_where():
    counted = CLAIMED._replace(outcome="counted")

    assert said(counted).startswith(
        "You have had today's reward already: +24 XP, +12 coins\n3 days in a row."
    )
    assert said(counted._replace(counted_by="discord")).startswith(
        "You have had today's reward already, on Discord: +24 XP"
    )
    assert said(counted._replace(xp=0, balance=0)).startswith("Today is counted already.\n")


def test_forgiven_and_lost_days_are_told():
    assert "You missed 1 day, and it is forgiven: your streak goes on." in said(
        CLAIMED._replace(forgiven=1, left_to_forgive=0)
    )
    assert "streak of 5 days ended" in said(CLAIMED._replace(streak=1, lost=5))
    assert "ended" not in said(CLAIMED._replace(streak=1, lost=1))
    assert "серия из 5 дней прервалась" in said(CLAIMED._replace(streak=1, lost=5), RUSSIAN)


def test_unlocked_achievements_and_the_least_xp_are_told():
    assert "Achievement unlocked: Lucky guess" in said(CLAIMED._replace(unlocked=("lucky_guess",)))
    assert "earned 50 XP or more" in said(CLAIMED._replace(outcome="least_xp"), least_xp=50)


def test_a_day_without_amounts_still_counts():
    assert said(CLAIMED._replace(xp=0, balance=0)).startswith("Today counts.\n3 days in a row.")


def test_the_rules_are_the_settings():
    assert rules_of(COMMUNITY)._asdict() == {
        name: getattr(COMMUNITY.daily, name)
        for name in DailySetting.__struct_fields__
        if name != "enabled"
    }
