"""The section [earning.voice]: XP for time in voice channels of the Discord server."""

from typing import Annotated, Final

import msgspec

#: The largest amount of one interval; a larger one is a slip of the keyboard.
XP_MAX: Final = 1_000_000


class VoiceSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time counts while a member can speak and another person can hear them."""

    enabled: bool = True
    interval_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 300
    """So much time in voice channels earns once."""
    xp: Annotated[int, msgspec.Meta(ge=1, le=XP_MAX)] = 10
    """XP for each interval."""
    xp_per_day_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 240
    """XP that one person gets by voice in a day: with the defaults, two hours."""
