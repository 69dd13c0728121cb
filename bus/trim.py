"""Trimming: drops entries that every group has read and acknowledged, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.cluster import RedisCluster

from .client import Client
from .entry import ID_MAX, id_ms, to_id
from .errors import AccessDenied, GroupMissing, ServerUnfit, StreamMissing, translated

#: Finished entries stay for half an hour, for people who look at them and for cheap re-reads.
KEEP_MS: Final = 30 * 60_000
#: The share of its memory that Redis may use before finished entries stay for nobody. Redis refuses
#: entries at 1.0, and a minute passes between two looks.
MEMORY_SHARE_MAX: Final = 0.9
#: Entries that one step removes (10,000 take about 2 ms), so that Redis serves others in between.
TRIM_ENTRIES_MAX: Final = 10_000
#: The least that a step may be limited to: with a limit, Redis removes whole nodes of (by default)
#: 100 entries.
TRIM_ENTRIES_MIN: Final = 1_000

# The floor is the lowest id that any group still needs: its oldest unacknowledged entry, or else
# its last delivered one. Groups that we do not expect count too: their readers rely on the same.
# They come second, so one of them is named only if it needs more than all of ours.
# An expected group that is missing has read nothing, so the script refuses. An id tells the age of
# its entry only if the server's clock gave it, so the caller may pass an id that it knows to be
# old. Ids are compared as text, by length and then by digits: Lua's numbers are inexact above 2^53.
# KEYS: stream; ARGV: keep ms, entries at most, the largest id, an id known to be old enough or '',
# every group that must exist.
# Returns {'ok', removed, left, floor, group that holds it, newest id, now ms}, {'group', missing
# one} or {'stream'}.
_TRIM: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {'stream'} end
local function less(a, b) if #a ~= #b then return #a < #b end return a < b end
local function before(x, y)
  local x_ms, x_seq = string.match(x, '^(%d+)-(%d+)$')
  local y_ms, y_seq = string.match(y, '^(%d+)-(%d+)$')
  return less(x_ms, y_ms) or (x_ms == y_ms and less(x_seq, y_seq))
end
local expected = {}
for i = 5, #ARGV do expected[ARGV[i]] = true end
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local floor, holder = string.format('%.0f-0', math.max(now_ms - tonumber(ARGV[1]), 0)), ''
if tonumber(ARGV[1]) == 0 then floor = ARGV[3] end
if ARGV[4] ~= '' and before(floor, ARGV[4]) then floor = ARGV[4] end
local ours, others = {}, {}
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  local list = expected[group['name']] and ours or others
  list[#list + 1] = group
  expected[group['name']] = nil
end
for i = 1, #ours + #others do
  local group = ours[i] or others[i - #ours]
  local needed = group['last-delivered-id']
  if tonumber(group['pending']) > 0 then
    needed = redis.call('XPENDING', KEYS[1], group['name'])[2]
  end
  if before(needed, floor) then floor, holder = needed, group['name'] end
end
local missing = next(expected)
if missing then return {'group', missing} end
local removed
if redis.call('XLEN', KEYS[1]) <= tonumber(ARGV[2]) then
  removed = redis.call('XTRIM', KEYS[1], 'MINID', floor)
else
  removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', floor, 'LIMIT', ARGV[2])
end
local newest
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #stream, 2 do
  if stream[i] == 'last-generated-id' then newest = stream[i + 1] end
end
return {'ok', removed, redis.call('XLEN', KEYS[1]), floor, holder, newest,
  string.format('%.0f', now_ms)}
"""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The result of one step of trimming."""

    removed: int
    left: int
    #: The first id that was kept.
    floor: str
    #: The group whose position is the floor, or None if the age alone set it.
    held_by: str | None
    #: The last id that the stream gave or took.
    newest: str
    #: How far `newest` is ahead of Redis's clock; 0 if it is not.
    ahead_ms: int


async def trim_stream(
    redis: Client,
    stream: str,
    groups: Sequence[str],
    *,
    keep_ms: int = KEEP_MS,
    entries_max: int = TRIM_ENTRIES_MAX,
    old_id: str | None = None,
) -> Trimmed:
    """Remove entries older than `keep_ms` that every group acknowledged, in one bounded step.

    Call it again while it removes as much as it may; one call removes at most `entries_max`. An
    entry is never removed while any group has still to read or to acknowledge it.

    Ids that are ahead of Redis's clock tell no ages, so by the clock such entries are never old. A
    caller that saw an id as `newest` at least `keep_ms` ago passes that id as `old_id`.

    Raises:
        GroupMissing: one of `groups` does not exist; nothing was removed.
        StreamMissing: there is no such stream.
        ValueError: no groups, or `entries_max` below `TRIM_ENTRIES_MIN`.
    """
    if not groups:
        raise ValueError("name every group that must have read the stream")
    if entries_max < TRIM_ENTRIES_MIN:
        raise ValueError(f"entries_max={entries_max}, the least is {TRIM_ENTRIES_MIN}")
    with translated(stream=stream):
        outcome, *rest = await redis.eval(
            _TRIM, 1, stream, keep_ms, entries_max, ID_MAX, old_id or "", *groups
        )
    match to_id(outcome):
        case "stream":
            raise StreamMissing(stream)
        case "group":
            raise GroupMissing(stream, to_id(rest[0]))
    removed, left, floor, holder, newest, now_ms = rest
    return Trimmed(
        int(removed),
        int(left),
        to_id(floor),
        held_by=to_id(holder) or None,
        newest=to_id(newest),
        ahead_ms=max(id_ms(to_id(newest)) - int(now_ms), 0),
    )


async def is_short_of_memory(redis: Client) -> bool:
    """Tell whether a server of the bus has used `MEMORY_SHARE_MAX` of the memory that it may use.

    False if it has no limit, or does not say: an operator may have renamed or denied INFO.
    """
    try:
        with translated():
            if isinstance(redis, RedisCluster):
                found: Any = await redis.info("memory", target_nodes=RedisCluster.PRIMARIES)
                each = [found] if "maxmemory" in found else list(found.values())
            else:
                each = [await redis.info("memory")]
    except (AccessDenied, ServerUnfit):
        return False
    return any(_is_nearly_used_up(one) for one in each)


def _is_nearly_used_up(memory: dict[str, Any]) -> bool:
    limit = int(memory.get("maxmemory", 0))
    return limit > 0 and int(memory.get("used_memory", 0)) >= limit * MEMORY_SHARE_MAX
