"""The section [daily]: what members get for coming back each day."""

from collections.abc import Collection, Iterator
from typing import Annotated

import msgspec

from ..setting_error_texts import Problem

#: The largest amount of a day; far below the amount that one event may carry.
DAILY_MAX = 10**9
#: The longest streak that may unlock something, in days: ten years.
STREAK_DAYS_MAX = 3_650

Amount = Annotated[int, msgspec.Meta(ge=0, le=DAILY_MAX)]


class DailySetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The amounts of /daily, and how they grow with the days in a row.

    The defaults make ten days in a row worth about as much as three games won each day.
    """

    enabled: bool = True
    xp: Amount = 20
    balance: Amount = 10
    xp_per_streak_day: Amount = 2
    """Added for each day in a row after the first."""
    balance_per_streak_day: Amount = 1
    xp_streak_bonus_max: Amount = 20
    """The most that the days in a row add."""
    balance_streak_bonus_max: Amount = 10
    forgiven_days: Annotated[int, msgspec.Meta(ge=0, le=31)] = 1
    """Missed days that are forgiven each month."""
    least_xp: Annotated[int, msgspec.Meta(ge=0, le=10**15)] = 0
    """XP that a member has to have first, so that fresh second accounts get nothing."""
    milestones: dict[str, Annotated[int, msgspec.Meta(ge=1, le=STREAK_DAYS_MAX)]] = {}
    """Achievements, by their names, and the days in a row that unlock them."""


def daily_problems(daily: DailySetting, achievements: Collection[str]) -> Iterator[Problem]:
    """Find what the types cannot say. Pure."""
    for name in daily.milestones:
        if name not in achievements:
            yield Problem(
                ("daily", "milestones", name),
                f"daily.milestones: there is no achievement {name!r}: add an [[achievements]] with"
                " this name, or correct it",
            )
