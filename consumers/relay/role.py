"""The relay publishes events that were committed and that no producer publishes.

Programs that record events in SQL leave them to the relay, and Postgres notifies it of each commit.
A producer that died between the commit and the bus, or found the bus away, leaves its events
pending. A rebuild makes events pending that Redis lost, and this role also checks for such losses.
Several relays may run: each takes rows that no other transaction has locked.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import asyncpg
import structlog

from bus import (
    BusError,
    GroupMissing,
    PayloadTooLarge,
    ServerUnfit,
    StreamExhausted,
    StreamMissing,
)
from config import ConfigError
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.runner import unless_stopped
from consumers.runtime.transactions import transaction
from db import PLATFORMS, BadDatabaseUrl, Platform
from db.ledger import events, outbox
from db.ledger.outbox import Unpublished
from db.sessions.notifications import Notifications, listening

log = structlog.get_logger("twinstream.relay")

#: Events that one transaction publishes. While it lasts, their rows are locked.
EVENTS_PER_STEP = 500


class Relay:
    """The role that publishes pending events at a notification, and every `relay_interval_ms`.

    A producer's event younger than `relay_after_ms` is left to the producer, which is publishing it
    now. Each platform has a batch of its own, so a stream that takes nothing holds up no other.
    """

    pause_s = 0.0

    def __init__(self, resources: Resources, notifications: Notifications | None = None) -> None:
        self._notifications = notifications or Notifications()
        self._stop = resources.stop
        self._interval_s = resources.community.consumers.relay_interval_ms / 1_000
        #: The last step found nothing, so the next one waits for something.
        self._was_idle = False
        self._after_s = resources.community.consumers.relay_after_ms / 1_000
        self._pool = resources.pool
        self._publisher = resources.publisher
        self._rebuild = resources.rebuild
        self._look_for_lost_s = resources.community.consumers.look_for_lost_ms / 1_000
        self._clock = asyncio.get_running_loop().time
        self._look_for_lost_at = self._clock() + self._look_for_lost_s
        #: Why a stream takes nothing, as it was logged last.
        self._logged: dict[Platform, str] = {}

    def describe(self) -> Mapping[str, object]:
        """Name the interval and the limits."""
        return {
            "interval_s": self._interval_s,
            "after_s": self._after_s,
            "batch": EVENTS_PER_STEP,
            "look_for_lost_s": self._look_for_lost_s,
        }

    async def step(self) -> int:
        """Publish the oldest pending events. Returns how many were published or refused.

        After a step that found none, it first waits for a notification or for the interval.

        Raises:
            BusError: a stream takes nothing, and the other had no pending events.
        """
        if self._was_idle:
            self._was_idle = False
            await unless_stopped(self._stop, self._notifications.wait(self._interval_s))
        obstacles: dict[Platform, BusError] = {}
        if self._clock() >= self._look_for_lost_at:
            for source in PLATFORMS:
                with self._obstacle_to(obstacles, source):
                    await self._look_for_lost(source)
            self._look_for_lost_at = self._clock() + self._look_for_lost_s
        dealt_with = 0
        for source in PLATFORMS:
            with self._obstacle_to(obstacles, source):
                dealt_with += await self._publish_left(source)
        if dealt_with:
            log.info("events.relayed", events=dealt_with)
        self._log_news(obstacles)
        if obstacles and not dealt_with:
            raise next(iter(obstacles.values()))
        self._was_idle = not dealt_with
        return dealt_with

    @contextlib.contextmanager
    def _obstacle_to(self, obstacles: dict[Platform, BusError], source: Platform) -> Iterator[None]:
        """Note an error of one platform's stream, so that the other's events go on."""
        try:
            yield
        except ServerUnfit:
            raise
        except BusError as error:
            obstacles[source] = error

    def _log_news(self, obstacles: Mapping[Platform, BusError]) -> None:
        reasons = {source: str(error) for source, error in obstacles.items()}
        for source, why in reasons.items():
            if self._logged.get(source) != why:
                log.warning("events.not_relayed", source=source, why=why)
        self._logged = reasons

    async def _look_for_lost(self, source: Platform) -> None:
        try:
            await self._rebuild.look_for_lost(source)
        except (GroupMissing, StreamMissing):
            await self._rebuild(source)

    async def _publish_left(self, source: Platform) -> int:
        """Publish the oldest events of one platform. Returns how many were published or refused.

        A stream that is missing, or takes no more entries, is rebuilt; the next step publishes.
        """
        obstacle: BusError | None = None
        async with transaction(self._pool) as conn:
            left = await outbox.take_unpublished(
                conn, source, older_than_s=self._after_s, limit=EVENTS_PER_STEP
            )
            try:
                done = await self._publish(conn, source, left)
            except BusError as error:
                done = await _mark(conn, _known_published(left, error))
                obstacle = error
        metrics.RELAYED.labels(source).inc(done)
        if isinstance(obstacle, StreamMissing | StreamExhausted):
            await self._rebuild(source)
        elif obstacle is not None:
            raise obstacle
        return done

    async def _publish(
        self, conn: asyncpg.Connection, source: Platform, left: Sequence[Unpublished]
    ) -> int:
        try:
            await self._publisher.publish(source, [event.payload for event in left])
        except PayloadTooLarge as error:
            # Only a row that a person or another program wrote is so large. Others must go on.
            event = left[error.index]
            await events.fail(
                conn,
                idempotency_key=event.idempotency_key,
                source=source,
                type="unknown",
                payload=event.payload,
                error_message=str(error),
            )
            log.error("event.refused", key=event.idempotency_key, why=str(error))
            return 1
        return await _mark(conn, [event.idempotency_key for event in left])


async def _mark(conn: asyncpg.Connection, keys: Sequence[str]) -> int:
    if keys:
        await outbox.mark_published(conn, keys)
    return len(keys)


def _known_published(tried: Sequence[Unpublished], error: BusError) -> list[str]:
    return [
        event.idempotency_key
        for event, entry_id in zip(tried, error.published, strict=False)
        if entry_id is not None
    ]


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Relay]:
    """Open the role `relay`.

    Raises:
        ConfigError: DATABASE_LISTEN_URL cannot be read.
    """
    address, setting = resources.settings.session_address()
    async with contextlib.AsyncExitStack() as stack:
        try:
            notifications = await stack.enter_async_context(listening(address, setting=setting))
        except BadDatabaseUrl as error:
            raise ConfigError(str(error)) from error
        yield Relay(resources, notifications)
