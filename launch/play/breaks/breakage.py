"""A breakage: how one thing is broken, looked at, and mended."""

from abc import ABC, abstractmethod

from bus import SOURCES, Source
from launch.errors import LaunchError

from .condition import Look
from .scene import Scene

__all__ = ["Breakage"]


class Breakage(ABC):
    """One thing that can be broken.

    Its methods may raise `LaunchError`, `DbError` and `BusError`; a look that does is one that saw
    nothing, and is repeated.
    """

    name: str
    """Its name on the board and in the deeds."""
    probes: tuple[Source, ...] = ()
    """The platforms from which new XP must cross over before it counts as healed."""
    keeps: tuple[Source, ...] = SOURCES
    """The platforms whose commands are done in the end, however long they have to wait."""
    lasts: bool = False
    """Whether it outlives the launcher, so that a new start may find it broken."""

    def hindrance(self, scene: Scene) -> str:
        """Say why it cannot be broken from here; empty if it can."""
        return ""

    @abstractmethod
    async def strike(self, scene: Scene) -> float:
        """Break it. Returns the moment from which on it is broken, in Unix seconds."""

    @abstractmethod
    async def look(self, scene: Scene) -> Look:
        """Look at the damage."""

    async def mend(self, scene: Scene) -> None:
        """Do what a person would do about it.

        Raises:
            LaunchError: it heals by itself only, or the platform refused.
        """
        raise LaunchError("this heals by itself")
