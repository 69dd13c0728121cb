"""Whether polling makes progress, which decides whether the bot is healthy."""

import time
from collections.abc import Callable


class PollingProgress:
    """The time since Telegram last answered a poll, or an update was last handled.

    Both count, because no poll is made while the updates of the last one are handled. Neither
    happens while Telegram is unavailable, while another process polls with the token, or while the
    handling of an update hangs.
    """

    def __init__(
        self, *, silence_s_max: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._silence_s_max = silence_s_max
        self._clock = clock
        self._made_at: float | None = None

    def made(self) -> None:
        """Note that polling made progress just now."""
        self._made_at = self._clock()

    def is_recent(self) -> bool:
        """Tell whether polling made progress within the last `silence_s_max` seconds."""
        return self._made_at is not None and self._clock() - self._made_at <= self._silence_s_max
