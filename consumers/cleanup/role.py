"""Cleanup: keeps Redis and Postgres free of entries and rows that no process needs any more.

Entries that every group has settled are trimmed once they are `keep_finished_ms` old. Once a day a
round through Postgres removes finished rows that are older than the retention. Rows and entries
that a process still needs stay, however old they are. Every ten minutes a round numbers long
boards. Several of these roles may run: each is safe beside any other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

import structlog

from bus import (
    CLOCK_STEP_MS,
    SOURCES,
    AccessDenied,
    BusError,
    CommandRefused,
    GroupMissing,
    ServerUnfit,
    StreamMissing,
    Subscription,
    Trimmed,
    is_short_of_memory,
    remove_idle_consumers,
    told_ahead,
    trim_stream,
)
from bus.entry import id_order
from consumers.runtime import metrics
from consumers.runtime.operator_commands import command
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db.ledger import delivery_attempts
from db.surfaces import clock_steps
from db.upkeep import expired_codes, old_thanks

from .board_places import ROUND_S, PlaceRounds
from .row_removal import Rounds

log = structlog.get_logger("twinstream.cleanup")

#: A consumer that holds nothing and asked for nothing for a day belongs to no living process.
CONSUMER_IDLE_S: Final = 24 * 3_600
#: Entries are settled or buried within minutes, so the entry of a count that is a week old is gone.
ATTEMPTS_KEPT_S: Final = 7 * 24 * 3_600
#: Counts that one step deletes, so that its transaction stays short.
ATTEMPTS_PER_STEP: Final = 1_000
#: Expired codes that one step deletes, and as many old offers and counts of wrong codes.
CODES_PER_STEP: Final = 1_000
#: Old thanks that one step deletes, and as many reactions.
RECOGNITION_PER_STEP: Final = 1_000
#: Days for which reactions are remembered beyond the age of messages whose reactions count.
REACTION_DAYS_MORE: Final = 2
#: Transactions in which one step brings back times that are ahead, so that it ends within seconds.
CLOCK_BATCHES_PER_STEP: Final = 100

#: Seconds between two looks at streams while Redis is short of memory.
SHORT_OF_MEMORY_S: Final = 1.0


class _Seen(NamedTuple):
    """The newest id of a stream and when we saw it: all entries up to it are older than that."""

    newest: str
    at_s: float


class _Age:
    """Knows which entries of one stream are old, even if their ids tell no times.

    It notes the newest id, waits until `keep_s` have passed on our own clock, and notes the next.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._clock = asyncio.get_running_loop().time
        self._seen: _Seen | None = None
        #: All entries up to this id are old.
        self.old_id: str | None = None

    def note(self, newest: str) -> None:
        """Note the newest id of the stream, as it is now."""
        now_s = self._clock()
        if self._seen is not None and id_order(newest) < id_order(self._seen.newest):
            self._seen = self.old_id = None  # the stream was created again
        if self._seen is not None and now_s >= self._seen.at_s + self._keep_s:
            self.old_id, self._seen = self._seen.newest, None
        self._seen = self._seen or _Seen(newest, now_s)


