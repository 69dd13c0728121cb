"""Buttons that can still be pressed, so that a second press does nothing again."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

#: Messages that are remembered, about two megabytes. Beyond it the oldest is forgotten, and its
#: buttons count as unpressed: the handlers themselves act once, by what Postgres says.
MESSAGES_MAX = 10_000


class ButtonMemory:
    """Remembers which buttons messages have left since one of theirs was pressed.

    A message that is not remembered, also after a restart, has all of its buttons.
    """

    def __init__(self, *, messages_max: int = MESSAGES_MAX) -> None:
        self._messages_max = messages_max
        self._left: OrderedDict[Hashable, frozenset[str]] = OrderedDict()

    def is_gone(self, message: Hashable, data: str) -> bool:
        """Tell whether a message that is remembered has this button no more."""
        left = self._left.get(message)
        return left is not None and data not in left

    def take(self, message: Hashable, data: str) -> bool:
        """Press a button: no button of the message is left then. False if this one was gone."""
        if self.is_gone(message, data):
            return False
        self.renew(message, ())
        return True

    def renew(self, message: Hashable, data: Iterable[str]) -> None:
        """Note the buttons that the message has now."""
        self._left[message] = frozenset(data)
        self._left.move_to_end(message)
        if len(self._left) > self._messages_max:
            self._left.popitem(last=False)

    def put_back(self, message: Hashable) -> None:
        """Have the buttons of the message pressed again: nothing was done."""
        self._left.pop(message, None)
