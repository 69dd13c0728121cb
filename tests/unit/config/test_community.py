"""twinstream.toml: its settings, and how its mistakes are reported."""

from pathlib import Path

import pytest

from config import Community, ConfigError

HEAD = """
[telegram]
chat_id = -1001
[discord]
guild_id = 9001
"""
RANK = '[[ranks]]\nname = "Newcomer"\nxp = 10\ndiscord_role = 1\ntelegram_tag = "New"\n'


def read(tmp_path: Path, text: str) -> Community:
    file = tmp_path / "twinstream.toml"
    file.write_text(text)
    return Community.from_toml(file)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    return str(error.value)


@pytest.mark.parametrize(
    "name", ["twinstream.example.toml", "twinstream.example.ru.toml", "sandbox/twinstream.toml"]
)
def test_the_files_that_we_ship_are_fit(checkout: Path, name: str) -> None:
    assert Community.from_toml(checkout / name).ranks


def test_ranks_are_numbered_from_one_and_zero_is_none(tmp_path: Path) -> None:
    community = read(tmp_path, HEAD + RANK + '[[ranks]]\nname = "Regular"\nxp = 20\n')

    first, second = community.rank(1), community.rank(2)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("Newcomer", "Regular")
    assert community.rank(0) is None
    assert community.rank(3) is None


def test_days_begin_in_the_zone_of_the_community(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + RANK).zone.key == "UTC"
    assert read(tmp_path, 'timezone = "Europe/Moscow"\n' + HEAD + RANK).zone.key == "Europe/Moscow"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Moscow", "Europe/Moscow"),
        ("europe/moskow", "Europe/Moscow"),
        ("New York", "America/New_York"),
    ],
)
def test_a_zone_that_is_none_is_refused_with_what_was_meant(
    tmp_path: Path, written: str, meant: str
) -> None:
    said = refusal(tmp_path, f'timezone = "{written}"\n' + HEAD + RANK)

    assert "twinstream.toml, line 1: timezone: " in said
    assert repr(written) in said
    assert f"did you mean {meant!r}?" in said


def test_texts_may_be_in_two_languages_and_one_serves_all(tmp_path: Path) -> None:
    community = read(
        tmp_path,
        HEAD + RANK + 'name_ru = "Новичок"\n[[ranks]]\nname = "Regular"\nxp = 20\n'
        '[[achievements]]\nname = "first_win"\ntitle = "First win"\ntitle_ru = "Первая победа"\n'
        '[reasons]\ndaily = "daily reward"\nquest = { en = "quest", ru = "задание" }\n',
    )

    first, second = community.ranks
    assert [first.named("ru"), first.named("en"), second.named("ru")] == [
        "Новичок",
        "Newcomer",
        "Regular",
    ]
    [achievement] = community.achievements
    assert [achievement.titled("ru"), achievement.titled("en")] == ["Первая победа", "First win"]
    assert [community.reason("quest", language) for language in ("en", "ru")] == [
        "quest",
        "задание",
    ]
    assert community.reason("daily", "ru") == "daily reward"
    assert community.reason("other", "ru") is None
    assert community.rank_called("Newcomer") == first
    assert community.rank_called("Новичок") is None


