"""The section [rewards]: how much administrators give, and take, in the chat."""

from typing import Annotated

import msgspec

#: The largest amount of a day; far below the amount that an event may carry.
REWARDS_MAX = 10**9


class RewardSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of each administrator on a platform, within 24 hours.

    They let an organiser reward an evening's guests, and limit what a stolen account can do.
    """

    enabled: bool = True
    per_day_max: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 50
    xp_per_day_max: Annotated[int, msgspec.Meta(ge=0, le=REWARDS_MAX)] = 10_000
    """XP given and taken, added up."""
    balance_per_day_max: Annotated[int, msgspec.Meta(ge=0, le=REWARDS_MAX)] = 10_000
