"""Builders refuse every value that `decode` would refuse, and name the field and the rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from schemas import (
    DELTA_MAX,
    USER_ID_MAX,
    MalformedEvent,
    SchemaError,
    achievement_unlocked,
    balance_changed,
    decode,
    encode,
    opposite,
    xp_changed,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD_XP: dict[str, Any] = {
    "user_id": 12345,
    "delta_xp": 15,
    "source": "telegram",
    "reason": "game_guess",
    "entity_id": "67890",
    "occurred_at": NOON,
}


def test_an_xp_change_is_named_after_its_reason_account_and_entity():
    event = xp_changed(**GOOD_XP)

    assert event.idempotency_key == "tg_game_guess_12345_67890"
    assert (event.user_id, event.delta_xp, event.source, event.v) == (12345, 15, "telegram", 1)


def test_a_balance_change_for_the_same_thing_has_a_key_of_its_own():
    event = balance_changed(
        user_id=12345,
        delta_balance=-3,
        source="discord",
        reason="game_guess",
        entity_id="67890",
        occurred_at=NOON,
    )

    assert event.idempotency_key == "dc_game_guess.balance_12345_67890"


def test_an_achievement_is_unlocked_once_whatever_brought_it():
    first = achievement_unlocked(
        user_id=7, achievement="first_win", source="discord", occurred_at=NOON
    )
    again = achievement_unlocked(
        user_id=7,
        achievement="first_win",
        source="discord",
        reason="tournament",
        entity_id="cup-3",
        occurred_at=NOON,
    )

    assert first.idempotency_key == again.idempotency_key == "dc_achievement.first_win_7"
    assert (first.reason, first.entity_id) == ("achievement", "first_win")
    assert (again.reason, again.entity_id) == ("tournament", "cup-3")


def test_a_given_key_is_kept():
    event = xp_changed(**GOOD_XP, idempotency_key="quizbot/8841")

    assert event.idempotency_key == "quizbot/8841"
    assert decode(encode(event)) == event


def test_times_are_kept_in_utc():
    moscow = timezone(timedelta(hours=3))

    event = xp_changed(**GOOD_XP | {"occurred_at": datetime(2026, 11, 22, 15, tzinfo=moscow)})

    assert event.occurred_at == NOON
    assert event.occurred_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("user_id", 0, "1 to 2**63-1"),
        ("user_id", -100123, "1 to 2**63-1"),
        ("user_id", USER_ID_MAX + 1, "1 to 2**63-1"),
        ("user_id", "12345", "1 to 2**63-1"),
        ("user_id", True, "1 to 2**63-1"),
        ("delta_xp", 0, "any amount but 0"),
        ("delta_xp", DELTA_MAX + 1, "10**12"),
        ("delta_xp", -DELTA_MAX - 1, "10**12"),
        pytest.param("delta_xp", 10**5000, "10**12", id="delta_xp-of-5001-digits"),
        ("delta_xp", 1.5, "a whole number"),
        ("delta_xp", None, "a whole number"),
        ("source", "slack", "telegram or discord"),
        ("source", ["telegram"], "telegram or discord"),
        ("reason", "", "words of a-z"),
        ("reason", "Game", "words of a-z"),
        ("reason", "game-guess", "words of a-z"),
        ("reason", "game.guess", "words of a-z"),
        ("reason", "game__guess", "words of a-z"),
        ("reason", "game_", "words of a-z"),
        ("reason", "_game", "words of a-z"),
        ("reason", "game_2048", "each beginning with a letter"),
        ("reason", "game\n", "words of a-z"),
        ("reason", "игра", "words of a-z"),
        ("reason", "a" * 65, "at most 64 characters"),
        ("entity_id", "", "1 to 128 characters"),
        ("entity_id", "a" * 129, "1 to 128 characters"),
        ("entity_id", "a b", "1 to 128 characters"),
        ("entity_id", "a\n", "1 to 128 characters"),
        ("entity_id", "a\x00", "1 to 128 characters"),
        ("entity_id", "a/b", "1 to 128 characters"),
        ("entity_id", 67890, "1 to 128 characters"),
        ("occurred_at", datetime(2026, 11, 22), "RFC 3339"),  # noqa: DTZ001
        ("occurred_at", 1_790_000_000, "RFC 3339"),
        (
            "occurred_at",
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3))),
            "years 1 to 9999",
        ),
        ("idempotency_key", "", "1 to 256 printable"),
        ("idempotency_key", "k" * 257, "1 to 256 printable"),
        ("idempotency_key", "two words", "1 to 256 printable"),
        ("idempotency_key", "key\n", "1 to 256 printable"),
        ("idempotency_key", "ключ", "1 to 256 printable"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named_with_what_is_allowed(field, value, said):
    with pytest.raises(MalformedEvent) as caught:
        xp_changed(**GOOD_XP | {field: value})

    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} is ")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["", "First", "1st", "a" * 65])
def test_an_achievement_is_named_like_a_reason(value):
    with pytest.raises(MalformedEvent) as caught:
        achievement_unlocked(user_id=7, achievement=value, source="discord", occurred_at=NOON)

    assert caught.value.field == "achievement"


def test_a_schema_error_is_a_value_error():
    """Code that gets the builders without their package can still map their errors."""
    assert issubclass(SchemaError, ValueError)


def test_the_opposite_of_the_opposite_is_where_one_began():
    assert opposite("telegram") == "discord"
    assert opposite("discord") == "telegram"
