"""Whether polling makes progress, so that the bot is healthy, and what troubles it."""

import time
from collections.abc import Callable
from typing import Final

#: Seconds for which a conflict counts as lasting, at least. Two of our bots with one token end each
#: other's polls every CONFLICT_PAUSE_S_MAX or twice that.
CONTESTED_S_MIN: Final = 15.0
#: Seconds for which it counts as lasting, at most. Other programs pause for half a minute at most
#: between two polls that failed.
CONTESTED_S_MAX: Final = 60.0

OTHER_POLLER = (
    "another process polls with this token, or a webhook is set for it: stop the other one"
    " (or call deleteWebhook), or give this bot a token of its own"
)


class PollingProgress:
    """The time since Telegram last answered a poll, or an update was last handled.

    Both count, because no poll is made while the updates of the last one are handled. Neither
    happens while Telegram is unavailable, while another process ends each poll with its own, or
    while the handling of an update hangs.
    """

    def __init__(
        self, *, silence_s_max: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._silence_s_max = silence_s_max
        self._clock = clock
        self._made_at: float | None = None
        self._conflict_at = self._contested_until = float("-inf")

    def made(self) -> None:
        """Note that polling made progress just now."""
        self._made_at = self._clock()

    def conflicted(self) -> None:
        """Note that Telegram refused a poll, or ended it, in favour of another receiver.

        Polls are answered between two conflicts, and the pauses of the other process grow with
        its failures. So a conflict lasts until twice the time between the last two has passed.
        """
        now = self._clock()
        apart_s = now - self._conflict_at
        if apart_s > CONTESTED_S_MAX:
            apart_s = 0.0  # the last conflict was another one
        self._conflict_at = now
        self._contested_until = now + min(max(2 * apart_s, CONTESTED_S_MIN), CONTESTED_S_MAX)

    def is_recent(self) -> bool:
        """Tell whether polling made progress within the last `silence_s_max` seconds."""
        return self._made_at is not None and self._clock() - self._made_at <= self._silence_s_max

    def trouble(self) -> str | None:
        """Say that another process polls with the token; None if none is known to."""
        return OTHER_POLLER if self._clock() < self._contested_until else None
