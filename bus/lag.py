"""Lag: how far a group is behind on its stream, and whether the stream's ids can be believed."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .client import Client
from .entry import ID_MAX, id_ms, id_order, to_id
from .errors import GroupMissing, translated
from .keys import Subscription

#: Unread entries are counted up to this number where Redis itself has lost count; more would hold
#: up Redis.
UNREAD_COUNTED_MAX: Final = 10_000
#: An ordinary correction of the server's clock may leave ids up to a minute ahead of it.
CLOCK_STEP_MS: Final = 60_000
#: Milliseconds by which another group may be behind: finished entries are kept so long anyway.
HELD_MS_MAX: Final = 600_000

# One script, so that the figures belong together, and one key, so that a cluster serves it.
# Redis's own lag is nil after a deletion or XGROUP SETID; then the script counts unread entries.
# No entry comes after the largest id, and Redis refuses a range that begins after it.
# KEYS: stream; ARGV: group, how many to count, the largest id. Returns nothing if there is no such
# group, else {seconds, microseconds, entries, unread, first unread id, unacknowledged, first
# unacknowledged id, consumers, last delivered id, newest id, every other group and the first id
# that it needs}; a false stands for an id that does not exist.
_MEASURE: Final = """
local found
local others = {}
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    if group['name'] == ARGV[1] then found = group
    else
      local needed = group['last-delivered-id']
      if tonumber(group['pending']) > 0 then
        needed = redis.call('XPENDING', KEYS[1], group['name'])[2]
      end
      others[#others + 1] = {group['name'], needed}
    end
  end
end
if not found then return {} end
local delivered = found['last-delivered-id']
local after = '(' .. delivered
local first, unread = nil, 0
if delivered ~= ARGV[3] then
  first = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', 1)[1]
end
if first then
  unread = found['lag'] or #redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ARGV[2])
end
local consumers = {}
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #info, 2 do consumer[info[i]] = info[i + 1] end
  consumers[#consumers + 1] = {consumer['name'], consumer['pending'], consumer['idle']}
end
local newest
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #stream, 2 do
  if stream[i] == 'last-generated-id' then newest = stream[i + 1] end
end
local now = redis.call('TIME')
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
return {now[1], now[2], redis.call('XLEN', KEYS[1]), unread, first and first[1] or false,
  pending[1], pending[2] or false, consumers, delivered, newest, others}
"""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One consumer of a group, as Redis sees it."""

    name: str
    unacknowledged: int
    #: Since it last asked for entries.
    idle_ms: int


class Holder(NamedTuple):
    """A group of another program that keeps finished entries from being trimmed."""

    group: str
    #: How long ago the entry was added at which it stands; None if that is unknown.
    behind_ms: int | None

    @property
    def has_stopped(self) -> bool:
        """Whether it is further behind than finished entries are kept anyway."""
        return self.behind_ms is None or self.behind_ms > HELD_MS_MAX


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind on its stream, at one moment.

    Ages come from ids, compared with Redis's clock. If an id is ahead of the clock, its sender
    chose it or the clock was wrong: then the age is unknown.
    """

    #: All entries of the stream, also finished ones that are not trimmed yet.
    entries: int
    #: Entries delivered to no consumer. At least this many if it equals `UNREAD_COUNTED_MAX`.
    unread: int
    #: Entries delivered and not settled.
    unacknowledged: int
    #: The age of the oldest unread entry; None if there is none, or its age is unknown.
    oldest_unread_ms: int | None
    #: As `oldest_unread_ms`, for the oldest unacknowledged entry.
    oldest_unacknowledged_ms: int | None
    consumers: tuple[Consumer, ...]
    #: The first entry that is not settled, in the order of the stream; None if all are settled.
    first_unfinished: str | None
    #: The last id that the stream gave or took. Redis adds no smaller id any more.
    newest: str
    #: How far `newest` is ahead of Redis's clock; 0 if it is not.
    ahead_ms: int
    #: The group stands after `newest`, so no new entry reaches it. `repair_stream` puts it back.
    is_beyond_end: bool
    #: The group of another program that is furthest behind, if it is behind this one.
    held_by: Holder | None = None

    @property
    def behind(self) -> int:
        """How many entries are not finished."""
        return self.unread + self.unacknowledged

    @property
    def oldest_ms(self) -> int | None:
        """How long the oldest unfinished entry has waited; 0 if the group is up to date.

        None if it waits and its age is unknown.
        """
        if self.first_unfinished is None:
            return 0
        known = (self.oldest_unread_ms, self.oldest_unacknowledged_ms)
        return max((age for age in known if age is not None), default=None)

    @property
    def trouble(self) -> str | None:
        """Say what is wrong with the stream's ids, if they tell no times or no entry fits in."""
        if self.newest == ID_MAX:
            return "takes no more entries, because it holds the largest id there is"
        if self.ahead_ms > CLOCK_STEP_MS:
            return f"has ids {told_ahead(self.ahead_ms)} ahead of the Redis clock"
        return None


def told_ahead(ahead_ms: int) -> str:
    """Write a time ahead of the clock for people: `3 hours`, or minutes if it is less. Pure."""
    minutes = ahead_ms // 60_000
    return f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"


async def measure_lag(redis: Client, subscription: Subscription) -> Lag:
    """Measure how far a group is behind, in one round trip.

    Raises:
        GroupMissing: the group or the stream does not exist.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        reply: Any = await redis.eval(_MEASURE, 1, stream, group, UNREAD_COUNTED_MAX, ID_MAX)
    if not reply:
        raise GroupMissing(stream, group)
    seconds, microseconds, entries, unread, first_unread, pending, first_pending = reply[:7]
    consumers, delivered, newest, others = reply[7:]
    unfinished = [to_id(first) for first in (first_pending, first_unread) if first is not None]
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
        first_unfinished=min(unfinished, key=id_order, default=None),
        newest=to_id(newest),
        ahead_ms=max(id_ms(to_id(newest)) - now_ms, 0),
        is_beyond_end=id_order(to_id(delivered)) > id_order(to_id(newest)),
        held_by=_holder(now_ms, first_pending or delivered, others),
    )


def _holder(
    now_ms: int, needed: bytes | str, others: list[tuple[bytes | str, bytes | str]]
) -> Holder | None:
    """Find the group that is furthest behind, if it still needs more than `needed` and later."""
    if not others:
        return None
    group, first = min(others, key=lambda other: id_order(to_id(other[1])))
    if id_order(to_id(first)) >= id_order(to_id(needed)):
        return None
    return Holder(to_id(group), _age(now_ms, first))


def _age(now_ms: int, entry_id: bytes | str | None) -> int | None:
    if entry_id is None or id_ms(to_id(entry_id)) > now_ms:
        return None
    return now_ms - id_ms(to_id(entry_id))
