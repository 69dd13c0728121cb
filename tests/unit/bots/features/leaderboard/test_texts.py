from datetime import UTC, datetime

import pytest

from bots.features.leaderboard import texts as leaderboard
from bots.features.leaderboard.room import buttons
from bots.texts.buttons import data_in
from db.members.boards import BOARDS, BoardPlace, Key, Line, Page, Standing
from tests.support.bot_texts import (
    COMMUNITY,
    DISCORD,
    ENGLISH,
    RUSSIAN,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NOBODY = Standing(is_hidden=False, is_left_out=False, score=0, place=None)
#: The longest of everything: a name, a rank, an amount, a place and a key.
LONGEST = Key(9 * 10**17, datetime(2100, 1, 1, tzinfo=UTC), 2**63 - 1)


def line(
    name: str | None, score: int, rank: str | None = None, *, is_own: bool = False, member: int = 1
) -> Line:
    return Line(Key(score, NOW, member), name, rank, is_own)


def page(*lines: Line, own: Standing = NOBODY, first: BoardPlace = BoardPlace(1)) -> Page:  # noqa: B008
    return Page(lines, first, has_previous=first.number > 1, has_next=False, own=own)


def standing(score: int, number: int, *, is_exact: bool = True) -> Standing:
    place = BoardPlace(number, is_exact)
    return Standing(is_hidden=False, is_left_out=False, score=score, place=place)


def test_markup_and_mentions_in_names_are_escaped():
    shown = page(line("<b>*x*</b> @everyone [a](b://c)", 1_500))

    telegram = leaderboard.table("xp", shown, "Ann", ENGLISH, TELEGRAM, COMMUNITY)
    discord = leaderboard.table("xp", shown, "Ann", ENGLISH, DISCORD, COMMUNITY)

    assert "&lt;b&gt;" in telegram
    assert "@everyone" not in telegram
    assert r"\*x\*" in discord
    assert "@everyone" not in discord
    assert r"\[a](b:" in discord
    assert "b://c" not in discord
    assert "1,500 XP" in discord


def test_a_line_has_a_dash_and_the_rank_in_the_readers_language():
    shown = page(line("Mira", 15, "Newcomer"), line("Ann", 9, "Old", is_own=True))

    assert leaderboard.table("xp", shown, "Ann", RUSSIAN, TELEGRAM, COMMUNITY).splitlines()[1:] == [
        "1. Mira — 15 очков опыта (Новичок)",
        "➤ 2. Ann — 9 очков опыта (Old)",
    ]


def test_the_rank_stands_beside_all_xp_only():
    shown = page(line("Mira", 15, "Newcomer", is_own=True))

    assert leaderboard.table("week", shown, "Ann", ENGLISH, TELEGRAM, COMMUNITY).splitlines() == [
        "<b>The most XP this week</b>",
        "➤ 1. Ann — 15 XP",
    ]


@pytest.mark.parametrize(
    ("own", "english", "russian"),
    [
        (standing(3, 1_200), "Your place: 1,200, 3 XP", "Ваше место: 1\xa0200, 3 очка опыта"),
        (
            standing(3, 700_000, is_exact=False),
            "Your place: about 700,000, 3 XP",
            "Ваше место: примерно 700\xa0000, 3 очка опыта",
        ),
        (
            NOBODY,
            "You have no points on this board yet.",
            "У вас пока нет очков в этой таблице.",
        ),
        (
            Standing(is_hidden=True, is_left_out=False, score=0, place=None),
            "You are hidden from boards; /privacy shows you again.",
            "Вы скрыты из таблиц. Чтобы снова появиться в них, отправьте /privacy.",
        ),
        (
            Standing(is_hidden=False, is_left_out=True, score=0, place=None),
            "You are on no board: this community leaves you out of them.",
            "Вас нет ни в одной таблице: так решили в этом сообществе.",
        ),
    ],
)
def test_the_askers_place_stands_below_or_why_there_is_none(own, english, russian):
    shown = page(line("Mira", 15), own=own)

    for texts, last in ((ENGLISH, english), (RUSSIAN, russian)):
        table = leaderboard.table("xp", shown, "Ann", texts, TELEGRAM, COMMUNITY)
        assert table.splitlines()[-2:] == ["", last]


def test_places_that_were_not_counted_are_about_right():
    shown = page(line("Mira", 15), line("Ann", 9), first=BoardPlace(700_001, is_exact=False))

    lines = leaderboard.table("balance", shown, "Ann", ENGLISH, TELEGRAM, COMMUNITY).splitlines()

    assert lines[:3] == [
        "<b>The members with the most coins</b>",
        "≈700,001. Mira — 15 coins",
        "≈700,002. Ann — 9 coins",
    ]


def test_an_empty_board_says_so():
    assert "/guess" in leaderboard.table("xp", page(), "Ann", ENGLISH, TELEGRAM, COMMUNITY)
    hidden = Standing(is_hidden=True, is_left_out=False, score=0, place=None)
    assert leaderboard.table("streak", page(own=hidden), "Ann", ENGLISH, TELEGRAM, COMMUNITY) == (
        "<b>The most days in a row</b>\nNobody is on this board yet."
        " You are hidden from boards; /privacy shows you again."
    )


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", ["*" * 4_096, "עומר" * 1_024, "﷽" * 4_096])
@in_every_language
@on_every_platform
def test_the_longest_page_fits_into_a_discord_message(texts, mark, board, name):
    lines = [Line(LONGEST, name, "R" * 64, is_own=False) for _ in range(10)]
    own = standing(LONGEST.score, 10**7, is_exact=False)
    shown = page(*lines, own=own, first=BoardPlace(10**7, is_exact=False))

    assert len(leaderboard.table(board, shown, "Ann", texts, mark, COMMUNITY)) <= 2_000


@in_every_language
@pytest.mark.parametrize("board", BOARDS)
def test_the_longest_buttons_fit_and_differ(texts, board):
    lines = [Line(LONGEST, "Ann", None, is_own=False) for _ in range(10)]
    own = standing(1, 10**7)
    shown = Page(tuple(lines), BoardPlace(11), has_previous=True, has_next=True, own=own)

    rows = buttons(board, shown, texts)
    data = list(data_in(rows, 2**63 - 1))

    assert [len(row) for row in rows] == [4, 3, 3]
    assert len(set(data)) == 10  # Discord takes no two alike
    assert all(len(one) <= 64 for one in data)  # Telegram's limit


def test_buttons_that_lead_nowhere_are_not_there():
    shown = page(line("Ann", 9, is_own=True), own=standing(9, 1))

    labels = [[one.label for one in row] for row in buttons("week", shown, ENGLISH)]

    assert labels == [
        ["XP", "XP this month", "• XP this week"],
        ["Coins", "Days in a row", "Thanks"],
    ]
