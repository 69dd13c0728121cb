"""Rebuilding streams: publishes again what Redis lost. Postgres holds all that is needed for it."""

import asyncio
from typing import NamedTuple, Protocol

import asyncpg
import structlog

from bus import (
    Client,
    GroupMissing,
    Keys,
    Lag,
    StreamExhausted,
    Subscription,
    ensure_group,
    group_exists,
    measure_lag,
    repair_stream,
)
from bus.entry import id_order
from db import Platform
from db.errors import mapped_errors
from db.ledger import outbox

from . import metrics
from .transactions import transaction

log = structlog.get_logger("twinstream.rebuild")

#: An event is marked as published after it is on its stream, so the mark is no older than the
#: entry. Different clocks measure the two ages; they may drift apart by this many seconds.
LOST_MARGIN_S = 5.0
#: Lost events that one transaction makes pending again, so that it stays short.
LOST_STEP = 20_000


class Mender(Protocol):
    """The call of a role whose stream, or the group of it, is gone or of no use."""

    async def __call__(self, source: Platform) -> None:
        """See to it that the stream of `source` and its group are there again.

        Raises:
            BusError, StorageUnavailable, Contention: not now; try again later.
        """
        ...


class LeftToRelay:
    """The mender of a process without the relay: another process creates streams again.

    Such a process may read a stream and needs no permission to add to it or to create it.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def __call__(self, source: Platform) -> None:
        """Wait for the process that runs the relay.

        Raises:
            GroupMissing: always; the runner waits, longer each time.
        """
        raise GroupMissing(*self._keys.subscription(source), "the relay creates it again")


class _Place(NamedTuple):
    """The end of a stream at one moment: no entry added before that moment is after `newest`."""

    newest: str
    at_s: float


class Rebuild:
    """Finds out what Redis lost, and has the relay publish it again."""

    def __init__(self, pool: asyncpg.Pool, redis: Client, keys: Keys) -> None:
        self._pool = pool
        self._redis = redis
        self._keys = keys
        self._one_at_a_time = asyncio.Lock()
        #: The end of each stream at an earlier check, until all entries before it are settled.
        self._places: dict[Platform, _Place] = {}
        #: All entries that were added to a stream before this moment are settled, or were lost.
        self._settled_until_s: dict[Platform, float] = {}

    async def __call__(self, source: Platform) -> None:
        """Create the stream of `source` again if it or its group is missing, or repair it.

        The events become pending before the group is created: after a crash in between the group
        is still missing, and the next check does both again. Nothing is published meanwhile,
        because producers create no streams. Events that were delivered before the loss are
        published a second time, and take effect once.

        Raises:
            BusError, StorageUnavailable, Contention: not now; the next check does it.
        """
        subscription = self._keys.subscription(source)
        async with self._one_at_a_time:
            if await group_exists(self._redis, subscription):
                await repair(self._redis, subscription)
                return
            unfinished = await self._unpublish(source)
            if await ensure_group(self._redis, subscription):
                # At the first start of a deployment nothing was lost.
                log_at = log.warning if unfinished else log.info
                log_at("stream.built", stream=subscription.stream, unfinished_events=unfinished)

    async def publish_unfinished_again(self, source: Platform) -> int:
        """Have all unfinished events of `source` published again, lost or not.

        Returns how many events these are. An event that is on the stream after all takes effect
        once. A stream whose ids are ahead of Redis's clock gets new ones.

        Raises:
            BusError, StorageUnavailable, Contention: not now.
        """
        subscription = self._keys.subscription(source)
        unfinished = await self._unpublish(source)
        if not await ensure_group(self._redis, subscription):
            await repair(self._redis, subscription, renew_ids=True)
        return unfinished

    async def look_for_lost(self, source: Platform) -> int:
        """Make pending again what Redis lost silently. Returns how many events these were.

        A failover or a power cut may cost a stream its newest entries and leave the rest in place.
        All entries before the first unfinished entry of a stream are settled; without an unfinished
        entry, all are. So an event that was marked as published before the first unfinished entry
        was added, and is not completed, is on no stream any more. The entry's id does not tell when
        it was added, because senders may choose ids. It only tells that the entry was added after
        those that an earlier check saw.

        Raises:
            GroupMissing, StreamMissing: the whole stream is lost: rebuild it.
            BusError, StorageUnavailable, Contention: not now; the next check does it.
        """
        await repair(self._redis, self._keys.subscription(source))
        lost = await self._take_back_lost(source)
        total = lost
        while lost == LOST_STEP:
            lost = await self._take_back_lost(source)
            total += lost
        if total:
            metrics.LOST.labels(source).inc(total)
            log.warning("events.lost_by_redis", source=source, events=total)
        return total

    async def _take_back_lost(self, source: Platform) -> int:
        """Do one bounded step of `look_for_lost`."""
        looked_at_s = _now_s()
        lag = await self._lag(source)
        if lag.first_unfinished is None:
            self._places.pop(source, None)
            self._settled_until_s[source] = looked_at_s
            return await self._take_back_all(source)
        settled_until_s = self._settled_until(source, lag, lag.first_unfinished, looked_at_s)
        if settled_until_s is None:
            return 0
        # An age, so that our clock and that of Postgres need not agree.
        settled_s_ago = _now_s() - settled_until_s
        async with transaction(self._pool) as conn:
            return await outbox.unpublish_old(
                conn, source, published_s_ago=settled_s_ago + LOST_MARGIN_S, limit=LOST_STEP
            )

    def _settled_until(
        self, source: Platform, lag: Lag, first_unfinished: str, looked_at_s: float
    ) -> float | None:
        """Return the moment before which no entry was added that is still unfinished, if known.

        Redis orders a stream by ids, even if senders chose them, so their order can be believed,
        and the times in them cannot.
        """
        place = self._places.get(source)
        if place is not None and id_order(lag.newest) < id_order(place.newest):
            place = None  # the stream lost its end, or was created again
        if place is not None and id_order(place.newest) < id_order(first_unfinished):
            self._settled_until_s[source] = place.at_s
            place = None
        self._places[source] = place or _Place(lag.newest, looked_at_s)
        return self._settled_until_s.get(source)

    async def _take_back_all(self, source: Platform) -> int:
        """Make all published events pending again, if the stream has no backlog even then."""
        try:
            async with transaction(self._pool) as conn:
                lost = await outbox.unpublish_old(
                    conn, source, published_s_ago=None, limit=LOST_STEP
                )
                # Asked again after the events were selected and locked: an event on its way shows
                # up as unfinished, because it cannot be settled until this transaction ends.
                if not lost or (await self._lag(source)).first_unfinished is not None:
                    raise _NothingLost
        except _NothingLost:
            return 0
        return lost

    async def _unpublish(self, source: Platform) -> int:
        with mapped_errors():
            async with self._pool.acquire() as conn:
                return await outbox.unpublish(conn, source)

    async def _lag(self, source: Platform) -> Lag:
        return await measure_lag(self._redis, self._keys.subscription(source))


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def make_ready(redis: Client, subscription: Subscription) -> None:
    """Create a stream and its group, or repair them if they exist and are of no use."""
    if not await ensure_group(redis, subscription):
        await repair(redis, subscription)


async def repair(redis: Client, subscription: Subscription, *, renew_ids: bool = False) -> None:
    """Repair a stream (`repair_stream`), and log what was wrong.

    Raises:
        StreamExhausted: it takes no entries, and consumers have to settle some of it first.
        StreamMissing, GroupMissing, AccessDenied: as `repair_stream`.
    """
    stream, group = subscription
    repaired = await repair_stream(redis, subscription, renew_ids=renew_ids)
    if repaired.moved is not None:
        log.warning(
            "stream.recreated",
            stream=stream,
            unfinished_entries=repaired.moved,
            why="its ids told no times" if renew_ids else "it held the largest id there is",
        )
    if repaired.waits:
        raise StreamExhausted(stream)
    if repaired.group_put_back:
        log.warning(
            "group.reset", stream=stream, group=group, why="it stood after the stream's end"
        )


class _NothingLost(Exception):
    """Rolls back: no event was touched."""
