from datetime import UTC, datetime

import msgspec
import pytest

from bots.features.history import texts as history_texts
from bots.telegram_bot.messages.texts import not_ephemeral
from db.links.states import LinkAct
from db.members.history import History, HistoryRow
from tests.support.bot_texts import (
    COMMUNITY,
    DISCORD,
    ENGLISH,
    RUSSIAN,
    TELEGRAM,
    in_every_language,
    on_every_platform,
)

WIN = HistoryRow(
    occurred_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    source="telegram",
    reason="game_guess",
    delta_xp=1_500,
    delta_balance=0,
    achievement=None,
    xp=2_500,
    balance=20,
    state="arrived",
    entity_id="1",
)


def listed(*changes: HistoryRow, platform="telegram", texts=ENGLISH, mark=TELEGRAM) -> list[str]:
    answer = history_texts.changes(
        History("Mira", changes), "Mira", platform, texts, mark, COMMUNITY
    )
    return answer.splitlines()[1:]


def test_a_change_says_when_where_why_and_what_it_made():
    assert listed(WIN) == [
        "2026-01-02 03:04 UTC · Telegram · guessing game: +1,500 XP (2,500 XP in all)"
    ]


def test_discord_shows_each_reader_their_own_time():
    [line] = listed(WIN, mark=DISCORD)

    assert line.startswith("<t:1767323040:f> · Telegram")


def test_a_debit_has_its_sign():
    [line] = listed(WIN._replace(delta_xp=0, delta_balance=-3, balance=17))

    assert line.endswith(": -3 coins (17 coins in all)")


def test_no_member_reads_of_less_than_nothing():
    """Books may be below zero while an earlier credit is on its way."""
    [line] = listed(WIN._replace(delta_xp=-3, xp=-2))

    assert line.endswith(": -3 XP (0 XP in all)")


def test_an_achievement_goes_by_its_title():
    [line] = listed(WIN._replace(delta_xp=0, achievement="lucky_guess", reason="achievement"))

    assert line.endswith("UTC · Telegram · Achievement unlocked: Lucky guess")


def test_an_achievement_is_not_named_twice_in_russian():
    [line] = listed(
        WIN._replace(delta_xp=0, achievement="lucky_guess", reason="achievement"), texts=RUSSIAN
    )

    assert line.endswith("UTC · Telegram · Новое достижение: Удачная догадка")


def test_a_won_game_is_one_line():
    coins = WIN._replace(delta_xp=0, delta_balance=5, balance=25)
    unlocked = WIN._replace(delta_xp=0, achievement="lucky_guess", reason="achievement")
    another = WIN._replace(entity_id="2", xp=1_000)

    lines = listed(unlocked, coins, WIN, another)

    assert [line.partition(" · ")[2] for line in lines] == [
        "Telegram · Achievement unlocked: Lucky guess",
        "Telegram · guessing game: +1,500 XP, +5 coins (2,500 XP, 25 coins in all)",
        "Telegram · guessing game: +1,500 XP (1,000 XP in all)",
    ]


def test_games_of_two_platforms_are_two_lines():
    assert len(listed(WIN, WIN._replace(source="discord"))) == 2


def test_an_act_has_not_arrived_until_all_of_it_has():
    coins = WIN._replace(delta_xp=0, delta_balance=5)

    [line] = listed(coins, WIN._replace(state="on_its_way"))

    assert line.endswith(" — on its way to Discord")


def test_an_act_that_changed_nothing_in_the_end_says_so():
    [line] = listed(WIN, WIN._replace(delta_xp=-1_500))

    assert line.endswith("guessing game: no change")


@pytest.mark.parametrize(
    ("reason", "english", "russian"),
    [
        ("daily", "daily reward", "daily reward"),
        ("quest", "quest", "задание"),
        ("game_guess", "guessing game", "игра «Угадай число»"),
        ("shop_sale", "shop sale", "shop sale"),
        ("achievement_bonus", "bonus for “Lucky guess”", "бонус за достижение «Удачная догадка»"),
    ],
)
def test_a_reason_is_said_in_words(reason, english, russian):
    change = WIN._replace(reason=reason, entity_id="lucky_guess")

    assert f" · {english}: " in listed(change)[0]
    assert f" · {russian}: " in listed(change, texts=RUSSIAN)[0]


