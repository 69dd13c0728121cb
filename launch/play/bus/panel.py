"""The panel of the bus."""

import asyncio
from collections.abc import Mapping

from launch.play.panels import Deed, Panel, Stage

__all__ = ["open_bus"]


class Bus:
    """Watches both streams, the record and the calls to the platforms."""

    name = "bus"

    def __init__(self, stage: Stage) -> None:
        self._board = stage.board
        self.deeds: Mapping[str, Deed] = {}

    async def watch(self) -> None:
        """Keep the board up to date."""
        await asyncio.Event().wait()


def open_bus(stage: Stage) -> Panel:
    """Open the panel."""
    return Bus(stage)
