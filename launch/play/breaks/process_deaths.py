"""Processes that are killed: the crew of the launcher starts each again, as a supervisor does."""

import time

from bus import SOURCES, Source, measure_lag
from launch.sandbox_runner import CONSUMERS, DISCORD_BOT, TELEGRAM_BOT

from .breakage import Breakage
from .condition import WELL, Look
from .scene import Scene

__all__ = ["ProcessDeath", "process_deaths"]


class ProcessDeath(Breakage):
    """SIGKILL of one of our processes. It is back once it runs and its platform heard of it."""

    def __init__(
        self,
        process: str,
        probes: tuple[Source, ...],
        *,
        heard: str = "",
        keeps: tuple[Source, ...] = SOURCES,
    ) -> None:
        """`heard` is the call by which a bot that starts registers its commands, if it is a bot."""
        self.name = f"kill-{process}"
        self.probes = probes
        self.keeps = keeps
        self._process = process
        self._heard = heard
        # The process that was killed, and the platforms' newest call at that moment.
        self._pid = 0
        self._after = 0
        self._died_at = 0.0

    async def strike(self, scene: Scene) -> float:
        """Kill it."""
        self._after = await scene.control.newest()
        self._pid = scene.crew.pid(self._process)
        scene.crew.crash(self._process)
        self._died_at = time.time()
        return self._died_at

    async def look(self, scene: Scene) -> Look:
        """Look for another process, and for its first words to its platform."""
        if scene.crew.pid(self._process) == self._pid or not scene.crew.is_running(self._process):
            return Look("ended")
        if not self._heard:
            return await self._look_at_readers(scene)
        found = await scene.control.get("/transcript", after=self._after, name=self._heard)
        is_heard = any(call["status"] in (200, 201) for call in found["calls"])
        return WELL if is_heard else Look("starting")

    async def _look_at_readers(self, scene: Scene) -> Look:
        """Look whether each group was read since the death."""
        for source in SOURCES:
            lag = await measure_lag(scene.redis, scene.keys.subscription(source))
            died_ago_ms = (time.time() - self._died_at) * 1_000
            if not any(one.idle_ms < died_ago_ms for one in lag.consumers):
                return Look("starting")
        return WELL


def process_deaths() -> tuple[Breakage, ...]:
    """Return the death of each of our processes."""
    return (
        ProcessDeath(CONSUMERS.name, ("telegram", "discord")),
        ProcessDeath(TELEGRAM_BOT.name, ("telegram",), heard="setMyCommands"),
        ProcessDeath(
            DISCORD_BOT.name,
            ("discord",),
            keeps=("telegram",),  # Discord drops a command that its bot does not answer at once
            heard="PUT /applications/{application_id}/guilds/{guild_id}/commands",
        ),
    )
