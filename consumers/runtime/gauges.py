"""Gauges: measures streams, events and surfaces for the metrics of this process."""

import contextlib
import itertools
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from bus import SOURCES, BusError, CommandRefused, Holder, Subscription, measure_lag, ping
from db import PLATFORMS, DbError, stop_signs
from db.earning import windows
from db.reconcile import drift, passes
from db.reconcile.drift import Held
from db.surfaces import display_visits
from db.upkeep import status

from . import metrics
from .resources import Resources
from .transactions import transaction

#: Seconds between two measurements: less than the interval at which Prometheus usually asks.
INTERVAL_S: Final = 10.0

#: Held findings that are counted at each measurement: counting millions takes a second.
HELD_COUNTED_MAX: Final = 10_000


class Gauges:
    """Measures every ten seconds. A figure that cannot be measured is NaN, never stale.

    Streams, events and surfaces are measured by processes with the relay. The others say whether
    the servers answer: the same figure from each of them would be the same alert from each.
    """

    pause_s = INTERVAL_S

    def __init__(self, resources: Resources, *, has_relay: bool = True) -> None:
        self._has_relay = has_relay
        self._pool = resources.pool
        self._redis = resources.redis
        self._began_at = time.time()
        self._pass_interval_s = resources.community.reconcile.interval_ms / 1_000
        self._subscriptions = [resources.keys.subscription(source) for source in SOURCES]
        #: The group of another program that holds a stream, while one does.
        self._holders: dict[str, str] = {}

    def describe(self) -> Mapping[str, object]:
        """Name the interval."""
        return {"interval_s": self.pause_s}

    async def step(self) -> int:
        """Measure everything once. An outage is a figure, not an error."""
        if not self._has_relay:
            metrics.UP.labels("redis").set(await self._redis_answers())
            metrics.UP.labels("postgres").set(await self._postgres_answers())
            return 0
        up = [await self._measure_stream(subscription) for subscription in self._subscriptions]
        metrics.UP.labels("redis").set(all(up))
        metrics.UP.labels("postgres").set(await self._measure_postgres())
        return 0

    async def _redis_answers(self) -> bool:
        try:
            await ping(self._redis)
        except CommandRefused:
            return True
        except BusError:
            return False
        return True

    async def _postgres_answers(self) -> bool:
        try:
            async with transaction(self._pool) as conn:
                await stop_signs.read(conn)
        except DbError:
            return False
        return True

    async def _measure_stream(self, subscription: Subscription) -> bool:
        unread = unacknowledged = oldest_s = ahead_s = math.nan
        holder = None
        try:
            lag = await measure_lag(self._redis, subscription)
            unread, unacknowledged = lag.unread, lag.unacknowledged
            oldest_s = math.nan if lag.oldest_ms is None else lag.oldest_ms / 1_000
            ahead_s = lag.ahead_ms / 1_000
            holder = lag.held_by
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
            self._tell_holder(stream, holder)
        return True

    def _tell_holder(self, stream: str, holder: Holder | None) -> None:
        """Set the figure of the group that holds a stream; remove that of a group that let go."""
        known = self._holders.pop(stream, None)
        if known is not None and (holder is None or holder.group != known):
            metrics.HELD_SECONDS.remove(stream, known)
        if holder is not None:
            self._holders[stream] = holder.group
            behind_s = math.nan if holder.behind_ms is None else holder.behind_ms / 1_000
            metrics.HELD_SECONDS.labels(stream, holder.group).set(behind_s)

    async def _measure_postgres(self) -> bool:
        counts = dict.fromkeys(status.UNCOMPLETED, math.nan)
        waiting = dict.fromkeys(PLATFORMS, math.nan)
        parked = dict.fromkeys(PLATFORMS, math.nan)
        held = dict.fromkeys(_held([]), math.nan)
        opened = dict.fromkeys(PLATFORMS, (math.nan, math.nan))
        is_stopped = finished_at = math.nan
        try:
            async with transaction(self._pool) as conn:
                counts.update(await status.uncompleted_events(conn))
                is_stopped = await stop_signs.read(conn) is not None
                held.update(_held(await drift.held(conn, counted_max=HELD_COUNTED_MAX)))
                age_s = await passes.age_of_last_s(conn)
                opened.update(await windows.open_windows(conn))
            finished_at = self._began_at if age_s is None else time.time() - age_s
            for platform in PLATFORMS:
                waiting[platform] = await display_visits.waiting(self._pool, platform)
                parked[platform] = await display_visits.parked(self._pool, platform)
        except DbError:
            return False
        finally:
            for name, count in counts.items():
                metrics.EVENTS.labels(name).set(count)
            metrics.STOP_SIGN.set(is_stopped)
            metrics.PASS_FINISHED.set(finished_at)
            metrics.PASS_INTERVAL_SECONDS.set(self._pass_interval_s)
            for labels, count in held.items():
                metrics.FINDINGS_HELD.labels(*labels).set(count)
            for platform in PLATFORMS:
                metrics.WINDOWS_OPEN.labels(platform).set(opened[platform][0])
                metrics.WINDOW_AGE_SECONDS.labels(platform).set(opened[platform][1])
                metrics.SURFACES_WAITING.labels(platform).set(waiting[platform])
                metrics.SURFACES_PARKED.labels(platform).set(parked[platform])
        return True


def _held(found: Sequence[Held]) -> dict[tuple[str, str], float]:
    """Add up held findings by platform and cause; all zero where there are none."""
    sums: dict[tuple[str, str], float] = {}
    for platform, cause in itertools.product(PLATFORMS, metrics.HELD_FOR):
        sums[platform, cause] = 0.0
    for one in found:
        sums[one.platform, one.held_for or "too_much"] += one.findings
    return sums


@contextlib.asynccontextmanager
async def open_role(resources: Resources, *, has_relay: bool) -> AsyncIterator[Gauges]:
    """Open it like a role. Operators cannot name it; the process runs it with its metrics."""
    yield Gauges(resources, has_relay=has_relay)
