"""The panel of own bots."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from launch.play.panels import Deed, DeedRefused, Json, Panel, Stage
from launch.processes import Module
from launch.sandbox_runner import DISCORD_BOT, TELEGRAM_BOT

__all__ = ["open_bots"]

#: Seconds between two looks at our processes, which also end and start by themselves.
LOOK_S = 0.5


class OurBot(NamedTuple):
    """One of our bots: the module that is its process, and its id on the platform."""

    module: Module
    bot_id: str


class Bots:
    """Shows whether our bots run, stops them and starts them."""

    name = "bots"

    def __init__(self, stage: Stage) -> None:
        self._board = stage.board
        self._crew = stage.sandboxed.ours
        endpoints = stage.sandboxed.endpoints
        self._ours = {
            "telegram": OurBot(TELEGRAM_BOT, str(endpoints.telegram["bot_id"])),
            "discord": OurBot(DISCORD_BOT, str(endpoints.discord["application_id"])),
        }
        self._stopping: set[str] = set()
        self._stopped: set[str] = set()
        self.deeds: Mapping[str, Deed] = {"stop": self._stop, "start": self._start}

    async def watch(self) -> None:
        """Keep the board up to date."""
        while True:
            self._show()
            await asyncio.sleep(LOOK_S)

    def _show(self) -> None:
        for platform, bot in self._ours.items():
            state = self._state(platform)
            self._board.set(f"bots/ours/{platform}", {"bot_id": bot.bot_id, "state": state})

    def _state(self, platform: str) -> str:
        """Say how our bot is: `away` means that its process has ended and will be started again."""
        if platform in self._stopping:
            return "stopping"
        if platform in self._stopped:
            return "stopped"
        return "runs" if self._crew.is_running(self._ours[platform].module.name) else "away"

    async def _stop(self, asked: Json) -> Json:
        platform = self._platform(asked)
        if platform in self._stopping | self._stopped:
            raise DeedRefused("our bot is stopped already")
        self._stopping.add(platform)
        self._show()
        # A page that is closed meanwhile must not leave a process that nobody waits for.
        await asyncio.shield(asyncio.create_task(self._end(platform)))
        return {}

    async def _end(self, platform: str) -> None:
        try:
            await self._crew.end(self._ours[platform].module.name)
            self._stopped.add(platform)
        finally:
            self._stopping.discard(platform)
            self._show()

    async def _start(self, asked: Json) -> Json:
        platform = self._platform(asked)
        if platform not in self._stopped:
            raise DeedRefused("our bot runs already, or is still stopping")
        self._crew.start(self._ours[platform].module)
        self._stopped.discard(platform)
        self._show()
        return {}

    def _platform(self, asked: Json) -> str:
        platform = asked.get("platform")
        if not isinstance(platform, str) or platform not in self._ours:
            raise DeedRefused('`platform` is "telegram" or "discord"')
        return platform


def open_bots(stage: Stage) -> Panel:
    """Open the panel."""
    return Bots(stage)
