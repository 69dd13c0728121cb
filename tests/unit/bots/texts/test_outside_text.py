"""Names and other texts from outside, in messages of the bots: nothing in them acts on a platform.

The patterns below say what Telegram (tdlib's MessageEntity.cpp) and Discord find in any text.
"""

import html
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bots.features.leaderboard import texts as leaderboard
from bots.texts.markup import Markup
from bots.texts.names import NAME_CHARS_MAX, account_name, shown_name
from bots.texts.outside_text import MARKS_MAX, one_line
from db.members.boards import BoardPlace, Key, Line, Page, Standing
from sandbox.telegram_api.texts.html import from_html
from tests.support.bot_texts import COMMUNITY, DISCORD, ENGLISH, TELEGRAM, on_every_platform
from tests.support.unicode_categories import GENERAL_CATEGORIES

CATEGORIES: list[Any] = list(GENERAL_CATEGORIES)
LIVE = (
    "t.me/joinchat", "discord.gg/abc", "https://evil.example", "tg://user?id=1", "@everyone",
    "@alice", "<@1>", "<@&1>", "<#1>", "<t:0:R>", "</cmd:1>", "<:e:1>", "<a:e:1>", "#tag", "$TON",
    "/start", "a@b.example", "+1 202 555 0123", "4242 4242 4242 4242", "4242424242424242",
    "[a](https://b.example)", "**b**", "`c`", "||d||", "> e", "# f", "-# g", "<b>h</b>", "&lt;",
)  # fmt: skip
OUTSIDE = st.lists(
    st.one_of([st.characters(categories=[category]) for category in CATEGORIES])
    | st.sampled_from(LIVE)
    | st.sampled_from("\u202e\u2066\u200d\u200f\n\u3164 <>@#/.:1"),
    max_size=12,
).map("".join)

FOUND_BY_TELEGRAM = re.compile(
    r"\w\.[a-z]{2}|\w+://|@\w|#\w|\$[A-Z]|/\w|\+\d|\d[ -]?\d[ -]?\d[ -]?\d[ -]?\d|\d:\d"
)
FOUND_BY_DISCORD = re.compile(r"<[@#:/ta]|@(everyone|here)|\w+://|\w\.\w+/\w|(?<!\\)[*_~`|]")
#: Added by us: the word joiner, and the pair that ends the direction of a text.
OURS = "\u2060\u2068\u2069"


def acting(text: str, *, but: str = OURS) -> set[str]:
    """Return the characters of a text that act on what stands around them, or show nothing."""
    return {
        mark
        for mark in set(text) - set(but)
        if unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp") or mark in "\u3164\u2800\uffa0"
        or (unicodedata.category(mark) == "Cf" and mark not in "\u200c\u200d")
    }  # fmt: skip


@given(OUTSIDE)
@example("".join(LIVE))
@example("\u202e\u2066evil")
def test_telegram_finds_nothing_in_a_text_from_outside(text: str) -> None:
    shown, entities = from_html(TELEGRAM.plain(text))

    assert entities == []
    assert not FOUND_BY_TELEGRAM.search(shown)
    assert not acting(shown)
    assert shown.count("\u2068") == shown.count("\u2069")


@given(OUTSIDE)
@example("".join(LIVE))
@example("<\u2060@1>")
def test_discord_finds_nothing_in_a_text_from_outside(text: str) -> None:
    shown = DISCORD.plain(text)

    assert not FOUND_BY_DISCORD.search(shown)
    assert not acting(shown)
    assert shown.count("\u2068") == shown.count("\u2069")


@pytest.mark.parametrize("live", LIVE)
@on_every_platform
def test_what_a_platform_would_act_on_is_still_readable(live: str, mark: Markup) -> None:
    shown = re.sub(rf"[{OURS}\\]", "", mark.plain(live))

    assert (html.unescape(shown) if mark is TELEGRAM else shown) == live


@given(OUTSIDE)
def test_a_line_holds_what_can_be_seen_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)

    assert one_line(line) == line
    assert not acting(line, but="")
    assert line == " ".join(line.split())


@pytest.mark.parametrize(
    "name",
    [
        "Мира",
        "O'Neil",
        "名前",
        "김",
        "عمر",
        "می\u200cخواهم",
        "👩\u200d🚀",
        "❤\ufe0f",
        "J. R. R.",
        "é",
    ],
)
def test_a_name_of_any_language_stays_as_it_is(name: str) -> None:
    assert one_line(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "\u200b", "\u3164\u3164", "\u2800", "\u202e\u200f", "\u034f", "\u0301"]
)
def test_a_name_without_anything_to_see_is_replaced(name: str) -> None:
    assert shown_name(name, ENGLISH) == "(name unknown)"
    assert account_name(name, 1001, TELEGRAM, is_bold=True) == "<code>1001</code>"


def test_unseen_characters_do_not_crowd_out_a_name() -> None:
    assert shown_name("\u200b" * 500 + "Mira", ENGLISH) == "Mira"
    assert len(shown_name("M" * 500, ENGLISH)) == NAME_CHARS_MAX


def test_marks_do_not_pile_up_over_other_lines() -> None:
    assert one_line("a" + "\u0300" * 50) == "a" + "\u0300" * MARKS_MAX


@on_every_platform
def test_a_name_takes_one_line_of_the_table_and_turns_no_other_text(mark: Markup) -> None:
    line = Line(Key(1_500, datetime(2026, 1, 1, tzinfo=UTC), 1), "עומר\n2. Eve - 999", None, False)
    own = Standing(is_hidden=False, is_left_out=False, score=1_500, place=BoardPlace(1))
    page = Page((line,), BoardPlace(1), has_previous=False, has_next=False, own=own)

    _, shown, *_ = leaderboard.table("xp", page, "Eve", ENGLISH, mark, COMMUNITY).splitlines()

    assert (
        shown.index("\u2068") < shown.index("ע") < shown.index("\u2069") < shown.index("1,500 XP")
    )
