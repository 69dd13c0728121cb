"""The texts of announcements: the operator's words, and names that do nothing but be read."""

from datetime import UTC, datetime

import msgspec
import pytest

from bots.features.announcements.texts import (
    MESSAGE_CHARS_MAX,
    NAMES_MAX,
    Speaker,
    announcement,
    names_community,
)
from bots.texts.outside_text import WORD_JOINER
from config import AchievementSetting, Community, Rank
from config.community_file import AnnouncementSetting
from db.surfaces.announcements import Announcement
from tests.support.bot_texts import (
    COMMUNITY,
    DISCORD,
    ENGLISH,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)

HOSTILE = [
    "@everyone",
    "<@800>",
    "</b><a href='x'>",
    "**x** [a](http://b.c)",
    "t.me/x",
    "\u202eabc",
]


def news(surface: str = "rank", number: int = 1, *, name: str | None = "Ann") -> Announcement:
    return Announcement(7, 1001, name, surface, number, 12_345, datetime(2026, 1, 1, tzinfo=UTC))


def community(**kinds: object) -> Community:
    setting = msgspec.convert({"telegram": True, **kinds}, AnnouncementSetting)
    return msgspec.structs.replace(
        COMMUNITY,
        ranks=(Rank(name="New_comer", name_ru="Новичок", xp=10),),
        achievements=(AchievementSetting(name="lucky", title="Lucky"),),
        announcements=setting,
    )


def said(one: Announcement, *, mark=TELEGRAM, texts=ENGLISH, name="Birds & Co", **kinds: object):
    return announcement([one], Speaker(texts, mark, community(**kinds), name))


def test_the_operators_own_words_are_filled_in():
    words = {"text": "{name} of {community}: {rank}, {xp} XP {{1*}}"}

    assert said(news(), rank=words) == (
        f"Ann of Birds &amp; Co{WORD_JOINER}: <b>New_comer</b>{WORD_JOINER}, 12,345 XP {{1*}}"
    )
    assert said(news(), rank=words, mark=DISCORD) == (
        f"Ann of Birds & Co{WORD_JOINER}: **New\\_comer**{WORD_JOINER}, 12,345 XP {{1\\*}}"
    )


def test_each_language_has_its_own_words():
    words = {"text": {"ru": "{name} растёт"}}

    assert said(news(), rank=words) == "🎉 Ann is <b>New_comer</b> now"


def test_levels_and_achievements_have_words():
    assert said(news("level", 7), level={}) == "⭐ Ann has reached level <b>7</b>"
    assert said(news("level", 7), level={"text": "L{level}"}) == f"L{WORD_JOINER}<b>7</b>"
    assert said(news("achievement:lucky"), achievement={"text": "{name}! {achievement}"}) == (
        f"Ann{WORD_JOINER}! <b>Lucky</b>"
    )


def test_a_link_of_the_operator_works_and_an_emoji_of_the_server_too():
    words = {"text": "https://example.org/a_b <:party_hat:123> in <#45> {name}"}

    assert said(news(), mark=DISCORD, rank=words) == (
        "https://example.org/a_b <:party_hat:123> in <#45> Ann"
    )


@on_every_platform
@in_every_language
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("words", [None, "@{name}", "{name}.com", "<@{name}>", "/{name}@{rank}"])
def test_a_name_makes_no_mention_with_the_words_around_it(mark, texts, name, words):
    kinds = {} if words is None else {"rank": {"text": words}}
    shown = said(news(name=name), mark=mark, texts=texts, **kinds)

    for active in ("@everyone", "<@800", "<a href", "http://", "t.me/x", "\u202e"):
        assert active not in shown
    if words == "@{name}":
        assert shown.startswith(f"@{WORD_JOINER}")


@on_every_platform
def test_a_message_of_the_longest_lines_fits_and_counts_the_rest(mark):
    words = "*" * 430 + " {name} {rank}"[:14]
    many = [news(name="_" * 4_096) for _ in range(NAMES_MAX)]
    shown = announcement(many, Speaker(ENGLISH, mark, community(rank={"text": words})))

    assert len(shown) <= MESSAGE_CHARS_MAX + 40
    assert shown.splitlines()[-1].startswith("... and ")


def test_the_communitys_name_is_asked_for_only_where_it_is_said():
    speaker = Speaker(ENGLISH, TELEGRAM, community(rank={"text": "{community}"}))

    assert names_community(news(), speaker)
    assert not names_community(news("level", 3), speaker)
