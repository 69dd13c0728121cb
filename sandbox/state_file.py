"""The state file: the platforms' state on disk, from which a restarted sandbox goes on."""

import asyncio
import os
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from .errors import SeedError

__all__ = ["Saveable", "StateFile"]

#: Seconds between two saves, and so the most that a killed sandbox loses.
SAVE_SECONDS = 3.0

log = structlog.get_logger("twinstream.sandbox")


class Saveable(Protocol):
    """A platform whose state can be saved."""

    def dump(self, *, contents: bool = True) -> dict[str, Any]:
        """Return the state as JSON; without `contents`, the bytes of its files are left out."""

    def load(self, state: dict[str, Any]) -> None:
        """Replace the state by a dumped one."""


class StateFile:
    """One JSON file that holds the state of several platforms by name. Replaced atomically."""

    def __init__(self, path: Path, platforms: dict[str, Saveable]) -> None:
        self._path = path
        self._platforms = platforms
        self._written = b""

    def load(self) -> None:
        """Load the file if it exists. Raises SeedError if it cannot be used."""
        if not self._path.exists():
            return
        try:
            states = msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, Any]])
        except (OSError, msgspec.MsgspecError) as error:
            raise SeedError(f"the state {self._path.name} cannot be used: {error}") from error
        if states.keys() != self._platforms.keys():
            raise SeedError(f"the state {self._path.name} does not name both platforms")
        for name, platform in self._platforms.items():
            platform.load(states[name])
        log.info("state.loaded", file=self._path.name)

    def save(self) -> None:
        """Write the state if it has changed since the last save."""
        # The bytes of a file never change, so its id says enough; encoding 128 MB takes a second.
        outline = self._encoded(contents=False)
        if outline == self._written:
            return
        draft = self._path.with_name(self._path.name + ".part")
        draft.write_bytes(self._encoded(contents=True))
        os.replace(draft, self._path)  # noqa: PTH105 - the usual name of the atomic replacement
        self._written = outline

    def _encoded(self, *, contents: bool) -> bytes:
        state = {name: one.dump(contents=contents) for name, one in self._platforms.items()}
        return msgspec.json.encode(state, order="deterministic")

    async def save_regularly(self) -> None:
        """Save every SAVE_SECONDS until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(SAVE_SECONDS)
                self.save()
        finally:
            self.save()
