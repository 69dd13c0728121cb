from bots.features.leaderboard import texts as leaderboard
from db.members.profiles import LeaderboardRow
from tests.support.bot_texts import (
    DISCORD,
    ENGLISH,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)


def test_markup_and_mentions_in_names_are_escaped():
    rows = [LeaderboardRow(1, 1, "<b>*x*</b> @everyone [a](b://c)", 1_500, None)]

    telegram = leaderboard.table(rows, ENGLISH, TELEGRAM)
    discord = leaderboard.table(rows, ENGLISH, DISCORD)

    assert "&lt;b&gt;" in telegram
    assert "@everyone" not in telegram
    assert r"\*x\*" in discord
    assert "@everyone" not in discord
    assert r"\[a](b:" in discord
    assert "b://c" not in discord
    assert discord.endswith("1,500 XP")


def test_an_empty_table_invites_to_play():
    assert "/guess" in leaderboard.table([], ENGLISH, TELEGRAM)


@in_every_language
@on_every_platform
def test_the_longest_table_fits_into_a_discord_message(texts, mark):
    rows = [LeaderboardRow(place, place, "*" * 200, 10**15, "R" * 64) for place in range(1, 11)]

    assert len(leaderboard.table(rows, texts, mark)) <= 2_000
