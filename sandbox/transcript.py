"""The transcript: every request of a bot with its answer, and every event sent to it, in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

__all__ = ["Call", "Transcript"]

CALLS_KEPT = 100_000
#: The number of calls that the message of a timeout lists.
CALLS_QUOTED = 12


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange with a bot. `request` and `response` are JSON values and must not be changed.

    `name` is a Telegram method ("setChatMemberTag") or a Discord route template
    ("PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"). Updates and events that
    the sandbox pushes have status 0 and the name "update" (Telegram) or "gateway <EVENT>"
    (Discord).
    `at` is Unix time in seconds; `reason` is Discord's audit-log reason.
    """

    number: int
    at: float
    platform: str
    name: str
    request: Any
    status: int
    response: Any
    reason: str | None = None


class Transcript:
    """The last 100,000 calls of both platforms, numbered from 1. Belongs to one event loop."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._number = 0
        self._news = asyncio.Event()
        self.on_record: list[Callable[[], None]] = []
        """Called after each call that is recorded."""

    @property
    def last(self) -> int:
        """The number of the newest call, 0 before the first."""
        return self._number

    def record(
        self,
        platform: str,
        name: str,
        request: Any,
        status: int,
        response: Any,
        *,
        reason: str | None = None,
    ) -> Call:
        """Append a call and wake the tasks that wait for one."""
        self._number += 1
        call = Call(self._number, self._clock(), platform, name, request, status, response, reason)
        self._calls.append(call)
        self._news.set()
        self._news = asyncio.Event()
        for told in self.on_record:
            told()
        return call

    def calls(
        self, *, platform: str | None = None, name: str | None = None, after: int = 0
    ) -> list[Call]:
        """Return the calls with a number above `after`, oldest first."""
        return [
            call
            for call in self._newer(after)
            if platform in (None, call.platform) and name in (None, call.name)
        ]

    async def wait_for(
        self, predicate: Callable[[Call], bool], *, timeout: float, after: int = 0
    ) -> Call:
        """Return the first call above `after` for which `predicate` holds, past calls included.

        Raises TimeoutError after `timeout` seconds; its message lists the latest calls seen.
        """
        seen = after
        try:
            async with asyncio.timeout(timeout):
                while True:
                    news = self._news
                    for call in self._newer(seen):
                        if predicate(call):
                            return call
                    seen = self._number
                    await news.wait()
        except TimeoutError as error:
            raise TimeoutError(self._account_of(after, timeout)) from error

    def _newer(self, after: int) -> Iterator[Call]:
        newest_first = takewhile(lambda call: call.number > after, reversed(self._calls))
        return reversed(list(newest_first))

    def _account_of(self, after: int, timeout: float) -> str:
        newest_first = takewhile(lambda call: call.number > after, reversed(self._calls))
        latest = list(islice(newest_first, CALLS_QUOTED))[::-1]
        seen = "; ".join(f"#{c.number} {c.platform} {c.name} -> {c.status}" for c in latest)
        return f"no such call within {timeout} s after #{after}; latest seen: {seen or 'none'}"
