"""How far a group is behind."""

from dataclasses import dataclass
from typing import Any, Final

from .client import Client
from .entry import id_ms, to_id
from .errors import GroupMissing, translated
from .keys import Subscription

#: How far unread entries are counted where Redis itself has lost count.
UNREAD_COUNTED_MAX: Final = 10_000

# One step, so that the figures belong together, and one key, so that a cluster serves it.
# What Redis says of its own lag is nil after a deletion or XGROUP SETID; then unread entries are
# counted here.
# KEYS: stream; ARGV: group, how many to count. Returns nothing if there is no such group, else
# {seconds, microseconds, entries, unread, first unread id, unacknowledged, first unacknowledged id,
# consumers}; a false stands for an id that does not exist.
_MEASURE: Final = """
local found
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    if group['name'] == ARGV[1] then found = group end
  end
end
if not found then return {} end
local after = '(' .. found['last-delivered-id']
local first = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', 1)[1]
local unread = 0
if first then
  unread = found['lag'] or #redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ARGV[2])
end
local consumers = {}
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #info, 2 do consumer[info[i]] = info[i + 1] end
  consumers[#consumers + 1] = {consumer['name'], consumer['pending'], consumer['idle']}
end
local now = redis.call('TIME')
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
return {now[1], now[2], redis.call('XLEN', KEYS[1]), unread, first and first[1] or false,
  pending[1], pending[2] or false, consumers}
"""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer of a group, as Redis sees it."""

    name: str
    unacknowledged: int
    #: Since it last asked for entries.
    idle_ms: int


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind on its stream, at one moment. Ages are by Redis's clock."""

    #: Everything in the stream, finished and not yet trimmed entries included.
    entries: int
    #: Not delivered to anyone. At least this many if it equals `UNREAD_COUNTED_MAX`.
    unread: int
    #: Delivered and not settled.
    unacknowledged: int
    #: Since the oldest unread entry was added; None if there is none.
    oldest_unread_ms: int | None
    #: Since the oldest unacknowledged entry was added; None if there is none.
    oldest_unacknowledged_ms: int | None
    consumers: tuple[Consumer, ...]

    @property
    def behind(self) -> int:
        """How many entries are not finished."""
        return self.unread + self.unacknowledged

    @property
    def oldest_ms(self) -> int:
        """How long the oldest unfinished entry has waited; 0 if the group is up to date."""
        return max(self.oldest_unread_ms or 0, self.oldest_unacknowledged_ms or 0)


async def measure_lag(redis: Client, subscription: Subscription) -> Lag:
    """Measure it, in one round trip.

    Raises:
        GroupMissing: the group or the stream does not exist.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        reply: Any = await redis.eval(_MEASURE, 1, stream, group, UNREAD_COUNTED_MAX)
    if not reply:
        raise GroupMissing(stream, group)
    seconds, microseconds, entries, unread, first_unread, pending, first_pending, consumers = reply
    now_ms = int(seconds) * 1_000 + int(microseconds) // 1_000
    return Lag(
        entries=int(entries),
        unread=int(unread),
        unacknowledged=int(pending),
        oldest_unread_ms=_age(now_ms, first_unread),
        oldest_unacknowledged_ms=_age(now_ms, first_pending),
        consumers=tuple(
            Consumer(to_id(name), int(held), int(idle)) for name, held, idle in consumers
        ),
    )


def _age(now_ms: int, entry_id: bytes | str | None) -> int | None:
    return None if entry_id is None else max(now_ms - id_ms(to_id(entry_id)), 0)
