"""The streams, read for the panel: what is added to them, and who has read and acknowledged it.

The panel reads beside the groups, so it takes no entry away from a consumer.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bus import (
    SOURCES,
    Client,
    GroupMissing,
    Keys,
    Source,
    StreamMissing,
    connect,
    connect_reader,
    measure_lag,
)
from bus.entry import id_ms, id_order, to_entry, to_id
from bus.errors import translated
from bus.groups import find_group
from launch.play.panels import Json

__all__ = ["EntrySeen", "Streams"]

#: Entries that are remembered by their key.
ENTRIES_KEPT = 3_000
#: Entries of one read, and milliseconds for which it waits for one.
READ_MAX, BLOCK_MS = 100, 2_000
#: Entries of a stream that the panel looks at when it begins, and when Redis is back.
LATEST = 100
#: Entries that came at once are followed one by one up to this number. More are looked at with the
#: regular measurement only.
FOLLOWED_MAX = 20
#: Seconds between two looks at entries that are followed, and looks before one gives up.
FOLLOW_S, FOLLOW_LOOKS = 0.01, 25
#: Unacknowledged entries that a look takes in.
PENDING_MAX = 200
#: Milliseconds by which the clocks of an entry's id and of a consumer's last deed may differ.
BUSY_MS = 20
#: Milliseconds after which a consumer that asks for no entries counts as gone: consumers ask every
#: five seconds at least.
GONE_MS = 15_000


class _Head(msgspec.Struct):
    idempotency_key: str


_head = msgspec.json.Decoder(_Head)


@dataclass(slots=True)
class EntrySeen:
    """An entry, and what is known of its delivery. Times are Unix time in seconds."""

    id: str
    #: It was there before the panel looked, so nothing is known of when it was read.
    is_old: bool = False
    #: Who has read it: one consumer, or several of which one did.
    consumers: tuple[str, ...] = ()
    read_at: float | None = None
    acknowledged_at: float | None = None


class Streams:
    """Reads both streams. Close it with `close`."""

    def __init__(self, redis_url: str, keys: Keys) -> None:
        self.keys = keys
        self.redis: Client = connect(redis_url, name="twinstream/play")
        self._reader: Client = connect_reader(redis_url, name="twinstream/play-reader")
        self._cursors: dict[Source, str] = {}
        self._entries: OrderedDict[tuple[Source, str], EntrySeen] = OrderedDict()

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
        await self._reader.aclose()

    def find(self, source: Source, key: str) -> EntrySeen | None:
        """Return the newest entry of an event, while it is remembered."""
        return self._entries.get((source, key))

    def forget(self) -> None:
        """Begin anew with the latest entries, as after a loss of Redis."""
        self._cursors.clear()

    async def read(self) -> bool:
        """Wait for entries, and follow them until they are acknowledged. False without any."""
        if not self._cursors:
            for source in SOURCES:
                await self._read_latest(source)
            return True
        places: Any = {self.keys.stream(source): self._cursors[source] for source in SOURCES}
        with translated():
            reply: Any = await self._reader.xread(places, count=READ_MAX, block=BLOCK_MS)
        found = {self.keys.stream(source): source for source in SOURCES}
        count = 0
        for stream, entries in reply or ():
            source = found[to_id(stream)]
            noted = self._note(source, entries)
            count += len(noted)
            if count <= FOLLOWED_MAX:
                await self._follow(source, noted)
        return bool(count)

    async def measure(self, source: Source) -> Json:
        """Return how far the opposite platform is on a stream, as the page gets it."""
        subscription = self.keys.subscription(source)
        told: Json = {"source": source, "stream": subscription.stream, "group": subscription.group}
        try:
            lag = await measure_lag(self.redis, subscription)
        except GroupMissing:
            return told | {"missing": True}
        if source in self._cursors and id_order(lag.newest) < id_order(self._cursors[source]):
            # Another stream under the same name.
            self._cursors[source] = lag.newest
        await self.look(source, [one for key, one in self._entries.items() if key[0] == source])
        consumers = [
            {"name": one.name, "holds": one.unacknowledged}
            for one in lag.consumers
            if one.idle_ms < GONE_MS
        ]
        return told | {
            "missing": False,
            "entries": lag.entries,
            "unread": lag.unread,
            "unacknowledged": lag.unacknowledged,
            "consumers": sorted(consumers, key=lambda one: str(one["name"])),
            "trouble": lag.trouble,
        }

    async def look(self, source: Source, entries: Sequence[EntrySeen]) -> None:
        """Note which of these entries are with a consumer, and which are acknowledged."""
        open_ones = [one for one in entries if one.acknowledged_at is None]
        if not open_ones:
            return
        stream, group = subscription = self.keys.subscription(source)
        try:
            info = await find_group(self.redis, subscription)
            if info is None:
                return
            with translated(stream=stream, group=group):
                held: Any = await self.redis.xpending_range(stream, group, "-", "+", PENDING_MAX)
        except (GroupMissing, StreamMissing):
            return
        now = time.time()
        delivered = id_order(to_id(info["last-delivered-id"]))
        holders = {to_id(one["message_id"]): to_id(one["consumer"]) for one in held}
        known_to = max(map(id_order, holders)) if len(holders) == PENDING_MAX else None
        finished = []
        for one in open_ones:
            place = id_order(one.id)
            if one.id in holders:
                one.consumers, one.read_at = (holders[one.id],), one.read_at or now
            elif place <= delivered and (known_to is None or place < known_to):
                one.acknowledged_at = now
                finished.append(one)
        quick = [one for one in finished if not one.consumers and not one.is_old]
        if quick:
            await self._name_reader(source, quick, now)

    async def _name_reader(self, source: Source, entries: Sequence[EntrySeen], now: float) -> None:
        """Note who may have read entries that were acknowledged before a look: who was busy."""
        stream, group = self.keys.subscription(source)
        with translated(stream=stream, group=group):
            consumers: Any = await self.redis.xinfo_consumers(stream, group)
        for one in entries:
            since_ms = now * 1_000 - id_ms(one.id) + BUSY_MS
            one.consumers = tuple(
                to_id(each["name"])
                for each in consumers
                if 0 <= each.get("inactive", -1) <= since_ms
            )
            one.read_at = now if one.consumers else None

    async def _follow(self, source: Source, entries: Sequence[EntrySeen]) -> None:
        for _ in range(FOLLOW_LOOKS):
            await self.look(source, entries)
            if all(one.acknowledged_at is not None for one in entries):
                return
            await asyncio.sleep(FOLLOW_S)

    async def _read_latest(self, source: Source) -> None:
        stream = self.keys.stream(source)
        with translated(stream=stream):
            newest: Any = await self.redis.xrevrange(stream, count=LATEST)
        self._cursors[source] = to_id(newest[0][0]) if newest else "0-0"
        self._note(source, newest[::-1], is_old=True)

    def _note(
        self, source: Source, entries: Sequence[Any], *, is_old: bool = False
    ) -> list[EntrySeen]:
        noted = []
        for raw_id, fields in entries:
            entry = to_entry(self.keys.stream(source), raw_id, fields, 0)
            self._cursors[source] = entry.id
            try:
                key = _head.decode(entry.payload or b"").idempotency_key
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # it is buried, and then the record knows why
            one = EntrySeen(entry.id, is_old)
            self._entries[source, key] = one
            self._entries.move_to_end((source, key))
            noted.append(one)
        while len(self._entries) > ENTRIES_KEPT:
            self._entries.popitem(last=False)
        return noted
