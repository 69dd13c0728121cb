"""A key reads back as its parts, and never stands for two events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import (
    USER_ID_MAX,
    AchievementKey,
    EntityKey,
    MalformedEvent,
    achievement_key,
    balance_key,
    parse_key,
    xp_key,
)
from tests.support.event_strategies import entity_ids, reasons, sources, user_ids

entity_parts = st.builds(
    EntityKey,
    kind=st.sampled_from(["xp", "balance"]),
    source=sources,
    reason=reasons,
    user_id=user_ids,
    entity_id=entity_ids,
)
achievement_parts = st.builds(AchievementKey, source=sources, achievement=reasons, user_id=user_ids)
parts = entity_parts | achievement_parts


def key_of(part: EntityKey | AchievementKey) -> str:
    if isinstance(part, AchievementKey):
        return achievement_key(
            source=part.source, achievement=part.achievement, user_id=part.user_id
        )
    make = xp_key if part.kind == "xp" else balance_key
    return make(
        source=part.source, reason=part.reason, user_id=part.user_id, entity_id=part.entity_id
    )


@settings(deadline=None)
@given(parts)
def test_a_key_reads_back_as_what_it_was_made_of(part):
    """So no two different events share a key: it would have to read back as both."""
    assert parse_key(key_of(part)) == part


@settings(deadline=None)
@given(parts, parts)
def test_different_facts_never_share_a_key(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"(tg|dc)_[a-z_.0-9]{1,40}", fullmatch=True))
def test_what_parses_as_a_key_is_the_key_of_its_parts(text):
    part = parse_key(text)

    assert part is None or key_of(part) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An achievement called balance, beside balance changes for the reason "achievement".
        (
            AchievementKey(source="telegram", achievement="balance", user_id=1),
            EntityKey(
                kind="balance", source="telegram", reason="achievement", user_id=1, entity_id="1"
            ),
        ),
        # Digits that could end the user id or begin the entity id.
        (
            EntityKey(kind="xp", source="discord", reason="a", user_id=1, entity_id="2_3"),
            EntityKey(kind="xp", source="discord", reason="a", user_id=12, entity_id="3"),
        ),
        # A reason that ends as the other kind's key goes on.
        (
            EntityKey(kind="xp", source="discord", reason="a_balance", user_id=1, entity_id="2"),
            EntityKey(kind="balance", source="discord", reason="a", user_id=1, entity_id="2"),
        ),
    ],
)
def test_keys_that_look_alike_differ(one, other):
    assert key_of(one) != key_of(other)
    assert (parse_key(key_of(one)), parse_key(key_of(other))) == (one, other)


def test_the_keys_look_as_documented():
    assert (
        xp_key(source="telegram", reason="game_guess", user_id=12345, entity_id="67890")
        == "tg_game_guess_12345_67890"
    )
    assert (
        balance_key(source="discord", reason="shop", user_id=12345, entity_id="order-7")
        == "dc_shop.balance_12345_order-7"
    )
    assert (
        achievement_key(source="telegram", achievement="first_win", user_id=12345)
        == "tg_achievement.first_win_12345"
    )


def test_the_longest_key_is_short_enough_to_be_given():
    longest = balance_key(
        source="telegram", reason="r" * 64, user_id=USER_ID_MAX, entity_id="e" * 128
    )

    assert len(longest) <= 256


@pytest.mark.parametrize(
    "key",
    ["", "quizbot/8841", "tg_", "tg_game_5", "xx_game_5_6", "tg_game_05_6", "tg_game_5_",
     f"tg_game_{USER_ID_MAX + 1}_6", f"tg_{'r' * 65}_5_6", "tg_game_5_6\n"],
)  # fmt: skip
def test_a_key_of_the_senders_own_making_has_no_parts(key):
    assert parse_key(key) is None


@pytest.mark.parametrize(
    ("field", "value"), [("reason", "game_2"), ("user_id", 0), ("entity_id", ""), ("source", "tg")]
)
def test_no_key_is_made_of_parts_that_break_a_rule(field, value):
    good = {"source": "telegram", "reason": "game", "user_id": 5, "entity_id": "6"}

    for make in (xp_key, balance_key):
        with pytest.raises(MalformedEvent) as caught:
            make(**good | {field: value})
        assert caught.value.field == field
