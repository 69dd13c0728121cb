from bots.features.leaderboard import texts as leaderboard
from db.members.profiles import LeaderboardRow
from tests.support.bot_texts import (
    COMMUNITY,
    DISCORD,
    ENGLISH,
    RUSSIAN,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)


def test_markup_and_mentions_in_names_are_escaped():
    rows = [LeaderboardRow(1, 1, "<b>*x*</b> @everyone [a](b://c)", 1_500, None)]

    telegram = leaderboard.table(rows, ENGLISH, TELEGRAM, COMMUNITY)
    discord = leaderboard.table(rows, ENGLISH, DISCORD, COMMUNITY)

    assert "&lt;b&gt;" in telegram
    assert "@everyone" not in telegram
    assert r"\*x\*" in discord
    assert "@everyone" not in discord
    assert r"\[a](b:" in discord
    assert "b://c" not in discord
    assert discord.endswith("1,500 XP")


def test_a_line_has_a_dash_and_the_rank_in_the_readers_language():
    rows = [LeaderboardRow(1, 1, "Mira", 15, "Newcomer"), LeaderboardRow(2, 2, "Ann", 9, "Old")]

    assert leaderboard.table(rows, RUSSIAN, TELEGRAM, COMMUNITY).splitlines()[1:] == [
        "1. Mira — 15 очков опыта (Новичок)",
        "2. Ann — 9 очков опыта (Old)",
    ]


def test_an_empty_table_invites_to_play():
    assert "/guess" in leaderboard.table([], ENGLISH, TELEGRAM, COMMUNITY)


@in_every_language
@on_every_platform
def test_the_longest_table_fits_into_a_discord_message(texts, mark):
    rows = [LeaderboardRow(place, place, "*" * 200, 10**15, "R" * 64) for place in range(1, 11)]

    assert len(leaderboard.table(rows, texts, mark, COMMUNITY)) <= 2_000
