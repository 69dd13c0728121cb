"""The factors by which messages bring more XP or less: by place, role and time."""

import datetime
import math
from collections.abc import Sequence
from typing import Final

from bots.features.places import Places
from bots.features.posted_messages import Posted
from config.community_sections.earning import FACTOR_MAX, MultiplierSetting

WEEKDAYS: Final = (*("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),)


class Multipliers:
    """The multipliers of a community. Those that apply are multiplied with each other."""

    def __init__(
        self, settings: Sequence[MultiplierSetting], zone: datetime.tzinfo, home_chat: int
    ) -> None:
        """Times without a zone are in `zone`, that of the community."""
        self._zone = zone
        self._known = [(one, Places(one.places, home_chat)) for one in settings]

    def factor(self, posted: Posted) -> float:
        """Return the factor for a message; 1 if no multiplier applies. Pure."""
        local = posted.at.astimezone(self._zone)
        factors = [
            one.factor
            for one, places in self._known
            if (not places or posted.place in places)
            and (not one.discord_roles or not posted.roles.isdisjoint(one.discord_roles))
            and self._is_at(one, local)
        ]
        return min(float(FACTOR_MAX), math.prod(factors))

    def _is_at(self, one: MultiplierSetting, local: datetime.datetime) -> bool:
        if one.from_ is not None and local < self._zoned(one.from_):
            return False
        if one.until is not None and local >= self._zoned(one.until):
            return False
        if one.weekdays and WEEKDAYS[local.weekday()] not in one.weekdays:
            return False
        first, last = one.from_hour or 0, 24 if one.until_hour is None else one.until_hour
        if first < last:
            return first <= local.hour < last
        return local.hour >= first or local.hour < last  # over midnight

    def _zoned(self, time: datetime.datetime) -> datetime.datetime:
        return time if time.tzinfo is not None else time.replace(tzinfo=self._zone)
