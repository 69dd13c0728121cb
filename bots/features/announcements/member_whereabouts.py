"""Spots: where members were heard of last, so that news of them can follow as a reply."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from bots.runtime.delivery import PublicPlace

#: Seconds after which a member is not there any more: a role or a tag is shown within seconds, and
#: the conversation has gone on after two minutes.
HEARD_S_MAX: Final = 120.0
#: Members that are remembered, about two megabytes. Beyond it the one who was quiet the longest is
#: forgotten.
MEMBERS_MAX: Final = 10_000


class Spot(NamedTuple):
    """A place where a member was heard of, and the message there that can be replied to."""

    place: PublicPlace
    message_id: int | None


class Spots:
    """Remembers in this process where members were heard of within HEARD_S_MAX seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: OrderedDict[int, tuple[float, Spot]] = OrderedDict()

    def hear(self, account_id: int, spot: Spot) -> None:
        """Note where a member has just been heard of."""
        self._heard[account_id] = (self._clock(), spot)
        self._heard.move_to_end(account_id)
        if len(self._heard) > MEMBERS_MAX:
            self._heard.popitem(last=False)

    def of(self, account_id: int) -> Spot | None:
        """Return where a member is; None if that is not known."""
        heard = self._heard.get(account_id)
        if heard is None or self._clock() - heard[0] > HEARD_S_MAX:
            return None
        return heard[1]

    def forget(self, place: PublicPlace) -> None:
        """Forget everybody at a place where the bot may not write."""
        at_place = [one for one, (_, spot) in self._heard.items() if spot.place == place]
        for account_id in at_place:
            del self._heard[account_id]
