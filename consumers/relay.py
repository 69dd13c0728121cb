"""The relay publishes what was committed but never reached its stream.

A producer that died between the commit and the bus, or found the bus away, leaves its events
pending. So does a rebuild. Several relays may run: each takes rows that nobody else has locked.
"""

from collections.abc import Mapping, Sequence

import structlog

from bus import BusError, StreamMissing
from db import PLATFORMS, Platform, events
from db.events import Unpublished

from .parts import Parts

log = structlog.get_logger("twinstream.relay")

EVENTS_PER_STEP = 500


class Relay:
    """The role that looks for events left unpublished every `interval_ms`.

    An event younger than `after_ms` is left to its producer, which is publishing it right now.
    """

    name = "relay"

    def __init__(self, parts: Parts) -> None:
        self.pause_s = parts.community.consumers.relay_interval_ms / 1_000
        self._after_ms = parts.community.consumers.relay_after_ms
        self._pool = parts.pool
        self._publisher = parts.publisher
        self._rebuild = parts.rebuild

    def describe(self) -> Mapping[str, object]:
        """Name the interval and the limits."""
        return {
            "interval_s": self.pause_s,
            "after_ms": self._after_ms,
            "batch": EVENTS_PER_STEP,
        }

    async def step(self) -> int:
        """Publish the oldest events left over. Returns how many went out."""
        async with self._pool.acquire() as conn, conn.transaction():
            left = await events.take_unpublished(
                conn, older_than_s=self._after_ms / 1_000, limit=EVENTS_PER_STEP
            )
            published: list[str] = []
            failure: tuple[Platform, BusError] | None = None
            for source in PLATFORMS:
                mine = [event for event in left if event.source == source]
                try:
                    await self._publisher.publish(source, [event.payload for event in mine])
                    published += [event.idempotency_key for event in mine]
                except BusError as refusal:
                    published += _known_published(mine, refusal)
                    failure = (source, refusal)
            await events.mark_published(conn, published)
        if published:
            log.info("events.relayed", events=len(published))
        if failure is not None:
            source, error = failure
            if not isinstance(error, StreamMissing):
                raise error
            await self._rebuild(source)
        return len(published)


def _known_published(tried: Sequence[Unpublished], error: BusError) -> list[str]:
    return [
        event.idempotency_key
        for event, entry_id in zip(tried, error.published, strict=False)
        if entry_id is not None
    ]


async def build(parts: Parts) -> Relay:
    """Make the role `relay`."""
    return Relay(parts)
