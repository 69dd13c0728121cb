"""Repair of streams that take no more entries, and of groups that no new entry reaches.

Every user that may add to a stream may choose an id, and Redis adds nothing after the largest id.
Every user that may move a group may set it after the end of its stream, where no new entry reaches
it.
"""

from dataclasses import dataclass
from typing import Final

from .client import Client
from .entry import ID_MAX, to_id
from .errors import GroupMissing, StreamMissing, translated
from .keys import PAYLOAD_FIELD, Subscription

#: Unfinished entries moved in one step, which takes Redis about 50 ms. While there are more,
#: consumers settle them first.
MOVED_ENTRIES_MAX: Final = 10_000
#: Fields of an entry that are moved as they are. Lua hands on about 8,000 words; of an entry with
#: more fields than this, only the fields that may carry an event are moved, or else the first ones,
#: as evidence.
FIELDS_MOVED_MAX: Final = 1_000
#: Fields kept of such an entry, as many as a dead letter keeps.
FIELDS_KEPT_MAX: Final = 32

# The script deletes the key and creates it again in one step, so no entry is added or delivered in
# between. Commands that could fail run before the deletion, because a script that ends early undoes
# nothing.
# Unfinished entries keep their ids, unless those are ahead of the clock. Their groups begin at the
# start, so these entries are delivered again, which takes effect once.
# KEYS: stream; ARGV: the group that must exist, the largest id, entries at most, fields at most,
# fields kept, the payload's field, '1' to renew ids that are ahead of the clock as well.
# Returns {'stream'}, {'group'}, {'many'}, or {'ok', entries moved or -1, 1 if the group
# was put back}.
_REPAIR: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {'stream'} end
local function named(list)
  local by_name = {}
  for i = 1, #list, 2 do by_name[list[i]] = list[i + 1] end
  return by_name
end
local function less(a, b) if #a ~= #b then return #a < #b end return a < b end
local function before(x, y)
  local x_ms, x_seq = string.match(x, '^(%d+)-(%d+)$')
  local y_ms, y_seq = string.match(y, '^(%d+)-(%d+)$')
  return less(x_ms, y_ms) or (x_ms == y_ms and less(x_seq, y_seq))
end
local newest = named(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
local groups, expected = {}, nil
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = named(info)
  groups[#groups + 1] = group
  if group['name'] == ARGV[1] then expected = group end
end
if not expected then return {'group'} end
local now = redis.call('TIME')
local next_ms = string.format('%.0f-0',
  tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) + 1)
local is_ahead = not before(newest, next_ms)
if newest ~= ARGV[2] and not (ARGV[7] == '1' and is_ahead) then
  if not before(newest, expected['last-delivered-id']) then return {'ok', -1, 0} end
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '0')
  return {'ok', -1, 1}
end

local ids, known, limit = {}, {}, tonumber(ARGV[3])
local function add(id)
  if not known[id] then
    known[id] = true
    ids[#ids + 1] = id
  end
end
for _, group in ipairs(groups) do
  for _, one in ipairs(redis.call('XPENDING', KEYS[1], group['name'], '-', '+', limit + 1)) do
    add(one[1])
  end
  local delivered = group['last-delivered-id']
  if delivered ~= ARGV[2] then
    local unread = redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', limit + 1)
    for _, one in ipairs(unread) do add(one[1]) end
  end
end
if #ids > limit then return {'many'} end
table.sort(ids, before)
local entries = {}
for _, id in ipairs(ids) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then entries[#entries + 1] = entry end
end
local function movable(fields)
  if #fields <= 2 * tonumber(ARGV[4]) then return fields end
  local kept, first = {}, {}
  for i = 1, #fields, 2 do
    local into = fields[i] == ARGV[6] and kept or first
    if #into < 2 * tonumber(ARGV[5]) then
      into[#into + 1] = fields[i]
      into[#into + 1] = fields[i + 1]
    end
  end
  return #kept > 0 and kept or first
end

local function refused(reply, as_it_should)
  return type(reply) == 'table' and reply['err']
    and not string.find(tostring(reply['err']), as_it_should) and reply
end
local no = refused(redis.pcall('XADD', KEYS[1], '0-0', ARGV[6], ''), 'must be greater than 0%-0')
  or refused(redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0'), 'BUSYGROUP')
if no then return no end
redis.call('DEL', KEYS[1])
for _, group in ipairs(groups) do
  redis.call('XGROUP', 'CREATE', KEYS[1], group['name'], '0', 'MKSTREAM')
end
for _, entry in ipairs(entries) do
  local id = before(entry[1], next_ms) and entry[1] or '*'
  redis.call('XADD', KEYS[1], id, unpack(movable(entry[2])))
end
return {'ok', #entries, 0}
"""


@dataclass(frozen=True, slots=True)
class Repaired:
    """The result of repairing a stream."""

    #: How many unfinished entries the new stream holds; None if the old one was left in place.
    moved: int | None
    #: The group stood after the end of the stream, and now reads it again from the start.
    group_put_back: bool
    #: The stream takes no entries, and has too many unfinished ones to be replaced in one step.
    waits: bool = False


async def repair_stream(
    redis: Client, subscription: Subscription, *, renew_ids: bool = False
) -> Repaired:
    """Create a stream again that takes no more ids, and put back a group that is beyond its end.

    All unfinished entries and all groups are on the new stream; finished entries are not. A stream
    in order is left as it is. Any number of processes may call it at once.

    With `renew_ids` it also replaces a stream whose ids are ahead of Redis's clock, so that ids
    tell ages again. An operator decides that, because only a person knows whether the clock is
    right.

    Raises:
        StreamMissing, GroupMissing: there is nothing to repair: create the groups.
        AccessDenied: this user may not run every command that it takes; nothing was changed.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        outcome, *rest = await redis.eval(
            _REPAIR,
            1,
            stream,
            *(group, ID_MAX, MOVED_ENTRIES_MAX, FIELDS_MOVED_MAX, FIELDS_KEPT_MAX, PAYLOAD_FIELD),
            "1" if renew_ids else "",
        )
    match to_id(outcome):
        case "stream":
            raise StreamMissing(stream)
        case "group":
            raise GroupMissing(stream, group)
        case "many":
            return Repaired(None, group_put_back=False, waits=True)
    moved, put_back = (int(one) for one in rest)
    return Repaired(None if moved < 0 else moved, group_put_back=bool(put_back))
