"""The changes of both platforms, for any number of open pages.

The feed compares what the page would show with what it showed before, so no action has to announce
itself: whatever appears in GET /chats appears on open pages. Many changes at once become one.
"""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from sandbox.transcript import Call, Transcript

from .view import Json, keyed

__all__ = ["MESSAGES_SHOWN", "Feed", "TooManyReaders"]

#: Latest messages of each chat that the page shows.
MESSAGES_SHOWN = 200
#: Seconds between two comparisons: three frames of a screen, which nobody sees.
PAUSE_SECONDS = 0.05
#: The pause is at least this multiple of the time of the last comparison, so that pages cost at
#: most a tenth of a processor, however much there is to compare.
PAUSE_SHARE = 10
#: Seconds after which the feed compares without news: some states end by time alone.
LOOK_SECONDS = 1.0
#: Changes that a reader may fall behind, by number and in bytes, before it gets the whole state.
CHANGES_KEPT, CHANGE_BYTES_KEPT = 500, 4 * 1024 * 1024
READERS_MAX = 32
#: Seconds for which platforms show that somebody types.
TYPING_SECONDS = 6.0

log = structlog.get_logger("twinstream.sandbox")


class TooManyReaders(Exception):
    """Too many pages are open."""


class Feed:
    """The state of the page by key, its version, and the latest changes. Works while one reads."""

    def __init__(
        self,
        look: Callable[[int], Json],
        transcript: Transcript,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_at_chats = look
        self._transcript = transcript
        self._clock = clock
        self._boot = secrets.token_hex(4)
        self._version = 0
        self._state: dict[str, bytes] = {}
        self._changes: deque[bytes] = deque()
        self._change_bytes = 0
        self._typing: dict[str, tuple[float, Json]] = {}
        self._calls_seen = 0
        self._readers = 0
        self._watching: asyncio.Task[None] | None = None
        self._poked = asyncio.Event()
        self._news = asyncio.Event()
        transcript.on_record.append(self.poke)

    def poke(self) -> None:
        """Compare soon: something may have changed."""
        if self._readers:
            self._poked.set()

    def enter(self) -> None:
        """Begin to read. Raises TooManyReaders. Each reader calls `leave` once."""
        if self._readers >= READERS_MAX:
            raise TooManyReaders
        if self._watching is None:
            self._calls_seen = self._transcript.last
        self._compare()
        self._readers += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def leave(self) -> None:
        """End reading. Without readers the feed rests, and keeps no changes."""
        self._readers -= 1
        if not self._readers and self._watching is not None:
            self._watching.cancel()
            self._watching = None
            # Changes are no longer seen, so no reader can go on from here.
            self._boot = secrets.token_hex(4)
            self._changes.clear()
            self._change_bytes = 0

    def position(self, event_id: str) -> int | None:
        """Return the version that an event of this feed had, or None if one cannot go on there."""
        boot, _, version = event_id.partition(".")
        if boot != self._boot or not version.isdecimal():
            return None
        return int(version) if int(version) <= self._version else None

    def after(self, version: int | None) -> tuple[int, list[bytes]]:
        """Return the newest version, and the events that lead there from `version`.

        They are the changes in between, or the whole state for a reader that fell too far behind.
        """
        behind = len(self._changes) + 1 if version is None else self._version - version
        if behind > len(self._changes):
            everything = b",".join(_pair(key, value) for key, value in self._state.items())
            body = b'{"set":{' + everything + b"}}"
            return self._version, [self._event(b"state", body, self._version)]
        oldest = self._version - behind
        newest = list(self._changes)[len(self._changes) - behind :] if behind else []
        return self._version, [
            self._event(b"change", body, oldest + number)
            for number, body in enumerate(newest, start=1)
        ]

    async def wait(self, version: int, seconds: float) -> bool:
        """Wait until there is more than `version`; False if there is nothing in this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._version == version:
                    await self._news.wait()
        return self._version != version

    def _event(self, kind: bytes, body: bytes, version: int) -> bytes:
        head = f"id: {self._boot}.{version}\nevent: ".encode()
        return head + kind + b"\ndata: " + body + b"\n\n"

    async def _watch(self) -> None:
        pause = PAUSE_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), LOOK_SECONDS)
            self._poked.clear()
            began = self._clock()
            try:
                self._compare()
            except Exception:
                # A page without news is better than one that no longer gets any.
                log.exception("comparison.failed")
            pause = max(PAUSE_SECONDS, PAUSE_SHARE * (self._clock() - began))
            await asyncio.sleep(pause)

    def _compare(self) -> None:
        """Look at both platforms, and keep what has changed since the last look."""
        self._note_typing()
        encode = msgspec.json.encode
        shown = keyed(self._look_at_chats(MESSAGES_SHOWN), self._who_types())
        state = {key: encode(value) for key, value in shown.items()}
        old, self._state = self._state, state
        changed = [_pair(key, one) for key, one in state.items() if old.get(key) != one]
        removed = [key for key in old if key not in state]
        if not changed and not removed:
            return
        self._version += 1
        body = b'{"set":{' + b",".join(changed) + b'},"removed":' + encode(removed) + b"}"
        self._changes.append(body)
        self._change_bytes += len(body)
        while len(self._changes) > CHANGES_KEPT or self._change_bytes > CHANGE_BYTES_KEPT:
            self._change_bytes -= len(self._changes.popleft())
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _note_typing(self) -> None:
        """Note who types. Platforms keep no state of it, so it is taken from the calls."""
        calls = self._transcript.calls(after=self._calls_seen)
        self._calls_seen = self._transcript.last
        until = self._clock() + TYPING_SECONDS
        for call in calls:
            noted = _typing_of(call)
            if noted is not None:
                self._typing[noted[0]] = (until, noted[1])

    def _who_types(self) -> Json:
        now = self._clock()
        self._typing = {key: one for key, one in self._typing.items() if one[0] > now}
        return {key: one for key, (_, one) in self._typing.items()}


def _pair(key: str, value: bytes) -> bytes:
    return msgspec.json.encode(key) + b":" + value


def _typing_of(call: Call) -> tuple[str, Any] | None:
    """Return the key of the place in which a call shows typing, and what the page is told."""
    if call.platform == "telegram" and call.name == "sendChatAction" and call.status == 200:
        chat_id, action = call.request.get("chat_id"), call.request.get("action")
        return f"telegram/typing/{chat_id}", {"chat_id": chat_id, "action": action}
    if call.name == "POST /channels/{channel_id}/typing" and call.status == 204:
        place = call.request["path"]["channel_id"]
        return f"discord/typing/{place}", {"channel_id": place}
    return None