def test_a_missing_file_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"copy twinstream\.example\.toml"):
        Community.from_toml(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[telegram", "line 1: this cannot be read as TOML"),
        (
            HEAD + RANK + '[reasons]\nquest = { en = "quest" }\n',
            "line 12: reasons.quest.ru is missing",
        ),
        (
            HEAD + RANK + '[reasons]\nquest = { en = "quest", ru = "a", fr = "b" }\n',
            "line 12: reasons.quest.fr is not a setting; there are en, ru",
        ),
        (
            HEAD + RANK + "[reasons]\nquest = 7\n",
            "line 12: reasons.quest must be a text in quotes or a section, not 7",
        ),
        (
            HEAD + RANK + '[reasons]\n"Daily quest" = "quest"\n',
            "line 12: reasons: 'Daily quest' is no reason of an event: those are lower-case words",
        ),
        (
            HEAD + RANK + '[reasons]\nquest = { en = "quest", ru = " " }\n',
            "line 12: reasons.quest.ru must not be blank",
        ),
        (
            HEAD + RANK + 'name_ru = "a\\u0007b"\n',
            "line 11: rank 'Newcomer': name_ru has '\\x07': leave it out",
        ),
        (HEAD, "ranks is missing: begin at least one with [[ranks]]"),
        (
            HEAD.replace("[discord]", "[game]").replace("guild_id = 9001", "") + RANK,
            "discord is missing: begin a section with [discord]",
        ),
        ("ranks = []\n" + HEAD, "at least one [[ranks]] is needed"),
        (
            HEAD + RANK + "colour = 1\n",
            "line 11: rank 'Newcomer': colour is not a setting; there are discord_role, name",
        ),
        (
            HEAD.replace("chat_id", "chatid") + RANK,
            "telegram.chatid is not a setting; did you mean chat_id?",
        ),
        (
            HEAD.replace("[discord]", "[dicord]") + RANK,
            "dicord is not a setting; did you mean discord?",
        ),
        (
            HEAD.replace("9001", "'9001'") + RANK,
            "discord.guild_id must be a whole number, not the text '9001': write it without quotes",
        ),
        (
            HEAD.replace("9001", "9001\nrank_roles = 'stak'") + RANK,
            "discord.rank_roles must be 'replace' or 'stack', not 'stak'",
        ),
        (
            HEAD + RANK + "[reconcile]\nmembers_share_max = 2\n",
            "line 12: reconcile.members_share_max must be a number, at most 1, not 2",
        ),
        ("ranks = 3\n" + HEAD, "line 1: ranks must be a list, not 3"),
        (HEAD + RANK + RANK.replace("Newcomer", "B"), "not more than"),
        (
            HEAD + RANK + '[[ranks]]\nname = "Newcomer"\nxp = 20\n',
            "line 12: the rank name Newcomer is used more than once",
        ),
        (
            HEAD.replace("9001", "9001\nleave_alone_roles = [5, 1]") + RANK,
            "discord.leave_alone_roles: 1 is the discord_role of a rank",
        ),
        (
            HEAD + RANK + "[linking]\npolicy = 'most'\n",
            "linking.policy must be 'discord' or 'max' or 'sum' or 'telegram', not 'most'",
        ),
        (
            HEAD + RANK + "[linking]\npolcy = 'max'\n",
            "linking.polcy is not a setting; did you mean policy?",
        ),
        (
            HEAD + RANK + "[linking]\nreward_xp = -1\n",
            "linking.reward_xp must be a whole number, at least 0, not -1",
        ),
        (
            HEAD + RANK + "[linking]\nlinked_role_id = 1\n",
            "linking.linked_role_id: 1 is the discord_role of a rank or an achievement",
        ),
        (
            HEAD.replace("9001", "9001\nleave_alone_roles = [5]")
            + RANK
            + "[linking]\nlinked_role_id = 5\n",
            "discord.leave_alone_roles: 5 is the discord_role of a rank or an achievement, or",
        ),
        (
            HEAD + RANK + '[[ranks]]\nname = "B"\nxp = 20\ndiscord_role = 1\n',
            "line 14: rank 'B': the discord_role 1 is used more than once",
        ),
        (
            HEAD + RANK.replace('"New"', '"A tag that is too long"'),
            "rank 'Newcomer': telegram_tag must have at most 16 characters, not 22",
        ),
        (HEAD + RANK.replace('"New"', '"Gold 🥇"'), "Telegram allows no emoji"),
        (
            HEAD + RANK.replace("xp = 10", "xp = -1"),
            "line 8: rank 'Newcomer': xp must be a whole number, at least 0, not -1",
        ),
        (
            HEAD + RANK.replace("xp = 10", "xp = 250.5"),
            "line 8: rank 'Newcomer': xp must be a whole number, not 250.5",
        ),
        (HEAD + RANK.replace("xp = 10\n", ""), "line 6: rank 'Newcomer': xp is missing"),
        (HEAD + RANK + "[[ranks]]\nxp = 20\n", "line 11: rank 2: name is missing"),
        (HEAD + RANK.replace("Newcomer", ""), "line 7: rank 1: name must not be empty"),
        (HEAD + RANK.replace("Newcomer", " "), "line 7: rank 1: name must not be blank"),
        (HEAD + RANK.replace("Newcomer", "A\\u0000"), "name has '\\x00': leave it out"),
        (
            HEAD + RANK + "[cleanup]\nretention_days = 0\n",
            "line 12: cleanup.retention_days must be a number, more than 0, not 0",
        ),
        (
            HEAD + RANK + "[consumers]\nclaim_idle_ms = 1e12\n",
            "a whole number, not 1000000000000.0",
        ),
        (
            HEAD + RANK + f"[consumers]\nclaim_idle_ms = 1{'0' * 30}\n",
            "at most 100000000000, not 1000",
        ),
        (
            HEAD.replace("-1001", "1001000000001") + RANK,
            "line 3: telegram.chat_id must be the id of a group, which is negative",
        ),
        (HEAD.replace("-1001", "0") + RANK, "which is negative, not 0"),
        (
            HEAD + RANK + '[[achievements]]\nname = "First Win"\ntitle = "First win"\n',
            "must be lower-case words joined by '_'",
        ),
        (
            HEAD + RANK + "[consumers]\nbatch_entries_max = 0\n",
            "consumers.batch_entries_max must be a whole number, at least 2, not 0",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, text)


def test_all_mistakes_of_a_kind_are_reported_at_once(tmp_path: Path) -> None:
    text = HEAD + RANK.replace('"New"', '"🥇"') + '[[ranks]]\nname = "B"\nxp = 5\n'

    told = refusal(tmp_path, text)

    assert "Telegram allows no emoji" in told
    assert "not more than" in told


def test_boards_leave_out_accounts_by_their_ids(tmp_path):
    left_out = "[boards]\nleave_out_telegram = [1001, 1002]\nleave_out_discord = [7]\n"

    setting = read(tmp_path, HEAD + RANK + left_out).boards

    assert (setting.leave_out_telegram, setting.leave_out_discord) == ((1001, 1002), (7,))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("leave_out_telegram = [-1001234567890]", "at least 1"),
        ('leave_out_discord = ["7"]', "whole number"),
        ("leave_out = [7]", "leave_out_"),
        (f"leave_out_telegram = {list(range(1, 1_002))}", "at most 1000 accounts"),
    ],
)
def test_a_slip_in_the_accounts_that_boards_leave_out_is_named(tmp_path, written, said):
    assert said in refusal(tmp_path, f"{HEAD}{RANK}[boards]\n{written}\n")