class Cleanup:
    """The role that trims streams every `cleanup_interval_ms`, and cleans Postgres once a day."""

    def __init__(self, resources: Resources) -> None:
        limits = resources.community.consumers
        self._interval_s = limits.cleanup_interval_ms / 1_000
        self._keep_ms = limits.keep_finished_ms
        reactions = resources.community.earning.reactions
        self._reaction_days = reactions.age_days + REACTION_DAYS_MORE
        self._pool = resources.pool
        self._redis = resources.redis
        self._subscriptions = [resources.keys.subscription(source) for source in SOURCES]
        self._places = PlaceRounds(resources.pool)
        self._rounds = Rounds(resources.pool, resources.community.cleanup, resources.stop)
        self._ages = {stream: _Age(self._keep_ms / 1_000) for stream, _ in self._subscriptions}
        #: Streams that cannot be trimmed. Each is logged once.
        self._refused: set[str] = set()
        #: Streams whose ids are ahead of the clock. Each is logged once.
        self._ahead: set[str] = set()
        #: The other program's group that keeps a stream from being trimmed. Each is logged once.
        self._holders: dict[str, str] = {}
        #: Redis has used nearly all memory that it may, so finished entries go at once.
        self._is_short_of_memory = False

    @property
    def pause_s(self) -> float:
        """The interval between two steps, in seconds; a short one while Redis needs room."""
        if self._is_short_of_memory:
            return min(self._interval_s, SHORT_OF_MEMORY_S)
        return self._interval_s

    def describe(self) -> Mapping[str, object]:
        """Name the interval, and for how long things are kept."""
        return {
            **self._rounds.describe(),
            "trim_interval_s": self._interval_s,
            "keep_finished_s": self._keep_ms / 1_000,
            "consumer_idle_s": CONSUMER_IDLE_S,
            "attempts_kept_s": ATTEMPTS_KEPT_S,
            "places_interval_s": ROUND_S,
            "offers_kept_s": expired_codes.OFFERS_KEPT_DAYS * 24 * 3_600,
            "thanks_kept_s": old_thanks.THANKS_KEPT_DAYS * 24 * 3_600,
            "reactions_kept_s": self._reaction_days * 24 * 3_600,
        }

    async def step(self) -> int:
        """Trim and clean one bounded amount. Returns how much was removed."""
        removed = 0
        await self._look_at_memory()
        for subscription in self._subscriptions:
            try:
                removed += await self._tidy(subscription)
            except ServerUnfit:
                raise
            except (GroupMissing, StreamMissing, CommandRefused, AccessDenied) as error:
                self._refuse(subscription, error)
        await self._look_at_times()
        async with transaction(self._pool) as conn:
            removed += await delivery_attempts.forget_old_attempts(
                conn, older_than_s=ATTEMPTS_KEPT_S, limit=ATTEMPTS_PER_STEP
            )
            removed += await expired_codes.remove(conn, limit=CODES_PER_STEP)
            removed += await old_thanks.remove(
                conn, reactions_kept_days=self._reaction_days, limit=RECOGNITION_PER_STEP
            )
        await self._places.step()
        return removed + await self._rounds.step()

    async def _tidy(self, subscription: Subscription) -> int:
        stream, group = subscription
        age = self._ages[stream]
        trimmed = await trim_stream(
            self._redis,
            stream,
            [group],
            keep_ms=0 if self._is_short_of_memory else self._keep_ms,
            old_id=age.old_id,
        )
        age.note(trimmed.newest)
        self._refused.discard(stream)
        self._log_if_ahead(stream, trimmed)
        self._log_if_held(subscription, trimmed)
        if trimmed.removed:
            metrics.TRIMMED.labels(stream).inc(trimmed.removed)
            log.info("stream.trimmed", stream=stream, removed=trimmed.removed, left=trimmed.left)
        gone = await remove_idle_consumers(
            self._redis, subscription, idle_ms=CONSUMER_IDLE_S * 1_000
        )
        if gone:
            log.info("consumers.removed", stream=stream, group=group, names=gone)
        return trimmed.removed + len(gone)

    async def _look_at_memory(self) -> None:
        """Note whether Redis has room; log once that it has none, and once that it has again."""
        was_short, self._is_short_of_memory = (
            self._is_short_of_memory,
            await is_short_of_memory(self._redis),
        )
        if self._is_short_of_memory and not was_short:
            log.warning("redis.filled", why="finished entries are trimmed at once to make room")
        elif was_short and not self._is_short_of_memory:
            log.info("redis.relieved")

    async def _look_at_times(self) -> None:
        brought_back = 0
        for _ in range(CLOCK_BATCHES_PER_STEP):
            async with transaction(self._pool) as conn:
                batch = await clock_steps.bring_back(conn)
            brought_back += batch
            if not batch:
                break
        if brought_back:
            log.warning(
                "surfaces.postdated",
                surfaces=brought_back,
                why="the clock of Postgres was set back: their times were ahead of it",
            )

    def _log_if_held(self, subscription: Subscription, trimmed: Trimmed) -> None:
        """Log once which group of another program keeps finished entries, and once that it ended.

        Entries that are too young to be trimmed are held by no group.
        """
        stream, group = subscription
        holder = trimmed.held_by if trimmed.held_by != group else None
        if holder == self._holders.get(stream):
            return
        if holder is None:
            del self._holders[stream]
            log.info("stream.released", stream=stream)
            return
        self._holders[stream] = holder
        log.warning(
            "stream.held",
            stream=stream,
            held_by=holder,
            since=trimmed.floor,
            why=f"{stream} has a group {holder} of another program, which has not acknowledged"
            f" what ours has, so nothing is trimmed; see {command('doctor')}",
        )

    def _log_if_ahead(self, stream: str, trimmed: Trimmed) -> None:
        """Log once that a stream's ids tell no ages, and once that they do again."""
        if trimmed.ahead_ms > CLOCK_STEP_MS and stream not in self._ahead:
            self._ahead.add(stream)
            log.warning(
                "stream.postdated",
                stream=stream,
                newest=trimmed.newest,
                why=f"{stream} has ids {told_ahead(trimmed.ahead_ms)} ahead of the Redis clock, so"
                f" the ages of its entries are unknown; see {command('doctor')}",
            )
        elif not trimmed.ahead_ms and stream in self._ahead:
            self._ahead.discard(stream)
            log.info("stream.recovered", stream=stream)

    def _refuse(self, subscription: Subscription, error: BusError) -> None:
        """Log once that a stream is left alone until the relay or a consumer has rebuilt it."""
        if subscription.stream not in self._refused:
            log.warning("stream.not_trimmed", stream=subscription.stream, why=str(error))
        self._refused.add(subscription.stream)


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Cleanup]:
    """Open the role `cleanup`."""
    yield Cleanup(resources)
