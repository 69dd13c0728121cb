"""Groups: creating and finding them, and removing consumers that no process runs any more."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from .client import Client
from .entry import to_id
from .errors import GroupMissing, StreamMissing, translated
from .keys import PAYLOAD_FIELD, Subscription

#: A consumer that holds nothing and asked for nothing for a day belongs to no living process.
CONSUMER_IDLE_MS: Final = 24 * 3_600_000
#: Consumers removed in one call, so that Redis serves others in between.
CONSUMERS_REMOVED_MAX: Final = 1_000

# DELCONSUMER drops what its consumer has not acknowledged. A look first and a deletion afterwards
# would lose an entry that is delivered in between, so the script does both in one step.
# KEYS: stream; ARGV: group, idle ms, how many at most. Returns the names removed.
_REMOVE_IDLE: Final = """
local removed = {}
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #info, 2 do consumer[info[i]] = info[i + 1] end
  if consumer['pending'] == 0 and consumer['idle'] >= tonumber(ARGV[2])
      and #removed < tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    removed[#removed + 1] = consumer['name']
  end
end
return removed
"""


async def ensure_group(redis: Client, subscription: Subscription) -> bool:
    """Create the group, and the stream with it, unless it exists. Returns whether it was created.

    A new group starts at the first entry, never at `$`, so entries that were published before it
    existed are delivered. A second delivery does no harm; a lost entry would.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        try:
            await redis.xgroup_create(stream, group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
    return True


async def find_group(redis: Client, subscription: Subscription) -> Mapping[str, Any] | None:
    """Return the group's fields as redis-py names them; None if there is no such group.

    Raises:
        StreamMissing, GroupMissing: the stream does not exist either.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        groups: list[dict[str, Any]] = await redis.xinfo_groups(stream)
    return next((info for info in groups if to_id(info["name"]) == group), None)


async def group_exists(redis: Client, subscription: Subscription) -> bool:
    """Tell whether the group exists. If it does not, Redis is new or lost data."""
    try:
        return await find_group(redis, subscription) is not None
    except (StreamMissing, GroupMissing):
        return False


async def deliver_again(redis: Client, subscription: Subscription) -> None:
    """Have the group read its stream once more from the first entry, finished ones included.

    Raises:
        GroupMissing: there is no such group.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        await redis.xgroup_setid(stream, group, "0")


async def entries_after(
    redis: Client, stream: str, after: str, *, limit: int
) -> Sequence[tuple[str, bytes | None]]:
    """Return the next entries of a stream: their ids, and the payloads of those that have one.

    The first page is after `0-0`. For looking only: an entry is not delivered by it.
    """
    with translated(stream=stream):
        found: Any = await redis.xrange(stream, min=f"({after}", count=limit)
    return [(to_id(raw_id), fields.get(PAYLOAD_FIELD)) for raw_id, fields in found]


async def remove_idle_consumers(
    redis: Client, subscription: Subscription, *, idle_ms: int = CONSUMER_IDLE_MS
) -> list[str]:
    """Remove consumers that hold no entry and have not asked for one for `idle_ms`.

    A consumer that holds entries stays, however long it has been away: other consumers claim them
    first. Removing a consumer that is alive after all does no harm: its next read creates it again.

    Raises:
        GroupMissing: there is no such group.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        removed = await redis.eval(_REMOVE_IDLE, 1, stream, group, idle_ms, CONSUMERS_REMOVED_MAX)
    return [to_id(name) for name in removed]
