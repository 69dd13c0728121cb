"""Builders of events. A builder checks every rule that `decode` checks, so its event decodes.

Amounts are whole numbers, times carry their zone. Without an idempotency key the event gets the key
that `keys` makes of its parts: a second call with the same parts names the same event. A display
name is that of the account now, as members chose it: what no text can hold is left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired, TypedDict

from .events import AchievementUnlocked, BalanceChanged, XpChanged
from .fields import DISPLAY_NAME_CHARS_MAX, conform
from .keys import achievement_key, balance_key, xp_key
from .platforms import Source


class EventParts(TypedDict):
    """The arguments that every builder takes, for callers that choose the builder later."""

    user_id: int
    source: Source
    reason: str
    entity_id: str
    occurred_at: datetime
    idempotency_key: NotRequired[str]


def xp_changed(
    *,
    user_id: int,
    delta_xp: int,
    source: Source,
    reason: str,
    entity_id: str,
    occurred_at: datetime,
    idempotency_key: str | None = None,
    display_name: str | None = None,
) -> XpChanged:
    """Say that an account gained or lost XP because of `entity_id`.

    Raises:
        MalformedEvent: a field breaks its rule.
    """
    if idempotency_key is None:
        idempotency_key = xp_key(source=source, reason=reason, user_id=user_id, entity_id=entity_id)
    return conform(
        XpChanged,
        {
            "idempotency_key": idempotency_key,
            "source": source,
            "user_id": user_id,
            "reason": reason,
            "entity_id": entity_id,
            "occurred_at": occurred_at,
            "delta_xp": delta_xp,
            **_named(display_name),
        },
    )


def balance_changed(
    *,
    user_id: int,
    delta_balance: int,
    source: Source,
    reason: str,
    entity_id: str,
    occurred_at: datetime,
    idempotency_key: str | None = None,
    display_name: str | None = None,
) -> BalanceChanged:
    """Say that an account was credited or charged because of `entity_id`.

    Raises:
        MalformedEvent: a field breaks its rule.
    """
    if idempotency_key is None:
        idempotency_key = balance_key(
            source=source, reason=reason, user_id=user_id, entity_id=entity_id
        )
    return conform(
        BalanceChanged,
        {
            "idempotency_key": idempotency_key,
            "source": source,
            "user_id": user_id,
            "reason": reason,
            "entity_id": entity_id,
            "occurred_at": occurred_at,
            "delta_balance": delta_balance,
            **_named(display_name),
        },
    )


def achievement_unlocked(
    *,
    user_id: int,
    achievement: str,
    source: Source,
    occurred_at: datetime,
    reason: str = "achievement",
    entity_id: str | None = None,
    idempotency_key: str | None = None,
    display_name: str | None = None,
) -> AchievementUnlocked:
    """Say that an account unlocked an achievement. `entity_id` is the achievement unless given.

    Neither `reason` nor `entity_id` is part of the key: a second cause of one achievement is no
    second achievement.

    Raises:
        MalformedEvent: a field breaks its rule.
    """
    if idempotency_key is None:
        idempotency_key = achievement_key(source=source, achievement=achievement, user_id=user_id)
    return conform(
        AchievementUnlocked,
        {
            "idempotency_key": idempotency_key,
            "source": source,
            "user_id": user_id,
            "reason": reason,
            "entity_id": achievement if entity_id is None else entity_id,
            "occurred_at": occurred_at,
            "achievement": achievement,
            **_named(display_name),
        },
    )


def _named(display_name: str | None) -> dict[str, str]:
    if display_name is None:
        return {}
    name = display_name.replace("\x00", "").encode("utf-8", "ignore").decode()
    return {"display_name": name[:DISPLAY_NAME_CHARS_MAX]}
