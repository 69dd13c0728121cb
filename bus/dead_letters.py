"""Dead letters: entries that cannot be applied, moved aside with the reason.

The stream is a capped mirror for people with `redis-cli`; the record of failures is in Postgres.
Nothing depends on it, so nothing that is wrong with it, and no lack of memory, stops a burial.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from .client import Client
from .entry import Entry, to_id
from .errors import answered, translated
from .keys import PAYLOAD_FIELD, Keys

#: Entries that the mirror keeps; the oldest make room for new ones.
DEAD_ENTRIES_MAX: Final = 10_000
#: Bytes of letters that the mirror keeps, roughly: as many letters as would fit if all had the size
#: of the one that is being added. No order of small and large entries makes it four times as much.
DEAD_BYTES_MAX: Final = 8 * 1_048_576
#: Bytes kept of a payload, or of the fields of an entry that has none: as many as the record keeps.
EVIDENCE_BYTES_MAX: Final = 16_384
#: Burials in one request to Redis, which holds up to `EVIDENCE_BYTES_MAX` of each.
BURIALS_MAX: Final = 500
#: Characters kept of a reason, so that a sender's text cannot fill the mirror.
REASON_CHARS_MAX: Final = 1_000
#: Fields kept of an entry without a payload: another program wrote it, and it may have any size.
FIELDS_KEPT_MAX: Final = 32

# An entry that is settled already was buried or applied by another consumer, so it is left alone.
# Redis may refuse the copy (memory, a key of another type, no id left). The copy is only a mirror,
# so the entry is acknowledged in any case. The copy comes first: Redis refuses a command for lack
# of memory only as long as its script has written nothing.
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

    def __init__(
        self,
        redis: Client,
        keys: Keys,
        *,
        entries_max: int = DEAD_ENTRIES_MAX,
        bytes_max: int = DEAD_BYTES_MAX,
    ) -> None:
        self._redis = redis
        self._key = keys.dead
        self._entries_max = entries_max
        self._bytes_max = bytes_max

    async def bury(self, entry: Entry, *, group: str, reason: str) -> Burial | None:
        """Bury one entry, as `bury_all` does."""
        [burial] = await self.bury_all([(entry, reason)], group=group)
        return burial

    async def bury_all(
        self, reasons: Sequence[tuple[Entry, str]], *, group: str
    ) -> list[Burial | None]:
        """Move entries of one stream out of the way of their group: copy and acknowledge each.

        This stream is only a mirror, so an entry of which Redis takes no copy is acknowledged as
        well. Callers first record in Postgres what has to be known of the entry later.

        In a cluster the two keys may be served by different nodes, so there the copy comes first:
        if the process dies in between, or two consumers bury the same entry at once, this stream
        has two copies.

        Returns None for an entry that was settled already. A reason is cut to `REASON_CHARS_MAX`.
        It is shown to people, so it must hold no secrets. Payloads and fields are cut to
        `EVIDENCE_BYTES_MAX` each. The oldest dead letters make room once there are about
        `entries_max`, or about `bytes_max` bytes of them.

        Raises:
            GroupMissing: Redis lost the group; the entries come again after a rebuild.
        """
        burials: list[Burial | None] = []
        for first in range(0, len(reasons), BURIALS_MAX):
            page = reasons[first : first + BURIALS_MAX]
            with translated(stream=page[0][0].stream, group=group):
                burials += await self._bury_page(page, group)
        return burials

    async def _bury_page(
        self, reasons: Sequence[tuple[Entry, str]], group: str
    ) -> list[Burial | None]:
        letters = [(entry, _letter(entry, group, reason)) for entry, reason in reasons]
        if isinstance(self._redis, RedisCluster):
            return [
                await self._bury_in_steps(self._redis, entry, group, letter)
                for entry, letter in letters
            ]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for entry, letter in letters:
                pipeline.eval(
                    *(_BURY, 2, entry.stream, self._key),
                    *(group, entry.id, self._kept(letter), *letter),
                )
            replies = answered(await pipeline.execute(raise_on_error=False))
        return [self._burial(reply) for reply in replies]

    def _burial(self, reply: Sequence[bytes | str | None] | None) -> Burial | None:
        if reply is None:
            return None
        dead_id, *why = reply
        if dead_id is not None:
            return Burial(to_id(dead_id))
        return self._uncopied(to_id(why[0] or ""))

    def _kept(self, letter: Sequence[str | bytes | int]) -> int:
        """Return how many letters the mirror may have once it has this one."""
        size = sum(len(part) for part in letter if isinstance(part, bytes | str))
        return min(self._entries_max, self._bytes_max // max(size, 1))

    async def _bury_in_steps(
        self, redis: RedisCluster, entry: Entry, group: str, fields: Sequence[str | bytes | int]
    ) -> Burial | None:
        """Do the same as `_BURY`, one key at a time and in the same order."""
        if not await redis.xpending_range(entry.stream, group, min=entry.id, max=entry.id, count=1):
            return None
        try:
            dead_id = await redis.execute_command(
                "XADD", self._key, "MAXLEN", "~", self._kept(fields), "*", *fields
            )
            burial = Burial(to_id(dead_id))
        except (RedisError, RedisClusterException, OSError) as error:
            burial = self._uncopied(str(error))
        await redis.xack(entry.stream, group, entry.id)
        return burial

    def _uncopied(self, why: str) -> Burial:
        return Burial(None, f"{self._key}: {why}; it may be deleted, the record has everything")


def _letter(entry: Entry, group: str, reason: str) -> list[str | bytes | int]:
    """Write a dead letter: names and values, in order. Pure."""
    letter: list[str | bytes | int] = [
        *("stream", entry.stream, "id", entry.id, "group", group),
        *("reason", reason[:REASON_CHARS_MAX], "deliveries", entry.deliveries),
    ]
    if entry.payload is not None:
        letter += [PAYLOAD_FIELD, entry.payload[:EVIDENCE_BYTES_MAX]]
        if len(entry.payload) > EVIDENCE_BYTES_MAX:
            letter += ["bytes", len(entry.payload)]
    return letter + [part for field in _raw_fields(entry) for part in field]


def _raw_fields(entry: Entry) -> Iterator[tuple[bytes, bytes]]:
    """Return the first fields of an entry, as far as they fit into a letter. Pure."""
    room = EVIDENCE_BYTES_MAX
    for name, value in entry.fields[:FIELDS_KEPT_MAX]:
        raw_name = (_RAW_PREFIX + name)[:room]
        room -= len(raw_name)
        yield raw_name, value[:room]
        room -= len(value)
        if room <= 0:
            return
