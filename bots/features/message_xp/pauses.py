"""The cooldowns that this process knows: a message within one touches no database."""

from collections import OrderedDict
from datetime import datetime
from typing import Final

#: Accounts whose cooldown is known, some two megabytes. A forgotten one costs a round trip.
ACCOUNTS_MAX: Final = 20_000


class Pauses:
    """When accounts may earn again, by the platform's clock."""

    def __init__(self, *, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._accounts_max = accounts_max
        self._until: OrderedDict[int, datetime] = OrderedDict()

    def is_paused(self, account_id: int, at: datetime) -> bool:
        """Tell whether what the account did at this moment is known to count for nothing."""
        until = self._until.get(account_id)
        return until is not None and at < until

    def pause(self, account_id: int, until: datetime) -> None:
        """Note that nothing counts before this moment, unless a later one is known."""
        known = self._until.get(account_id)
        if known is None or until > known:
            self._until[account_id] = until
        self._until.move_to_end(account_id)
        if len(self._until) > self._accounts_max:
            self._until.popitem(last=False)
