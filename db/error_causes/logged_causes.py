"""Causes of failures that a log tells once, until they change or end."""

import asyncio
import re
from typing import Final

#: How long a cause must not have been met before it is news again, in seconds: more than it takes
#: a loop that fails and works in turns to fail again.
NEWS_AGAIN_S: Final = 60.0
#: Causes that are remembered at once: more are one trouble in many words, and no news.
CAUSES_MAX: Final = 20


class LoggedCauses:
    """The causes of the failures of one loop, which may fail and work in turns.

    A cause is a text without its numbers, which change freely.
    """

    def __init__(self) -> None:
        #: When each cause that was met is news again, on the clock of the event loop.
        self._again_at: dict[str, float] = {}
        self._is_told = False

    def is_new(self, why: str, *, wait_s: float = 0.0) -> bool:
        """Note that a cause was met, and tell whether to log it.

        `wait_s` is the pause before the next attempt, within which it cannot be met again.
        """
        now = asyncio.get_running_loop().time()
        self._again_at = {cause: at for cause, at in self._again_at.items() if now < at}
        cause = re.sub(r"\d+", "#", why)
        is_known = cause in self._again_at
        if not is_known and len(self._again_at) >= CAUSES_MAX:
            return False
        self._again_at[cause] = now + wait_s + NEWS_AGAIN_S
        self._is_told = self._is_told or not is_known
        return not is_known

    def end(self) -> bool:
        """Note that the loop works again, and tell whether a failure before it was told."""
        was_told, self._is_told = self._is_told, False
        return was_told
