"""The reactions of the last time, so that one that is toggled costs a look into memory."""

from collections import OrderedDict
from typing import Final

#: Reactions that are remembered, some two megabytes. Postgres knows all of those that counted.
REMEMBERED_MAX: Final = 10_000

Key = tuple[int, int, int]
"""The place, the message, and the account that reacts."""


class RecentReactions:
    """Tells the first reaction of an account to a message from those that follow."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Key, None] = OrderedDict()

    def is_new(self, key: Key) -> bool:
        """Note a reaction, and tell whether it was not noted before."""
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return True

    def forget(self, key: Key) -> None:
        """Let the reaction count when it comes again: this time it was lost."""
        self._seen.pop(key, None)
