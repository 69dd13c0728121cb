"""The state file: the platforms' state on disk, from which a restarted sandbox goes on."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

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

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of its files by id; those of one id never change."""

    def fill(self, state: dict[str, Any], contents: Mapping[str, bytes]) -> None:
        """Put the bytes of files into a dump without them, in any thread."""

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
        if (draft := self._changed()) is not None:
            self._write(draft)

    async def save_regularly(self) -> None:
        """Save every SAVE_SECONDS until cancelled, and then once more.

        A thread encodes the files, so that the platforms go on answering.
        """
        writing: asyncio.Future[None] | None = None
        try:
            while True:
                await asyncio.sleep(SAVE_SECONDS)
                if (draft := self._changed()) is not None:
                    writing = asyncio.ensure_future(asyncio.to_thread(self._write, draft))
                    await asyncio.shield(writing)
        finally:
            if writing is not None:
                await asyncio.wait({writing})
            self.save()

    def _changed(self) -> "_Draft | None":
        """Return what is to be written, or None if nothing has changed."""
        # The bytes of a file never change, so its id says enough; encoding 128 MB takes a second.
        states = {name: one.dump(contents=False) for name, one in self._platforms.items()}
        outline = msgspec.json.encode(states, order="deterministic")
        if outline == self._written:
            return None
        contents = {name: one.contents() for name, one in self._platforms.items()}
        return _Draft(outline, states, contents)

    def _write(self, draft: "_Draft") -> None:
        for name, platform in self._platforms.items():
            platform.fill(draft.states[name], draft.contents[name])
        part = self._path.with_name(self._path.name + ".part")
        part.write_bytes(msgspec.json.encode(draft.states, order="deterministic"))
        os.replace(part, self._path)  # noqa: PTH105 - the usual name of the atomic replacement
        self._written = draft.outline


class _Draft(NamedTuple):
    """A state without files, encoded and as values, and the bytes of its files."""

    outline: bytes
    states: dict[str, dict[str, Any]]
    contents: dict[str, dict[str, bytes]]
