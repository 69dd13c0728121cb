import warnings
from datetime import UTC, datetime

import pytest

from bots import reasons
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts import Languages
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from db.members.history import Change, History

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.markup import DiscordMarkup

LANGUAGES = Languages.load()
ENGLISH = LANGUAGES.speak("en")
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1001),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10),),
    achievements=(AchievementSetting(name="lucky_guess", title="Lucky guess"),),
)
WIN = Change(
    occurred_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    source="telegram",
    reason="game_guess",
    delta_xp=1_500,
    delta_balance=0,
    achievement=None,
    xp=2_500,
    balance=20,
    state="arrived",
)


def told(*changes: Change, platform="telegram", texts=ENGLISH, mark=None) -> list[str]:
    answer = reasons.listed(
        History("Mira", changes), "Mira", platform, texts, mark or TelegramMarkup(), COMMUNITY
    )
    return answer.splitlines()[1:]


def test_a_change_says_when_where_why_and_what_it_made():
    assert told(WIN) == ["2026-01-02 03:04 UTC · Telegram · game guess: +1,500 XP, 2,500 XP in all"]


def test_discord_shows_each_reader_their_own_time():
    [line] = told(WIN, mark=DiscordMarkup())

    assert line.startswith("<t:1767323040:f> · Telegram")


def test_what_was_taken_away_has_its_sign():
    [line] = told(WIN._replace(delta_xp=0, delta_balance=-3, balance=17))

    assert line.endswith(": -3 coins, 17 coins in all")


def test_nobody_reads_of_less_than_nothing():
    """Books may dip below zero while an earlier credit is on its way."""
    [line] = told(WIN._replace(delta_xp=-3, xp=-2))

    assert line.endswith(": -3 XP, 0 XP in all")


def test_an_achievement_goes_by_its_title():
    [line] = told(WIN._replace(delta_xp=0, achievement="lucky_guess", reason="achievement"))

    assert line.endswith("achievement: Achievement unlocked: Lucky guess")


def test_what_reconcile_told_was_changed_by_hand():
    [line] = told(WIN._replace(reason="reconcile"))

    assert "· changed by hand:" in line


@pytest.mark.parametrize(
    ("platform", "source", "note"),
    [
        ("telegram", "telegram", "(on its way to Discord)"),
        ("telegram", "discord", "(on its way to Telegram)"),
        ("discord", "telegram", "(on its way to Discord)"),
        ("discord", "discord", "(on its way to Telegram)"),
    ],
)
def test_what_is_on_its_way_says_where_to(platform, source, note):
    [line] = told(WIN._replace(source=source, state="on_its_way", xp=None), platform=platform)

    assert line.endswith(f": +1,500 XP {note}")


def test_what_was_buried_says_whom_to_ask():
    [line] = told(WIN._replace(state="buried"))

    assert line.endswith("(did not get through to Discord, ask an administrator)")


def test_a_reason_is_only_text():
    [line] = told(WIN._replace(reason="<b>@all"), mark=TelegramMarkup())

    assert "<b>" not in line
    assert "@all" not in line


@pytest.mark.parametrize("texts", list(LANGUAGES), ids=lambda texts: texts.language)
@pytest.mark.parametrize("mark", [TelegramMarkup(), DiscordMarkup()], ids=["telegram", "discord"])
def test_what_does_not_fit_into_a_message_is_left_out(texts, mark):
    longest = WIN._replace(
        reason="r" * 64, delta_xp=-(10**15), xp=10**15, source="discord", state="buried"
    )

    lines = told(*[longest] * 12, texts=texts, mark=mark)

    assert 8 <= len(lines) < 12
    assert len("\n".join(lines)) <= 1_950


def test_who_did_nothing_is_told_so():
    answer = reasons.listed(None, "<Mira>", "telegram", ENGLISH, TelegramMarkup(), COMMUNITY)

    assert answer == "<b>&lt;Mira&gt;</b>\nNothing has happened here yet."


@pytest.mark.parametrize("texts", list(LANGUAGES), ids=lambda texts: texts.language)
def test_every_refusal_is_said_in_every_language(texts):
    assert reasons.admins_only(texts)
    assert reasons.whom(texts)
    assert reasons.in_private(texts)
