"""Gauges: measures streams, events and surfaces for the metrics of this process."""

import contextlib
import math
from collections.abc import AsyncIterator, Mapping
from typing import Final

from bus import SOURCES, BusError, CommandRefused, Subscription, measure_lag
from db import PLATFORMS, DbError, stop_signs
from db.surfaces import display_visits
from db.upkeep import status

from . import metrics
from .resources import Resources
from .transactions import transaction

#: Seconds between two measurements: less than the interval at which Prometheus usually asks.
INTERVAL_S: Final = 10.0


class Gauges:
    """Measures every ten seconds. A figure that cannot be measured is NaN, never stale."""

    pause_s = INTERVAL_S

    def __init__(self, resources: Resources) -> None:
        self._pool = resources.pool
        self._redis = resources.redis
        self._subscriptions = [resources.keys.subscription(source) for source in SOURCES]

    def describe(self) -> Mapping[str, object]:
        """Name the interval."""
        return {"interval_s": self.pause_s}

    async def step(self) -> int:
        """Measure everything once. An outage is a figure, not an error."""
        up = [await self._measure_stream(subscription) for subscription in self._subscriptions]
        metrics.UP.labels("redis").set(all(up))
        metrics.UP.labels("postgres").set(await self._measure_postgres())
        return 0

    async def _measure_stream(self, subscription: Subscription) -> bool:
        unread = unacknowledged = oldest_s = ahead_s = math.nan
        try:
            lag = await measure_lag(self._redis, subscription)
            unread, unacknowledged = lag.unread, lag.unacknowledged
            oldest_s = math.nan if lag.oldest_ms is None else lag.oldest_ms / 1_000
            ahead_s = lag.ahead_ms / 1_000
        except CommandRefused:
            return True  # Redis answers; the roles of this stream log what is wrong
        except BusError:
            return False
        finally:
            stream = subscription.stream
            metrics.UNREAD.labels(stream).set(unread)
            metrics.UNACKNOWLEDGED.labels(stream).set(unacknowledged)
            metrics.OLDEST_SECONDS.labels(stream).set(oldest_s)
            metrics.AHEAD_SECONDS.labels(stream).set(ahead_s)
        return True

    async def _measure_postgres(self) -> bool:
        counts = dict.fromkeys(status.UNCOMPLETED, math.nan)
        waiting = dict.fromkeys(PLATFORMS, math.nan)
        is_stopped = math.nan
        try:
            async with transaction(self._pool) as conn:
                counts.update(await status.uncompleted_events(conn))
                is_stopped = await stop_signs.read(conn) is not None
            for platform in PLATFORMS:
                waiting[platform] = await display_visits.waiting(self._pool, platform)
        except DbError:
            return False
        finally:
            for name, count in counts.items():
                metrics.EVENTS.labels(name).set(count)
            metrics.STOP_SIGN.set(is_stopped)
            for platform, count in waiting.items():
                metrics.SURFACES_WAITING.labels(platform).set(count)
        return True


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Gauges]:
    """Open it like a role. Operators cannot name it; the process runs it with its metrics."""
    yield Gauges(resources)
