"""How far a group is behind."""

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from .entry import id_ms, to_id
from .errors import GroupMissing, answered, translated
from .keys import Subscription

#: How far unread entries are counted where Redis itself has lost count.
UNREAD_COUNTED_MAX: Final = 10_000

# KEYS: stream; ARGV: last delivered id, how many at most. The entries stay inside Redis.
_COUNT_AFTER: Final = "return #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])"


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


async def measure_lag(redis: Redis, subscription: Subscription) -> Lag:
    """Measure it. Costs two round trips, three where Redis does not know its own lag.

    Raises:
        GroupMissing: the group or the stream does not exist.
    """
    stream, group = subscription
    with translated(stream=stream, group=group):
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.time()
            pipeline.xlen(stream)
            pipeline.xinfo_groups(stream)
            pipeline.xinfo_consumers(stream, group)
            pipeline.xpending(stream, group)
            replies = await pipeline.execute(raise_on_error=False)
        time, entries, groups, consumers, pending = answered(replies)
        info = _info(groups, subscription)
        delivered = to_id(info["last-delivered-id"])
        first_unread = await redis.xrange(stream, min=f"({delivered}", count=1)
        unread = await _unread(redis, stream, delivered, info) if first_unread else 0
    now_ms = int(time[0]) * 1_000 + int(time[1]) // 1_000
    return Lag(
        entries=int(entries),
        unread=unread,
        unacknowledged=int(pending["pending"]),
        oldest_unread_ms=_age(now_ms, first_unread[0][0] if first_unread else None),
        oldest_unacknowledged_ms=_age(now_ms, pending["min"]),
        consumers=tuple(
            Consumer(to_id(each["name"]), int(each["pending"]), int(each["idle"]))
            for each in consumers
        ),
    )


def _info(groups: list[dict[str, Any]], subscription: Subscription) -> dict[str, Any]:
    for info in groups:
        if to_id(info["name"]) == subscription.group:
            return info
    raise GroupMissing(*subscription)


async def _unread(redis: Redis, stream: str, delivered: str, info: dict[str, Any]) -> int:
    """Redis's own count, or ours where it says nil, as after a deletion or XGROUP SETID."""
    known = info.get("lag")
    if known is not None:
        return int(known)
    return int(await redis.eval(_COUNT_AFTER, 1, stream, delivered, UNREAD_COUNTED_MAX))


def _age(now_ms: int, entry_id: bytes | str | None) -> int | None:
    return None if entry_id is None else max(now_ms - id_ms(to_id(entry_id)), 0)