def test_the_operators_words_come_before_ours():
    community = msgspec.structs.replace(COMMUNITY, reasons={"game_guess": "lottery"})

    answer = history_texts.changes(
        History("Mira", [WIN]), "Mira", "telegram", ENGLISH, TELEGRAM, community
    )

    assert "· lottery: +1,500 XP" in answer


def test_our_own_reasons_have_words_in_every_language():
    for reason in history_texts.REASONS:
        assert not any("a" <= mark <= "z" for mark in reason_of(reason)), reason


def reason_of(reason: str) -> str:
    [line] = listed(WIN._replace(reason=reason), texts=RUSSIAN)
    return line.split(" · ")[2].partition(":")[0]


def test_an_event_of_reconcile_was_changed_by_hand():
    [line] = listed(WIN._replace(reason="reconcile"))

    assert "· changed by hand:" in line


def test_what_was_imported_was_earned_earlier():
    [line] = listed(WIN._replace(reason="import"))

    assert "· earned earlier:" in line


@pytest.mark.parametrize(
    ("platform", "source", "note"),
    [
        ("telegram", "telegram", "— on its way to Discord"),
        ("telegram", "discord", "— on its way to Telegram"),
        ("discord", "telegram", "— on its way to Discord"),
        ("discord", "discord", "— on its way to Telegram"),
    ],
)
def test_a_change_on_its_way_names_the_platform_that_waits(platform, source, note):
    [line] = listed(WIN._replace(source=source, state="on_its_way", xp=None), platform=platform)

    assert line.endswith(f": +1,500 XP {note}")


def test_a_buried_change_says_whom_to_ask():
    [line] = listed(WIN._replace(state="buried"))

    assert line.endswith(" — did not get through to Discord, ask an administrator")


def test_a_reason_is_only_text():
    [line] = listed(WIN._replace(reason="<b>@all"), mark=TELEGRAM)

    assert "<b>" not in line
    assert "@all" not in line


@in_every_language
@on_every_platform
def test_changes_that_do_not_fit_into_a_message_are_left_out(texts, mark):
    longest = WIN._replace(
        reason="r" * 64, delta_xp=-(10**15), xp=10**15, source="discord", state="buried"
    )

    many = [longest._replace(entity_id=str(number)) for number in range(12)]
    lines = listed(*many, texts=texts, mark=mark)

    assert 8 <= len(lines) < 12
    assert len("\n".join(lines)) <= 1_950


def test_a_member_without_changes_is_told_so():
    answer = history_texts.changes(None, "<Mira>", "telegram", ENGLISH, TELEGRAM, COMMUNITY)

    assert answer == "<b>&lt;Mira&gt;</b>\nNothing has happened here yet."


LINKED = LinkAct(
    acted_at=datetime(2026, 1, 2, 3, 5, tzinfo=UTC),
    operation="link",
    telegram_account_id=1001,
    discord_account_id=2002,
    from_platform=None,
    from_account_id=None,
    actor="administrator",
    actor_platform="telegram",
    actor_account_id=42,
    reason="asked in <b>person</b>",
    other_name="Mira on Discord",
)


def test_links_stand_among_the_changes_by_their_time():
    older = WIN._replace(occurred_at=datetime(2026, 1, 1, tzinfo=UTC), entity_id="2")
    unlinked = LINKED._replace(
        acted_at=datetime(2025, 1, 1, tzinfo=UTC), operation="unlink", actor="member", reason=""
    )
    answer = history_texts.changes(
        History("Mira", [WIN._replace(occurred_at=datetime(2026, 1, 3, tzinfo=UTC)), older]),
        "Mira",
        "telegram",
        ENGLISH,
        TELEGRAM,
        COMMUNITY,
        [LINKED, unlinked],
    )

    lines = answer.splitlines()[1:]
    assert [line[:10] for line in lines] == ["2026-01-03", "2026-01-02", "2026-01-01", "2025-01-01"]
    assert "· linked with Mira on Discord on Discord (by an administrator: asked in" in lines[1]
    assert "<b>" not in lines[1]
    assert lines[3].endswith("· unlinked from Mira on Discord on Discord")


def test_a_member_with_links_only_has_a_history():
    answer = history_texts.changes(None, "Mira", "telegram", ENGLISH, TELEGRAM, COMMUNITY, [LINKED])

    assert "linked with" in answer


@in_every_language
def test_every_refusal_has_a_text_in_every_language(texts):
    assert history_texts.admins_only(texts)
    assert history_texts.unclear(texts)
    assert "/why" in not_ephemeral("why", texts)
