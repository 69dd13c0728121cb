"""The events: what happened to one member on one platform, in the past tense.

Constructors do not check the rules of `fields`; the builders and `decode` do. The wire is a
contract: a field is never renamed or retyped, a new one has a default, and a change that an old
reader would misread gets a new `v`.
"""

from __future__ import annotations

from datetime import UTC

import msgspec

from .fields import (
    Achievement,
    Delta,
    DisplayName,
    EntityId,
    IdempotencyKey,
    OccurredAt,
    Platform,
    Reason,
    UserId,
    Version,
    broken,
)


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of every event. Times are converted to UTC from any offset."""

    idempotency_key: IdempotencyKey
    source: Platform
    user_id: UserId
    reason: Reason
    entity_id: EntityId
    occurred_at: OccurredAt
    v: Version = 1
    display_name: DisplayName = msgspec.UNSET

    @property
    def type(self) -> str:
        """The event's name on the wire, such as `xp.changed`."""
        return str(self.__struct_config__.tag)

    def __post_init__(self) -> None:
        moment = self.occurred_at
        if moment.tzinfo is UTC or moment.tzinfo is None:
            return
        try:
            msgspec.structs.force_setattr(self, "occurred_at", moment.astimezone(UTC))
        except OverflowError as error:
            raise broken("occurred_at", moment.isoformat(), "years 1 to 9999 in UTC") from error


class XpChanged(_Event, frozen=True, kw_only=True, tag="xp.changed"):
    """A member's XP on the source platform went up or down by `delta_xp`, never by 0."""

    delta_xp: Delta

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_zero("delta_xp", self.delta_xp)


class BalanceChanged(_Event, frozen=True, kw_only=True, tag="balance.changed"):
    """A member's balance on the source platform went up or down by `delta_balance`, never by 0."""

    delta_balance: Delta

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_zero("delta_balance", self.delta_balance)


class AchievementUnlocked(_Event, frozen=True, kw_only=True, tag="achievement.unlocked"):
    """A member unlocked `achievement` on the source platform, once for ever."""

    achievement: Achievement


Event = XpChanged | BalanceChanged | AchievementUnlocked


def _refuse_zero(field: str, delta: int) -> None:
    if delta == 0:
        raise broken(field, delta, "any amount but 0: an event that changes nothing is none")
