"""Servers that are stopped or emptied: the watchdog starts them, the relay fills Redis again."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator

from bus import SOURCES, group_exists, measure_lag, ping
from bus.errors import translated
from launch.errors import LaunchError
from launch.sandbox_runner import CONSUMERS
from launch.waiting import until
from launch.watchdog import Watchdog

from . import record
from .breakage import Breakage
from .condition import WELL, Look
from .scene import Scene

__all__ = ["EmptyRedis", "ServerOutage", "server_outages"]

#: Seconds for which a server stays stopped: long enough to see members wait, and not bored.
DOWN_S = 8.0
#: Seconds until a server is looked at that is there and does not answer.
ANSWER_S_MAX = 1.0
#: Seconds in which two rewards reach the streams, unless something else is broken as well.
UNSETTLED_S_MAX = 3.0

NOT_OURS = "not-ours"


class ServerOutage(Breakage):
    """A clean stop of Redis or Postgres, which lasts DOWN_S seconds or until a person ends it."""

    probes = SOURCES

    def __init__(self, server: str) -> None:
        self.name = f"stop-{server}"
        # Without Postgres, members are told that it could not be counted.
        self.keeps = () if server == "postgres" else SOURCES
        self._server = server
        self._end = 0.0

    def hindrance(self, scene: Scene) -> str:
        """Say that another program started the server, if one did."""
        return _not_ours(scene, self._server)

    async def strike(self, scene: Scene) -> float:
        """Stop it, and have it started again in a while."""
        began = time.time()
        watchdog = self._watchdog(scene)
        # The server comes back even if the page is gone by then.
        asyncio.get_running_loop().call_later(DOWN_S, watchdog.release)
        self._end = began + DOWN_S
        await watchdog.keep_down()
        return began

    async def look(self, scene: Scene) -> Look:
        """Look for an answer."""
        if time.time() < self._end:
            return Look("stopped", hand="may")
        if not self._watchdog(scene).is_running():
            return Look("starting")
        async with asyncio.timeout(ANSWER_S_MAX):
            if self._server == "redis":
                await ping(scene.redis)
            else:
                await record.newest_event(scene.pool)
        return WELL

    async def mend(self, scene: Scene) -> None:
        """Let it start now."""
        self._end = 0.0
        self._watchdog(scene).release()

    def _watchdog(self, scene: Scene) -> Watchdog:
        watchdog = scene.watchdog(self._server)
        if watchdog is None:
            raise LaunchError(f"this launcher did not start {self._server}")
        return watchdog


class EmptyRedis(Breakage):
    """FLUSHALL while entries wait on both streams, so that they are lost with them."""

    name = "empty-redis"
    probes = SOURCES

    def hindrance(self, scene: Scene) -> str:
        """Say that another program started Redis, if one did: other data may be in it."""
        return _not_ours(scene, "redis")

    async def strike(self, scene: Scene) -> float:
        """Hold the consumers, let Robin earn on both platforms, and empty Redis."""
        with _held(scene):
            for source in SOURCES:
                await scene.company.reward(source, 1)
            with contextlib.suppress(LaunchError):
                await until(
                    "an unsettled entry on each stream",
                    lambda: _are_unsettled(scene),
                    timeout_s=UNSETTLED_S_MAX,
                )
            with translated():
                await scene.redis.flushall()
            return time.time()

    async def look(self, scene: Scene) -> Look:
        """Look for the streams and their groups."""
        for source in SOURCES:
            if not await group_exists(scene.redis, scene.keys.subscription(source)):
                return Look("streams")
        return WELL


def _not_ours(scene: Scene, server: str) -> str:
    return NOT_OURS if scene.watchdog(server) is None else ""


@contextlib.contextmanager
def _held(scene: Scene) -> Iterator[None]:
    """Stop the consumers (SIGSTOP) within the block."""
    pid = scene.crew.pid(CONSUMERS.name)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _are_unsettled(scene: Scene) -> bool:
    lags = [await measure_lag(scene.redis, scene.keys.subscription(one)) for one in SOURCES]
    return all(lag.unread or lag.unacknowledged for lag in lags)


def server_outages() -> tuple[Breakage, ...]:
    """Return what can happen to the servers."""
    return (ServerOutage("redis"), EmptyRedis(), ServerOutage("postgres"))
