"""The panels of the page: each fills the board under its own name, and offers deeds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from launch.sandbox_runner import RunningSandbox
from launch.workspace import Workspace

from .board import Board

__all__ = ["Deed", "DeedRefused", "Json", "Panel", "Stage", "kept_up"]

Json = dict[str, Any]
#: A deed gets the JSON that the page sent, and returns what the page gets.
Deed = Callable[[Json], Awaitable[Json]]
#: Seconds until a panel whose watch has failed is watched again; doubled up to RETRY_MAX_S, and the
#: first again for one that ran for longer than that.
RETRY_S = 1.0
RETRY_MAX_S = 60.0


class DeedRefused(Exception):
    """A deed cannot be done; the message is a sentence for the person at the page."""


class Stage(NamedTuple):
    """The deployment that the panels show and touch, and the board that they show it on."""

    board: Board
    workspace: Workspace
    sandboxed: RunningSandbox
    say: Callable[[str], None]


class Panel(Protocol):
    """One panel. Its objects on the board are those below its name: "bus/...", "breaks/...".

    A deed `kill` of the panel `breaks` is done by `POST /api/breaks/kill`.
    """

    @property
    def name(self) -> str:
        """The panel's name, which is also that of its folder of assets."""

    @property
    def deeds(self) -> Mapping[str, Deed]:
        """The deeds that the page may ask for, by name."""

    async def watch(self) -> None:
        """Keep the board up to date, until cancelled."""


async def kept_up(panel: Panel, say: Callable[[str], None]) -> None:
    """Watch a panel, and begin again when it fails, after growing pauses."""
    loop = asyncio.get_running_loop()
    pause_s = RETRY_S
    while True:
        began = loop.time()
        try:
            await panel.watch()
            return
        except Exception as error:  # noqa: BLE001 - the page survives any failure of a panel
            say(f"The panel {panel.name} failed and begins again: {type(error).__name__}: {error}")
        if loop.time() - began > RETRY_MAX_S:
            pause_s = RETRY_S
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, RETRY_MAX_S)
