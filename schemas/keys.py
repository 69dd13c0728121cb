"""Idempotency keys, made from the parts of an event, so that one event always has one key.

    XP           {tg|dc}_{reason}_{user_id}_{entity_id}             tg_game_guess_12345_67890
    balance      {tg|dc}_{reason}.balance_{user_id}_{entity_id}     dc_shop.balance_12345_order-7
    achievement  {tg|dc}_achievement.{achievement}_{user_id}        tg_achievement.first_win_12345

Two different events never share a key. The words of a reason begin with letters, so the first part
that begins with a digit is the user id, and the rest is the entity id. No part before the user id
may have a dot, so the dot tells the three kinds apart. An achievement named `balance` still has no
entity id, and a balance key always has one.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from .errors import SchemaError
from .fields import (
    ENTITY_ID_PATTERN,
    WORD_PATTERN,
    Achievement,
    EntityId,
    Platform,
    Reason,
    UserId,
    conform,
)
from .platforms import SHORT_NAMES, SOURCES, Source


class EntityKey(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the key of a change of XP or balance."""

    kind: Literal["xp", "balance"]
    source: Platform
    reason: Reason
    user_id: UserId
    entity_id: EntityId


class AchievementKey(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the key of an achievement: once per account, for ever."""

    source: Platform
    achievement: Achievement
    user_id: UserId


def xp_key(*, source: Source, reason: str, user_id: int, entity_id: str) -> str:
    """Return the key of a change of XP for `reason`, caused by the entity.

    Raises:
        MalformedEvent: a part breaks its field's rule.
    """
    _check_entity("xp", source, reason, user_id, entity_id)
    return f"{SHORT_NAMES[source]}_{reason}_{user_id}_{entity_id}"


def balance_key(*, source: Source, reason: str, user_id: int, entity_id: str) -> str:
    """Return the key of a change of balance for `reason`, caused by the entity.

    It never equals a key of XP: one win may change both.

    Raises:
        MalformedEvent: a part breaks its field's rule.
    """
    _check_entity("balance", source, reason, user_id, entity_id)
    return f"{SHORT_NAMES[source]}_{reason}.balance_{user_id}_{entity_id}"


def achievement_key(*, source: Source, achievement: str, user_id: int) -> str:
    """Return the key of an account's achievement.

    Raises:
        MalformedEvent: a part breaks its field's rule.
    """
    conform(AchievementKey, {"source": source, "achievement": achievement, "user_id": user_id})
    return f"{SHORT_NAMES[source]}_achievement.{achievement}_{user_id}"


_SHORT = "|".join(SHORT_NAMES[source] for source in SOURCES)
_ENTITY_KEY: Final = re.compile(
    rf"({_SHORT})_({WORD_PATTERN})(\.balance)?_([1-9][0-9]*)_({ENTITY_ID_PATTERN})"
)
_ACHIEVEMENT_KEY: Final = re.compile(rf"({_SHORT})_achievement\.({WORD_PATTERN})_([1-9][0-9]*)")
_SOURCE_OF: Final = {short: source for source, short in SHORT_NAMES.items()}


def parse_key(key: str) -> EntityKey | AchievementKey | None:
    """Read a key back into its parts; None for a key that the sender made in its own way."""
    try:
        if found := _ACHIEVEMENT_KEY.fullmatch(key):
            short, achievement, user_id = found.groups()
            return conform(
                AchievementKey,
                {
                    "source": _SOURCE_OF[short],
                    "achievement": achievement,
                    "user_id": int(user_id),
                },
            )
        if found := _ENTITY_KEY.fullmatch(key):
            short, reason, balance, user_id, entity_id = found.groups()
            kind: Literal["xp", "balance"] = "balance" if balance else "xp"
            return _check_entity(kind, _SOURCE_OF[short], reason, int(user_id), entity_id)
    except SchemaError:
        return None
    return None


def _check_entity(
    kind: Literal["xp", "balance"], source: Source, reason: str, user_id: int, entity_id: str
) -> EntityKey:
    return conform(
        EntityKey,
        {
            "kind": kind,
            "source": source,
            "reason": reason,
            "user_id": user_id,
            "entity_id": entity_id,
        },
    )
