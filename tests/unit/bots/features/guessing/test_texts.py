import msgspec
import pytest

from bots.features.guessing import texts as guessing
from bots.features.guessing.game import (
    Counting,
    Explained,
    Hint,
    Lost,
    Missed,
    OutOfRange,
    Owed,
    Resting,
    Reward,
    Won,
)
from config import AchievementSetting
from tests.support.bot_texts import (
    COMMUNITY,
    ENGLISH,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)

TURNS = [
    Explained(4),
    Explained(1),
    OutOfRange(),
    Missed(3, Hint.HIGHER, 3),
    Missed(8, Hint.LOWER, 1),
    Lost(7),
    Resting(1),
    Resting(59),
    Owed(7),
    Counting(7),
    Won(7, None),
    Won(7, Reward(15, 5, "lucky_guess")),
]


@in_every_language
@on_every_platform
@pytest.mark.parametrize("turn", TURNS, ids=repr)
def test_every_turn_has_an_answer(turn, texts, mark):
    assert guessing.turn(turn, texts, mark, COMMUNITY)


def test_the_answer_to_a_win_names_the_reward():
    answer = guessing.turn(Won(7, Reward(15, 5, "lucky_guess")), ENGLISH, TELEGRAM, COMMUNITY)

    assert answer == (
        "Yes, it is 7!\nYou earned 15 XP and 5 coins.\nAchievement unlocked: Lucky guess"
    )


@pytest.mark.parametrize(
    ("bonus", "shown"),
    [
        ({"bonus_xp": 50}, "Lucky guess (+ 50 XP)"),
        ({"bonus_balance": 1}, "Lucky guess (+ 1 coin)"),
        ({"bonus_xp": 50, "bonus_balance": 7}, "Lucky guess (+ 50 XP, 7 coins)"),
    ],
)
def test_the_bonus_of_an_achievement_is_shown_with_it(bonus, shown):
    lucky = AchievementSetting(name="lucky_guess", title="Lucky guess", **bonus)
    community = msgspec.structs.replace(COMMUNITY, achievements=(lucky,))
    won = Won(7, Reward(15, 5, "lucky_guess"))

    assert guessing.turn(won, ENGLISH, TELEGRAM, community).endswith(shown)


@in_every_language
def test_strangers_are_refused_in_every_language(texts):
    assert guessing.members_only(texts)
