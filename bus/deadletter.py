"""Entries that cannot be applied: moved aside with the reason, so that the rest goes on.

The stream is a capped mirror for people with `redis-cli`; the record of failures is elsewhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from redis.asyncio.cluster import RedisCluster

from .client import Client
from .entry import Entry, id_ms, to_id
from .errors import translated
from .keys import PAYLOAD_FIELD, Keys

DEAD_ENTRIES_MAX: Final = 10_000
REASON_CHARS_MAX: Final = 1_000
#: An entry without a payload is somebody's mistake of any size: so many of its fields are kept.
FIELDS_KEPT_MAX: Final = 32

# Adding comes first: if Redis refuses it (memory, a foreign key), the entry stays unacknowledged.
# MULTI would acknowledge all the same. An entry that is settled already was buried or applied
# by another consumer, so it is left alone.
# KEYS: stream, dead; ARGV: group, id, cap, then fields and values. Returns the dead entry's id.
_BURY: Final = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return false end
local dead = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return dead
"""
_RAW_PREFIX: Final = b"raw:"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One buried entry, with where it came from and why it was buried."""

    id: str
    stream: str
    entry_id: str
    group: str
    reason: str
    deliveries: int
    payload: bytes | None
    #: What the entry held if it had no payload.
    fields: Mapping[bytes, bytes]

    @property
    def buried_at(self) -> datetime:
        """When it was buried, by Redis's clock."""
        return datetime.fromtimestamp(id_ms(self.id) / 1_000, UTC)


class DeadLetters:
    """The dead-letter stream of one deployment. Does not own the client."""

    def __init__(self, redis: Client, keys: Keys, *, entries_max: int = DEAD_ENTRIES_MAX) -> None:
        self._redis = redis
        self._key = keys.dead
        self._entries_max = entries_max

    async def bury(self, entry: Entry, *, group: str, reason: str) -> str | None:
        """Move an entry out of the way of its group: copy it here and acknowledge it, or neither.

        In a cluster the two keys may be served by different nodes, so there the copy comes first:
        if the process dies in between, or two bury the same entry at once, it is here twice.

        Returns the dead letter's id, or None if the entry was settled already. The reason is cut
        to `REASON_CHARS_MAX`; it is shown to people, so it holds no secrets. The oldest dead
        letters make room once there are about `entries_max`.

        Raises:
            GroupMissing: Redis lost the group; the entry comes again after a rebuild.
        """
        fields: list[str | bytes | int] = [
            *("stream", entry.stream, "id", entry.id, "group", group),
            *("reason", reason[:REASON_CHARS_MAX], "deliveries", entry.deliveries),
        ]
        if entry.payload is not None:
            fields += [PAYLOAD_FIELD, entry.payload]
        for name, value in list(entry.fields.items())[:FIELDS_KEPT_MAX]:
            fields += [_RAW_PREFIX + name, value]
        with translated(stream=entry.stream, group=group):
            if isinstance(self._redis, RedisCluster):
                return await self._bury_in_steps(self._redis, entry, group, fields)
            dead_id = await self._redis.eval(
                _BURY, 2, entry.stream, self._key, group, entry.id, self._entries_max, *fields
            )
        return None if dead_id is None else to_id(dead_id)

    async def _bury_in_steps(
        self, redis: RedisCluster, entry: Entry, group: str, fields: Sequence[str | bytes | int]
    ) -> str | None:
        """What `_BURY` does, one key at a time and in the same order."""
        if not await redis.xpending_range(entry.stream, group, min=entry.id, max=entry.id, count=1):
            return None
        dead_id = await redis.execute_command(
            "XADD", self._key, "MAXLEN", "~", self._entries_max, "*", *fields
        )
        await redis.xack(entry.stream, group, entry.id)
        return to_id(dead_id)

    async def newest(self, count: int = 100) -> list[DeadLetter]:
        """The last `count` buried entries, newest first."""
        with translated(stream=self._key):
            found: Any = await self._redis.xrevrange(self._key, count=count)
        return [_to_dead_letter(to_id(dead_id), fields) for dead_id, fields in found]

    async def find(self, dead_id: str) -> DeadLetter | None:
        """The dead letter of that id, or None if it is not there (any more)."""
        with translated(stream=self._key):
            found: Any = await self._redis.xrange(self._key, min=dead_id, max=dead_id)
        return _to_dead_letter(to_id(found[0][0]), found[0][1]) if found else None

    async def discard(self, dead_ids: Iterable[str]) -> int:
        """Remove dead letters, for instance after their replay. Returns how many were there."""
        ids = list(dead_ids)
        if not ids:
            return 0
        with translated(stream=self._key):
            return int(await self._redis.xdel(self._key, *ids))


def _to_dead_letter(dead_id: str, fields: Mapping[bytes, bytes]) -> DeadLetter:
    """Read one back, whoever wrote it: what is missing or odd becomes empty, never an error."""

    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    deliveries = text(b"deliveries")
    return DeadLetter(
        id=dead_id,
        stream=text(b"stream"),
        entry_id=text(b"id"),
        group=text(b"group"),
        reason=text(b"reason"),
        deliveries=int(deliveries) if deliveries.isdecimal() else 0,
        payload=fields.get(PAYLOAD_FIELD),
        fields={
            name.removeprefix(_RAW_PREFIX): value
            for name, value in fields.items()
            if name.startswith(_RAW_PREFIX)
        },
    )
