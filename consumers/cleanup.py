"""Keeping Redis and the record free of what nobody needs any more.

Entries that every group has settled are trimmed once they are old enough that nobody wants to look
at them, and once a day a round through the record removes what is older still. What is needed is
never touched, however old it is. Several of these roles may run: each is safe beside any other.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog

from bus import (
    SOURCES,
    GroupMissing,
    StreamMissing,
    Subscription,
    remove_idle_consumers,
    trim_stream,
)
from db import attempts

from . import metrics
from .parts import Parts
from .rounds import Rounds
from .transactions import transaction

log = structlog.get_logger("twinstream.cleanup")

#: A consumer that has asked for nothing for so long, and holds nothing, is run by nobody.
CONSUMER_IDLE_S: Final = 24 * 3_600
#: Entries are settled or buried within minutes; what was counted so long ago is gone from Redis.
ATTEMPTS_KEPT_S: Final = 7 * 24 * 3_600
ATTEMPTS_PER_STEP: Final = 1_000


class Cleanup:
    """The role that trims the streams every `cleanup_interval_ms`, and the record once a day."""

    def __init__(self, parts: Parts) -> None:
        limits = parts.community.consumers
        self.pause_s = limits.cleanup_interval_ms / 1_000
        self._keep_ms = limits.keep_finished_ms
        self._pool = parts.pool
        self._redis = parts.redis
        self._subscriptions = [parts.keys.subscription(source) for source in SOURCES]
        self._rounds = Rounds(parts.pool, parts.community.cleanup, parts.stop)
        #: Streams that cannot be trimmed, which is told once.
        self._refused: set[str] = set()

    def describe(self) -> Mapping[str, object]:
        """Name the interval, and for how long things are kept."""
        return {
            **self._rounds.describe(),
            "trim_interval_s": self.pause_s,
            "keep_finished_s": self._keep_ms / 1_000,
            "consumer_idle_s": CONSUMER_IDLE_S,
            "attempts_kept_s": ATTEMPTS_KEPT_S,
        }

    async def step(self) -> int:
        """Do one bounded round. Returns how much was removed."""
        removed = 0
        for subscription in self._subscriptions:
            try:
                removed += await self._tidy(subscription)
            except (GroupMissing, StreamMissing) as error:
                self._refuse(subscription, error)
        async with transaction(self._pool) as conn:
            removed += await attempts.forget_old_attempts(
                conn, older_than_s=ATTEMPTS_KEPT_S, limit=ATTEMPTS_PER_STEP
            )
        return removed + await self._rounds.step()

    async def _tidy(self, subscription: Subscription) -> int:
        stream, group = subscription
        trimmed = await trim_stream(self._redis, stream, [group], keep_ms=self._keep_ms)
        self._refused.discard(stream)
        if trimmed.removed:
            metrics.TRIMMED.labels(stream).inc(trimmed.removed)
            log.info("stream.trimmed", stream=stream, removed=trimmed.removed, left=trimmed.left)
        gone = await remove_idle_consumers(
            self._redis, subscription, idle_ms=CONSUMER_IDLE_S * 1_000
        )
        if gone:
            log.info("consumers.removed", stream=stream, group=group, names=gone)
        return trimmed.removed + len(gone)

    def _refuse(self, subscription: Subscription, error: GroupMissing | StreamMissing) -> None:
        """Say once that a stream is left alone until the relay or a consumer has built it anew."""
        if subscription.stream not in self._refused:
            log.warning("stream.not_trimmed", stream=subscription.stream, why=str(error))
        self._refused.add(subscription.stream)


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Cleanup]:
    """Open the role `cleanup`."""
    yield Cleanup(parts)
