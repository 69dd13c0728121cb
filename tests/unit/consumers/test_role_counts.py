"""Bounds on the holders of a role while changes are in flight, and which excess raises an alarm."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db.surfaces.observed import Count

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.reconcile.subjects.role_counts import Bounds, Disagreement, role_bounds

LOW, HIGH, LUCKY = 11, 12, 13
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1),
    discord=DiscordSetting(guild_id=1),
    ranks=(
        Rank(name="Low", xp=1, discord_role=LOW),
        Rank(name="High", xp=2, discord_role=HIGH),
        Rank(name="Without a role", xp=3),
    ),
    achievements=(AchievementSetting(name="lucky", title="Lucky", discord_role=LUCKY),),
)


def count(surface="rank", wanted=1, shown=1, *, is_still=True, is_absent=False, accounts=5):
    return Count(surface, wanted, shown, is_still, is_absent, accounts)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param([], {}, id="nobody"),
        pytest.param([count()], {LOW: Bounds(5, 5)}, id="shown as wanted"),
        pytest.param([count(wanted=0, shown=0)], {}, id="no rank"),
        pytest.param([count(wanted=3, shown=3)], {}, id="a rank without a role"),
        pytest.param([count(wanted=99, shown=99)], {}, id="a rank that is not configured"),
        pytest.param(
            [count(wanted=2, shown=1)], {LOW: Bounds(0, 5), HIGH: Bounds(0, 5)}, id="on its way"
        ),
        pytest.param([count(is_still=False)], {LOW: Bounds(0, 5)}, id="in a worker's hands"),
        pytest.param([count(is_absent=True)], {LOW: Bounds(0, 5)}, id="not there"),
        pytest.param(
            [count(shown=None)], {LOW: Bounds(0, 5), HIGH: Bounds(0, 5)}, id="unknown rank"
        ),
        pytest.param(
            [count("achievement:lucky", shown=None)], {LUCKY: Bounds(0, 5)}, id="unknown prize"
        ),
        pytest.param([count("achievement:lucky", 1, 1)], {LUCKY: Bounds(5, 5)}, id="prize"),
        pytest.param([count("achievement:lucky", 0, 0)], {}, id="prize taken back"),
        pytest.param([count("achievement:other", 1, 1)], {}, id="a prize without a role"),
    ],
)
def test_how_many_may_hold_a_role(counts, expected):
    none = dict.fromkeys((LOW, HIGH, LUCKY), Bounds(0, 0))

    assert role_bounds(COMMUNITY, counts) == none | expected


@pytest.mark.parametrize(("counted", "excess"), [(1, -1), (2, 0), (3, 0), (5, 0), (6, 1)])
def test_by_how_many_a_count_is_outside(counted, excess):
    assert Bounds(2, 5).excess(counted) == excess


def rings(*looks, checks=True):
    """Return the news of each count of one role."""
    found, disagreement = [], Disagreement()
    for excess in looks:
        news = disagreement.news({LOW: excess})
        if checks:
            disagreement.check(news)
        found.append(news.get(LOW, 0))
    return found


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param((2, 0, 2, 0), (0, 0, 0, 0), id="never twice"),
        pytest.param((2, 2), (0, 2), id="twice"),
        pytest.param((2, 2, 2), (0, 2, 0), id="looked into"),
        pytest.param((2, 2, 3, 3), (0, 2, 0, 3), id="grows"),
        pytest.param((2, -2, 2), (0, 0, 0), id="to and fro"),
        pytest.param((2, 2, -1, -1), (0, 2, 0, -1), id="the other way"),
        pytest.param((2, 2, 0, 2, 2), (0, 2, 0, 0, 2), id="mended and back"),
        pytest.param((2, 2, 1, 2, 2), (0, 2, 0, 0, 2), id="partly mended and back"),
        pytest.param((-3, -2, -3, -3), (0, -2, 0, -3), id="what stood is the smaller part"),
    ],
)
def test_what_stands_in_two_looks_and_is_not_known_is_news(looks, expected):
    assert tuple(rings(*looks)) == expected


def test_what_no_pass_has_looked_into_stays_news():
    assert rings(2, 2, 2, checks=False) == [0, 2, 2]


@given(st.lists(st.integers(-5, 5), max_size=30))
def test_an_alarm_is_never_about_more_than_was_counted(looks):
    for news, now in zip(rings(*looks), looks, strict=True):
        assert news == 0 or (news * now > 0 and abs(news) <= abs(now))
