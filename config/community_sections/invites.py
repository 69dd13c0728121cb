"""The section [invites]: what members get for bringing others along."""

from typing import Annotated

import msgspec

#: The largest amount of one invitation; far below the amount that an event may carry.
INVITE_MAX = 10**9


class InviteSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rewards for invitations. Off: they tempt people to invite accounts of their own."""

    enabled: bool = False
    xp: Annotated[int, msgspec.Meta(ge=0, le=INVITE_MAX)] = 50
    balance: Annotated[int, msgspec.Meta(ge=0, le=INVITE_MAX)] = 25
    stay_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 30)] = 72
    """How long the new member has to stay first."""
    least_xp: Annotated[int, msgspec.Meta(ge=1, le=10**15)] = 60
    """XP that the new member has to earn first: by default the days of three visits."""
    per_day_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    """Paid invitations of one inviter within 24 hours; further ones wait."""
