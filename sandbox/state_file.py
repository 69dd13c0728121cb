"""Keeping the world in a file, so that a restarted sandbox goes on where it was."""

import asyncio
import os
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from .errors import SeedError

__all__ = ["Saveable", "StateFile"]

SAVE_SECONDS = 3.0

log = structlog.get_logger("twinstream.sandbox")


class Saveable(Protocol):
    """A platform whose state can be kept."""

    def dump(self) -> dict[str, Any]:
        """The state as JSON."""

    def load(self, state: dict[str, Any]) -> None:
        """Take over a dumped state."""


class StateFile:
    """One JSON file that holds the state of several platforms by name. Replaced atomically."""

    def __init__(self, path: Path, platforms: dict[str, Saveable]) -> None:
        self._path = path
        self._platforms = platforms
        self._written = b""

    def load(self) -> None:
        """Take over the file if there is one; SeedError if it cannot be used."""
        if not self._path.exists():
            return
        try:
            states = msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, Any]])
        except (OSError, msgspec.MsgspecError) as error:
            raise SeedError(f"the state {self._path.name} cannot be used: {error}") from error
        if states.keys() != self._platforms.keys():
            raise SeedError(f"the state {self._path.name} is not one of a sandbox")
        for name, platform in self._platforms.items():
            platform.load(states[name])
        log.info("state.loaded", file=self._path.name)

    def save(self) -> None:
        """Write the state, if it is not what was written last."""
        state = {name: platform.dump() for name, platform in self._platforms.items()}
        encoded = msgspec.json.encode(state, order="deterministic")
        if encoded == self._written:
            return
        draft = self._path.with_name(self._path.name + ".part")
        draft.write_bytes(encoded)
        os.replace(draft, self._path)  # noqa: PTH105 - the atomic one by its usual name
        self._written = encoded

    async def save_regularly(self) -> None:
        """Save every three seconds until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(SAVE_SECONDS)
                self.save()
        finally:
            self.save()
