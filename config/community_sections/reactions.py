"""The section [earning.reactions]: XP for reactions that others give to a member's messages."""

from typing import Annotated, Final

import msgspec

#: The largest amount of one reaction; a larger one is a slip of the keyboard.
XP_MAX: Final = 1_000_000


class ReactionSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reactions count once per person and message; the limits keep circles from earning all day."""

    enabled: bool = True
    xp: Annotated[int, msgspec.Meta(ge=0, le=XP_MAX)] = 2
    """XP for each person who reacts to a member's message."""
    giver_xp: Annotated[int, msgspec.Meta(ge=0, le=XP_MAX)] = 0
    """XP for the person who reacts."""
    xp_per_day_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 40
    """XP that one person gets by reactions in a day; as much again for giving them."""
    per_pair_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    """Reactions of one person to one other that count in a day."""
    per_day_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 30
    """Reactions of one person that count in a day."""
    age_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 7
    """How old a message may be whose reactions count."""
    messages_kept: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 5_000
    """Messages of the Telegram group whose authors are remembered."""
