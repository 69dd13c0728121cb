"""Dead letters: entries that cannot be applied, moved aside with the reason.

The stream is a capped mirror for people with `redis-cli`; the record of failures is in Postgres.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from .client import Client
from .entry import Entry, to_id
from .errors import translated
from .keys import PAYLOAD_FIELD, Keys

#: Entries that the mirror keeps; the oldest make room for new ones.
DEAD_ENTRIES_MAX: Final = 10_000
#: Characters kept of a reason, so that a sender's text cannot fill the mirror.
REASON_CHARS_MAX: Final = 1_000
#: Fields kept of an entry without a payload: another program wrote it, and it may have any size.
FIELDS_KEPT_MAX: Final = 32

# An entry that is settled already was buried or applied by another consumer, so it is left alone.
# Redis may refuse the copy (memory, a key of another type, no id left). The copy is only a mirror,
# so the entry is acknowledged in any case.
# KEYS: stream, dead; ARGV: group, id, cap, then fields and values. Returns nothing if the entry is
# settled already, else {the copy's id, or false, and why there is none}.
_BURY: Final = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return false end
local dead = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if type(dead) == 'table' then return {false, tostring(dead['err'])} end
return {dead}
"""
_RAW_PREFIX: Final = b"raw:"


class Burial(NamedTuple):
    """The result of burying an entry."""

    #: The dead letter's id, or None if Redis took no copy.
    dead_id: str | None
    #: Why Redis took no copy, and what to do so that it takes the next one.
    why_no_copy: str | None = None


class DeadLetters:
    """The dead-letter stream of one deployment. Does not own the client."""

    def __init__(self, redis: Client, keys: Keys, *, entries_max: int = DEAD_ENTRIES_MAX) -> None:
        self._redis = redis
        self._key = keys.dead
        self._entries_max = entries_max

    async def bury(self, entry: Entry, *, group: str, reason: str) -> Burial | None:
        """Move an entry out of the way of its group: copy it here, and acknowledge it.

        This stream is only a mirror, so an entry of which Redis takes no copy is acknowledged as
        well. Callers first record in Postgres what has to be known of the entry later.

        In a cluster the two keys may be served by different nodes, so there the copy comes first:
        if the process dies in between, or two consumers bury the same entry at once, this stream
        has two copies.

        Returns None if the entry was settled already. The reason is cut to `REASON_CHARS_MAX`. It
        is shown to people, so it must hold no secrets. The oldest dead letters make room once
        there are about `entries_max`.

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
            reply = await self._redis.eval(
                _BURY, 2, entry.stream, self._key, group, entry.id, self._entries_max, *fields
            )
        if reply is None:
            return None
        dead_id, *why = reply
        return Burial(to_id(dead_id)) if dead_id is not None else self._uncopied(to_id(why[0]))

    async def _bury_in_steps(
        self, redis: RedisCluster, entry: Entry, group: str, fields: Sequence[str | bytes | int]
    ) -> Burial | None:
        """Do the same as `_BURY`, one key at a time and in the same order."""
        if not await redis.xpending_range(entry.stream, group, min=entry.id, max=entry.id, count=1):
            return None
        try:
            dead_id = await redis.execute_command(
                "XADD", self._key, "MAXLEN", "~", self._entries_max, "*", *fields
            )
            burial = Burial(to_id(dead_id))
        except (RedisError, RedisClusterException, OSError) as error:
            burial = self._uncopied(str(error))
        await redis.xack(entry.stream, group, entry.id)
        return burial

    def _uncopied(self, why: str) -> Burial:
        return Burial(None, f"{self._key}: {why}; it may be deleted, the record has everything")
